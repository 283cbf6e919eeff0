"""Claims on the report's experiment with the paper's operators, by its program and by ours."""

import math
from collections.abc import Callable

import numpy as np

from koopnb.evidence.claim import Claim
from koopnb.evidence.statements.training import ACCURATE, accuracy
from koopnb.experiments.mnist import FACTORED
from koopnb.experiments.record import Record

SECTION = "07-mnist-experiment#every-operator-in-both-arithmetics"


def apart(arm: str, epochs: int) -> Callable[[Record], float]:
    """How far matrix and factors lie apart, in steps: after one iteration, or after epochs."""

    def measure(one: Record) -> float:
        at = one.curves[f"{arm}-64/parting/at"]
        last = max(1, epochs * one.metrics["iterations_per_epoch"])
        return float(one.curves[f"{arm}-64/parting"][np.searchsorted(at, last, "right") - 1])

    return measure


PAPER = (
    *(
        Claim(
            f"{arm}-accurate",
            f"Over the first epoch, {arm} operators with MATLAB's cutoff are as accurate as "
            "Adadelta, to three percent",
            "paper",
            SECTION,
            ACCURATE,
            accuracy(f"{arm}-64"),
            low=0.97,
            tolerance=math.inf,
        )
        for arm in ("weight", "quasi-node", "node", "layer", "network")
    ),
    *(
        Claim(
            f"{arm}-factored",
            f"Evaluated in factors, {arm} operators with MATLAB's cutoff are as accurate as "
            "Adadelta over the first epoch, to three percent",
            "this book",
            SECTION,
            ACCURATE,
            accuracy(f"{arm}-64{FACTORED}"),
            low=0.97,
            tolerance=math.inf,
        )
        for arm in ("quasi-node", "node")
    ),
    *(
        Claim(
            f"{arm}-first-step",
            f"One iteration ahead, matrix and factors of the {arm} operators agree to half a step",
            "this book",
            SECTION,
            "distance in lengths of the last recorded step",
            apart(arm, 0),
            high=0.5,
            tolerance=math.inf,
        )
        for arm in ("quasi-node", "node")
    ),
    *(
        Claim(
            f"{arm}-powers-part",
            f"Within an epoch, powers of the {arm} operators' matrices part from their factors by "
            "more than a step",
            "this book",
            SECTION,
            "distance in lengths of the last recorded step",
            apart(arm, 1),
            low=1.0,
            tolerance=math.inf,
        )
        for arm in ("quasi-node", "node")
    ),
)

CLAIMS = {"paper": PAPER}
