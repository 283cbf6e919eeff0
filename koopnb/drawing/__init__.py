"""Pictures: data and an axis in, artists out.

``figures`` for what stands still, ``films`` and ``animations`` for what moves, ``playground`` for
what a reader moves.
"""
