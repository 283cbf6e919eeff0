"""From MyST chapters to the rendered book: jupytext, papermill, Jupyter Book.

``contents`` lists the chapters; ``execute`` runs one, if its ``fingerprint`` changed; ``pages``
writes what is generated; ``build`` makes the whole book.
"""
