"""Claims on the ODE-solver networks of the paper's published example.

The paper gives no bounds: a half of the true change and a tenth of the loss are this book's, and
every sentence that rests on one says so.
"""

import math
from collections.abc import Callable

from koopnb.evidence.claim import Claim
from koopnb.experiments import ode
from koopnb.experiments.record import Record


def _error_over(arm: str, other: str = "no change") -> Callable[[Record], float]:
    return lambda one: ode.error_over(one, arm, other)


def _loss_over(arm: str, other: str) -> Callable[[Record], float]:
    return lambda one: ode.loss_over(one, arm, other)


ERROR = "median error over median true change"

ODE = (
    *(
        Claim(
            f"{arm}-accurate",
            f"{plural} predict the weights to within half of their true change",
            "paper",
            "09-ode-networks#all-networks-then-the-best-eleven",
            ERROR,
            _error_over(f"{arm} float64"),
            high=0.5,
            tolerance=tolerance,
        )
        for arm, plural, tolerance in (
            ("node", "Node operators", 1.5),
            ("layer", "Layer operators", 3.0),
            ("network", "Network operators", 3.0),
        )
    ),
    Claim(
        "network-beats-line",
        "Network operators predict the weights better than a straight line, by a tenth or more",
        "this book",
        "09-ode-networks#against-a-straight-line",
        "median error over the line's median error",
        _error_over("network float64", "linear"),
        high=0.9,
        tolerance=3.0,
    ),
    Claim(
        "node-compromise",
        "The loss after node operators is at most a tenth above that after network operators",
        "paper",
        "09-ode-networks#what-the-predicted-networks-are-worth",
        "median of loss over the network operator's",
        _loss_over("node float64", "network float64"),
        high=1.1,
        tolerance=math.inf,
    ),
    Claim(
        "node-useful",
        "Predicting with node operators lowers the loss by a tenth or more",
        "paper",
        "09-ode-networks#what-the-predicted-networks-are-worth",
        "median of loss over that at the end of the record",
        _loss_over("node float64", "no change"),
        high=0.9,
        tolerance=math.inf,
    ),
    Claim(
        "beats-average",
        "The loss after network operators is at least a tenth below that of the plain average",
        "this book",
        "09-ode-networks#what-the-predicted-networks-are-worth",
        "median of loss over the average's",
        _loss_over("network float64", "mean"),
        high=0.9,
        tolerance=3.0,
    ),
    Claim(
        "ode-clock",
        "Predicting with node operators is ten times faster than training, all costs counted",
        "paper, abstract",
        "09-ode-networks#the-clock",
        "time of training over that of recording, fit, prediction and check",
        lambda one: ode.speed_up(one.metrics["seconds"]["float64"], "node"),
        low=10.0,
        timed=True,
    ),
)

CLAIMS = {"ode": ODE}
