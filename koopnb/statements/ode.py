"""Claims on the paper's own test, the ODE-solver networks."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from koopnb.experiments import ode
from koopnb.experiments.record import Record
from koopnb.statements.claim import Claim


def _end(one: Record, name: str) -> Any:
    return one.curves[name][-1]


def _moved(arm: str, best: int | None = None) -> Callable[[Record], float]:
    """The paper's summary at the horizon: median error over median true change."""
    return lambda one: ode.ratio(_end(one, f"{arm}/error"), _end(one, "change"), best)


def _loss_over(arm: str, other: str) -> Callable[[Record], float]:
    """Loss of one arm over that of another at the horizon, network by network: the median."""
    return lambda one: float(np.median(_end(one, f"{arm}/loss") / _end(one, f"{other}/loss")))


def _speed(one: Record) -> float:
    cost = one.metrics["seconds"]["float64"]
    whole = cost["record"] + cost["fit"]["node"] + cost["predict"]["node"] + cost["check"]
    return cost["train"] / whole


ODE = (
    Claim(
        "node-accurate",
        "Node operators predict the weights",
        "paper",
        "09-ode-networks#all-networks-then-the-best-eleven",
        "median error over median change",
        _moved("node float64"),
        high=0.5,
    ),
    Claim(
        "layer-accurate",
        "Layer operators predict the weights",
        "paper",
        "09-ode-networks#all-networks-then-the-best-eleven",
        "median error over median change",
        _moved("layer float64"),
        high=0.5,
    ),
    Claim(
        "node-compromise",
        "Node operators are as good as the network operator",
        "paper",
        "09-ode-networks#what-the-predicted-networks-are-worth",
        "loss over the network operator's",
        _loss_over("node float64", "network float64"),
        high=1.1,
        tolerance=math.inf,
    ),
    Claim(
        "node-useful",
        "Predicting with node operators lowers the loss by a tenth",
        "paper",
        "09-ode-networks#what-the-predicted-networks-are-worth",
        "loss over that at the end of the record",
        _loss_over("node float64", "no change"),
        high=0.9,
        tolerance=math.inf,
    ),
    Claim(
        "beats-average",
        "The network operator beats the plain average by a tenth",
        "this book",
        "09-ode-networks#what-the-predicted-networks-are-worth",
        "loss over that of the average",
        _loss_over("network float64", "mean"),
        high=0.9,
        tolerance=3.0,
    ),
    Claim(
        "ode-clock",
        "Node operators are more than ten times faster, all costs counted",
        "paper, abstract",
        "09-ode-networks#the-clock",
        "training time over cost",
        _speed,
        low=10.0,
        timed=True,
    ),
)
