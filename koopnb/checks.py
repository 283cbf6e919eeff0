"""What a user can mend: its own kind of error, and checks of arguments that raise it."""

import operator
from typing import Any

import numpy as np

Integer = Any  # of any integer type; what takes it checks it, with a message for people


class Refusal(ValueError):
    """What was asked for cannot be done, and the message says what to ask for instead.

    The command line shows a refusal as one line; every other error is a fault of the program,
    and keeps its traceback.
    """


def integer(name: str, value: Integer, least: int, meaning: str, most: int | None = None) -> int:
    """A Python or NumPy integer between ``least`` and ``most``, which may be None.

    Raises:
        Refusal: what is no integer, or lies outside; the message says what was got.
    """
    allowed = f">= {least}" if most is None else f"from {least} to {most}"
    wrong = f"must be an integer {allowed} ({meaning})."
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise Refusal(f"{name}={value!r}: {wrong}") from None
    if number < least or (most is not None and number > most):
        raise Refusal(f"{name}={number}: {wrong}")
    return number
