"""beartype as the import hook of conftest.py uses it: an int will do for a float (PEP 484)."""

from beartype import BeartypeConf
from beartype import beartype as _beartype

check = _beartype(conf=BeartypeConf(is_pep484_tower=True))
