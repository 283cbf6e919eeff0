"""Claims on mini-batches: the report's, and what sampling theory and the diffusion say of them.

Theorems decide those that are ``proved``, so that runs check the program and are no sample.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from koopnb.dynamics import escape
from koopnb.evidence.claim import Claim
from koopnb.experiments.noise import STEP
from koopnb.experiments.record import Record

Measure = Callable[[Record], float]

REPORT = "report, section on stochastic gradient descent"
SAMPLING = "this book, after sampling theory"
RECURSION = "this book, after the linear recursion"
DIFFUSION = "this book, on the diffusion"


def _claim(
    heading: str, key: str, statement: str, source: str, quantity: str, measure: Measure,
    low: float = -math.inf, high: float = math.inf, *, proved: bool = False,
) -> Claim:  # fmt: skip
    """Numbers here are counts and ratios of samples: their verdicts alone are the same anywhere."""
    section = f"02-stochastic-gradients#{heading}"
    return Claim(
        key, statement, source, section, quantity, measure, low, high, math.inf, proved=proved
    )


def _of(*names: Any) -> Measure:
    """One number of the record, by where it stands."""

    def measure(one: Record) -> float:
        inner: Any = one.metrics
        for name in names:
            inner = inner[name]
        return float(inner)

    return measure


def _left(batch: Callable[..., Mapping[str, Any]]) -> Measure:
    """The share of walks that leave the shallow minimum with one of the batch sizes."""

    def measure(one: Record) -> float:
        own = [row for row in one.metrics["escape"]["settings"] if row["rate"] == STEP]
        return batch(own, key=lambda row: row["batch"])["passed"] / one.config["walks"]

    return measure


def _in_deep_well(count: Callable[[list[int]], int]) -> Measure:
    """The share of starts that end there with one of the batch sizes."""
    return lambda one: count(one.metrics["starts"]["deep"]) / one.config["starts"]


def _ahead(of: str) -> Measure:
    """How many more of the networks mini-batches bring to the loss than the full batch does."""
    return lambda one: one.metrics["networks"]["mini-batches"] - one.metrics["networks"][of]


def _at_step(step: float) -> Measure:
    """The variance of a walk in the parabola, with tilts drawn anew, at one learning rate."""

    def measure(one: Record) -> float:
        parabola = one.metrics["parabola"]
        return parabola["fresh"][parabola["steps"].index(step)]

    return measure


def _tail(one: Record) -> float:
    """The rate with the tail out of the well, over the upper limit of that with the tail in."""
    out, against = (
        next(row for row in one.metrics["tails"][side] if row["batch"] == 16)
        for side in ("out", "in")
    )
    limit = escape.rate_interval(against["passed"], against["predicted"])[1]
    return out["passed"] / out["predicted"] / limit


def _reshuffled_rate(one: Record) -> float:
    """Escapes over the diffusion's, in the shortest epochs."""
    shortest = min(one.metrics["reshuffled"], key=lambda row: row["epoch"])
    return shortest["passed"] / shortest["predicted"]


FIELD = "a-field-that-the-data-draw"
GRADIENTS = "how-much-noise-and-in-which-directions"
OUT = "out-of-the-shallow-minimum"
FAILURES = "where-the-diffusion-fails"
INFLECTION = "the-inflection"
STARTS = "from-everywhere-robustness-to-the-initial-state"

