"""What a claim is."""

import math
from collections.abc import Callable
from typing import NamedTuple

from koopnb.experiments.record import Record


class Claim(NamedTuple):
    """A statement that one number a record decides.

    ``section`` is where the book shows it, as "page#heading".
    ``low <= measure(record) <= high`` says that it holds for that record. ``tolerance`` is
    the factor by which the number may differ between two machines: training amplifies
    rounding, so numbers move where verdicts must not. The numbers of a ``timed`` claim
    belong to a machine: they are shown, and never counted as moved. A ``proved`` claim is
    decided by a theorem or by one example: runs check the program and are no sample.
    ``rounding`` is the relative change of the number that another machine's rounding makes: where
    that could turn the verdict, it is "depends".
    """

    key: str
    statement: str
    source: str
    section: str
    quantity: str
    measure: Callable[[Record], float]
    low: float = -math.inf
    high: float = math.inf
    tolerance: float = 1.5
    timed: bool = False
    proved: bool = False
    rounding: float = 0.0


def metric(part: str, name: str) -> Callable[[Record], float]:
    """Measures a number that stands in a part of a record's metrics."""
    return lambda one: float(one.metrics[part][name])
