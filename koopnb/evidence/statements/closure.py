"""Claims on when finitely many observables are enough, and on what a state of training is."""

import math
from collections.abc import Callable

import numpy as np

from koopnb.evidence.claim import Claim
from koopnb.experiments.record import Record

PAGE = "04-koopman-theory"


def _errors(system: str, column: int) -> Callable[[Record], np.ndarray]:
    """Errors at one of the horizons, from the smallest dictionary to the largest."""
    return lambda one: np.array(one.metrics[system]["errors"])[:, column]


def _gain(optimizer: str, *columns: int) -> Callable[[Record], float]:
    """The largest of the errors with memory over those without, at some horizons."""

    def measure(one: Record) -> float:
        alone, both = np.array(one.metrics["with memory"][optimizer], float)
        return float((both / alone)[list(columns)].max())

    return measure


def _futures(one: Record) -> float:
    """How far two futures are apart at the least, beyond those of full-batch descent."""
    gaps = dict(one.metrics["two futures"])
    descent = gaps.pop("descent")
    return min(gaps.values()) - descent


def _grown(one: Record, measure: str) -> float:
    return float(one.metrics["norm growth"][measure] - 1)


def _claim(
    key: str, statement: str, source: str, heading: str, quantity: str,
    measure: Callable[[Record], float], *, low: float = -math.inf, high: float = math.inf,
    proved: bool = True,
) -> Claim:  # fmt: skip
    return Claim(
        key, statement, source, f"{PAGE}#{heading}", quantity, measure,
        low=low, high=high, tolerance=math.inf, proved=proved,
    )  # fmt: skip


CLOSURE = (
    _claim(
        "operator-linear",
        "Koopman operators are linear where the map is not",
        "report, Background",
        "states-observables-operator",
        "how far the operator is from linear, over how far the map is",
        lambda one: one.metrics["linearity"]["operator"] / one.metrics["linearity"]["map"],
        high=1e-12,
    ),
    _claim(
        "closed-spectrum",
        "Observables that span an invariant subspace give its eigenvalues, but for rounding",
        "this book",
        "a-system-that-closes",
        "distance of the spectrum",
        lambda one: float(one.metrics["spectrum"]),
        high=1e-10,
    ),
    _claim(
        "well-one-step",
        "Larger dictionaries predict the double well a thousand times better one step ahead",
        "this book",
        "systems-that-do-not-close",
        "error with 46 observables over that with 2",
        lambda one: float(_errors("double well", 0)(one)[-1] / _errors("double well", 0)(one)[0]),
        high=1e-3,
    ),
    _claim(
        "well-never-closes",
        "No dictionary predicts the double well's worst start 40 steps ahead",
        "this book",
        "systems-that-do-not-close",
        "least of the largest errors, up to 46 observables",
        lambda one: float(_errors("double well", 2)(one).min()),
        low=0.9,
    ),
    _claim(
        "cycle-never-closes",
        "No dictionary of up to 105 observables predicts van der Pol's oscillator four turns ahead",
        "this book",
        "systems-that-do-not-close",
        "least root mean square error",
        lambda one: float(_errors("van der Pol", 2)(one).min()),
        low=0.05,
        proved=False,
    ),
    _claim(
        "leak",
        "The error of observables that do not close is the sum of what leaks, step by step",
        "this book",
        "no-guarantee-without-an-invariant-subspace",
        "largest difference of the two sides after 60 steps",
        lambda one: float(one.metrics["leak"]),
        high=1e-9,
    ),
    _claim(
        "both-integrable",
        "Under a Gaussian measure, identity and projections are square-integrable",
        "this book, after the report",
        "identity-or-projections",
        "share by which their squared norm grows on the largest boxes",
        lambda one: _grown(one, "Gaussian"),
        high=1e-3,
    ),
    _claim(
        "neither-integrable",
        "Under Lebesgue's and Cauchy's measure, neither identity nor projections are",
        "this book, after the report",
        "identity-or-projections",
        "share by which their squared norm grows on the largest boxes, the smaller of both",
        lambda one: min(_grown(one, name) for name in ("Lebesgue", "Cauchy")),
        low=1.0,
    ),
    _claim(
        "same-operator",
        "Identity and projections give the same operator, to the bit",
        "this book, after the report",
        "identity-or-projections",
        "largest difference of eigenvalues and predictions",
        lambda one: float(one.metrics["identity"]),
        high=0.0,
    ),
    _claim(
        "weights-no-state",
        "Weights alone are a state of full-batch descent only",
        "this book, after the report",
        "what-autonomy-asks-of-an-optimizer",
        "least relative difference of two next steps, in four other ways to train",
        _futures,
        low=0.1,
        proved=False,
    ),
    _claim(
        "velocity-helps",
        "With momentum, observing the velocity helps, 1 and 20 steps ahead",
        "this book",
        "what-autonomy-asks-of-an-optimizer",
        "largest error with it over that without",
        _gain("momentum", 0, 1),
        high=1.0,
        proved=False,
    ),
    _claim(
        "accumulators-help",
        "With Adadelta, observing its accumulators helps, 20 and 100 steps ahead",
        "this book",
        "what-autonomy-asks-of-an-optimizer",
        "largest error with them over that without",
        _gain("adadelta", 1, 2),
        high=1.0,
        proved=False,
    ),
)

CLAIMS = {"closure": CLOSURE}