NOISE = (
    _claim(
        FIELD, "bias",
        "Mini-batches come from one distribution, so the mean of their losses is the loss", REPORT,
        "largest error of the mean, in standard errors", _of("field", "bias"), high=4.5,
        proved=True,
    ),
    _claim(
        OUT, "share-hot", "Small mini-batches leave a shallow minimum", REPORT, "share that leaves",
        _left(min), 0.95,
    ),
    _claim(
        OUT, "share-cold", "Large mini-batches leave a shallow minimum", REPORT,
        "share that leaves", _left(max), 0.95,
    ),
    _claim(
        FAILURES, "limit", "Mini-batches keep their noise as steps shrink to a flow", REPORT,
        "power of the learning rate", _of("limit", "power"), -0.1, 0.1, proved=True,
    ),
    _claim(
        INFLECTION, "crossed", "Mini-batches get out of inflections", REPORT, "share that passes",
        _of("inflection", "passed"), 0.95,
    ),
    _claim(
        STARTS, "deep-best", "At the best batch size, mini-batches are robust to the initial state",
        REPORT, "share in the deep well", _in_deep_well(max), 0.8,
    ),
    _claim(
        STARTS, "deep-cold",
        "At the largest batch size, mini-batches are robust to the initial state", REPORT,
        "share in the deep well", _in_deep_well(lambda counts: counts[-1]), 0.8,
    ),
    _claim(
        STARTS, "deep-hot", "Single samples are robust to the initial state", REPORT,
        "share in the deep well", _in_deep_well(lambda counts: counts[0]), 0.8,
    ),
    _claim(
        STARTS, "same-data",
        "On a network, mini-batches are more robust to the initial state, for the same data",
        REPORT, "share ahead of full batch", _ahead("same data"), 0.2,
    ),
    _claim(
        STARTS, "same-iterations",
        "On a network, mini-batches are more robust to the initial state, for the same iterations",
        REPORT, "share ahead of full batch", _ahead("same iterations"), 0.2,
    ),
    _claim(
        GRADIENTS, "slope", "Noise variance falls as 1/batch size", SAMPLING, "fitted slope",
        _of("noise", "power"), -1.06, -0.94, proved=True,
    ),
    _claim(
        GRADIENTS, "variance-ratio",
        "The noise's variance follows from the covariance, with and without replacement", SAMPLING,
        "measured / formula, worst batch size", _of("noise", "worst_ratio"), 0.8, 1.25, proved=True,
    ),
    _claim(
        FAILURES, "exact", "The recursion has its exact variance, drawn anew or reshuffled",
        RECURSION, "measured / formula, worst step", _of("parabola", "worst_ratio"), 0.8, 1.25,
        proved=True,
    ),
    _claim(
        GRADIENTS, "kurtosis-1", "One sample's noise is normal", DIFFUSION, "excess kurtosis",
        _of("noise", "kurtosis", "1"), -1, 1,
    ),
    _claim(
        GRADIENTS, "kurtosis-256", "The noise of 256 samples is normal", DIFFUSION,
        "excess kurtosis", _of("noise", "kurtosis", "256"), -1, 1,
    ),
    _claim(
        GRADIENTS, "top-ten", "The noise is alike in all directions", DIFFUSION,
        "share of ten directions", _of("noise", "top_ten"), high=0.1,
    ),
    _claim(
        OUT, "rate-small", "Small steps escape at the diffusion's rate", DIFFUSION,
        "escapes / predicted", _of("escape", "small_steps"), 0.85, 1.15,
    ),
    _claim(
        FAILURES, "variance-small", "Small steps have the diffusion's variance", DIFFUSION,
        "variance / diffusion's", _at_step(0.05), 0.85, 1.15, proved=True,
    ),
    _claim(
        FAILURES, "variance-large", "Large steps have the diffusion's variance", DIFFUSION,
        "variance / diffusion's", _at_step(1.5), 0.85, 1.15, proved=True,
    ),
    _claim(
        FAILURES, "variance-reshuffled", "Reshuffled batches have the diffusion's variance",
        DIFFUSION, "variance / diffusion's", _of("parabola", "reshuffled", 0), 0.85, 1.15,
        proved=True,
    ),
    _claim(
        FAILURES, "escape-reshuffled", "Reshuffled batches escape at the diffusion's rate",
        DIFFUSION, "rate / diffusion's", _reshuffled_rate, 0.85, 1.15,
    ),
    _claim(
        FAILURES, "tail", "Only the variance of the noise counts, not its shape", DIFFUSION,
        "rate with the tail / upper limit against it, batches of 16", _tail, high=1.5,
    ),
    _claim(
        INFLECTION, "cube-root", "The time past an inflection goes as the temperature's power -1/3",
        DIFFUSION, "fitted power", _of("inflection", "power"), -0.39, -0.28,
    ),
)  # fmt: skip

CLAIMS = {"noise": NOISE}
