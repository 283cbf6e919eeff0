"""Claims on what of a prediction with MATLAB's cutoff is the operator's own, and what rounding."""

import math
from collections.abc import Callable

from koopnb.evidence.claim import Claim
from koopnb.evidence.statements.paper import SECTION
from koopnb.experiments import routes
from koopnb.experiments.record import Record

HALF = 0.5  # of the last recorded step


def _end(arm: str, route: str) -> Callable[[Record], float]:
    """How far a route lies from the factors, in steps, when the epoch ends."""
    return lambda one: float(one.curves[f"{arm}/{route}/apart"][-1])


def _claim(key: str, statement: str, arm: str, route: str) -> Claim:
    return Claim(
        key, statement, "this book", SECTION, "distance in lengths of the last recorded step",
        _end(arm, route), high=HALF, tolerance=math.inf,
    )  # fmt: skip


ROUTES = tuple(
    claim
    for arm in routes.OPERATORS
    for claim in (
        _claim(
            f"{arm}-determined",
            "An epoch ahead, changing the last digit of every weight, in double precision, moves "
            f"{arm} operators in factors by less than half a step",
            arm,
            "nearby",
        ),
        _claim(
            f"{arm}-steps",
            f"Applied step by step for an epoch, matrices of {arm} operators stay within half a "
            "step of their factors",
            arm,
            "steps",
        ),
    )
)

CLAIMS = {"routes": ROUTES}
