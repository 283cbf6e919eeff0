"""What several test modules share."""

from support import typechecker  # the import hook of conftest.py takes it from here

__all__ = ["typechecker"]
