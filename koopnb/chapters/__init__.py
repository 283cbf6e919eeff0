"""What the chapters show: one module a chapter, with its figures, tables and generated sentences.

Records in, plates and text out. A chapter's notebook is prose, and calls of these.
"""
