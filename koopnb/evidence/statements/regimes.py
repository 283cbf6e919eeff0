"""Claims on where jumps work: per seed, over the optimizers of its grid.

"Most" are most of a seed's optimizers: the number is the median over them. "Within a tenth" is
two-sided, from 1 / 1.1 to 1.1.
"""

import math
from collections.abc import Callable

import numpy as np

from koopnb.evidence.claim import Claim
from koopnb.experiments.record import Record
from koopnb.experiments.regimes import boundary

FULL, SMALLEST = 0, -1  # places in the list of batch sizes
HALF, ONE, TWO = range(3)  # places in the list of horizons


def most(
    numbers: Callable[[Record], np.ndarray], horizon: int, batch: int
) -> Callable[[Record], float]:
    """The median over the optimizers, at one horizon and one batch size; no number counts as 0."""
    return lambda one: float(np.median(np.nan_to_num(numbers(one)[horizon, :, batch], nan=0.0)))


def own(arm: str) -> Callable[[Record], np.ndarray]:
    """Loss over the optimizer's own."""
    return lambda one: boundary.over_own(one, arm)


def off(arm: str) -> Callable[[Record], np.ndarray]:
    """By which factor the loss is above the optimizer's own or below it."""
    return lambda one: np.maximum(boundary.over_own(one, arm), boundary.over(one, "own", arm))


def over(arm: str, other: str) -> Callable[[Record], np.ndarray]:
    """Loss over another arm's."""
    return lambda one: boundary.over(one, arm, other)


def share(arm: str) -> Callable[[Record], np.ndarray]:
    """Share of the optimizer's decrease."""
    return lambda one: boundary.progress(one, arm)


def _astray(arm: str) -> Callable[[Record], np.ndarray]:
    return lambda one: one.curves[f"distance/{arm}"].astype(float)


def _closer(one: Record) -> np.ndarray:
    return _astray("log time")(one) / _astray("even steps")(one)


def _growth(one: Record) -> np.ndarray:
    return boundary.growth(one, "line")


def _worsens(one: Record) -> float:
    found = boundary.over_own(one, "operator")[TWO]
    return float(np.median(found[:, SMALLEST] / found[:, FULL]))


def _wrong(question: str, horizon: int) -> Callable[[Record], float]:
    rule = boundary.CHOSEN[question, horizon]
    return lambda one: boundary.errors([one], rule, question, horizon).rate


# The factors, but for the protocol's tenth, were fixed on seeds from 100 on, which judge nothing.
OWN = "loss over the optimizer's own, median of the optimizers"
OFF = "factor from the optimizer's own loss, median of the optimizers"
SHARE = "share of the optimizer's decrease, median of the optimizers"
REGIMES = (
    Claim(
        "full-reach",
        "With full batches, most jumps of twice the record are within a tenth of the optimizer",
        "this book, expected",
        "11-where-it-works#the-map",
        OFF,
        most(off("operator"), TWO, FULL),
        high=boundary.NEAR,
        tolerance=math.inf,
    ),
    Claim(
        "full-short",
        "With full batches, most predictions half the record ahead are within a tenth",
        "this book, after the paper",
        "11-where-it-works#the-map",
        OFF,
        most(off("operator"), HALF, FULL),
        high=boundary.NEAR,
        tolerance=math.inf,
    ),
    Claim(
        "noisy-short",
        "With the smallest batches, most predictions half the record ahead are within a tenth",
        "this book, after the paper",
        "11-where-it-works#the-map",
        OFF,
        most(off("operator"), HALF, SMALLEST),
        high=boundary.NEAR,
        tolerance=math.inf,
    ),
    Claim(
        "full-progress",
        "With full batches, most jumps of twice the record achieve four fifths of the decrease",
        "this book",
        "11-where-it-works#the-map",
        SHARE,
        most(share("operator"), TWO, FULL),
        low=boundary.SHARE,
        tolerance=math.inf,
    ),
    Claim(
        "batch-decides",
        "Most jumps of twice the record are worse by half with the smallest batches",
        "this book, expected",
        "11-where-it-works#the-map",
        "loss over own, smallest over full batch, median",
        _worsens,
        low=1.5,
        tolerance=math.inf,
    ),
    Claim(
        "noisy-average",
        "With the smallest batches, most jumps of twice the record are no better than averaging",
        "this book, expected",
        "11-where-it-works#the-map",
        "loss over the best average's, median",
        most(over("operator", "average"), TWO, SMALLEST),
        low=1.0,
        tolerance=math.inf,
    ),
    Claim(
        "line-ahead",
        "With full batches, most lines as long as the record beat the operator by a tenth",
        "this book",
        "11-where-it-works#the-test-data-and-every-arm",
        "loss over the operator's, median",
        most(over("line", "operator"), ONE, FULL),
        high=0.9,
        tolerance=math.inf,
    ),
    Claim(
        "bound-costs",
        "With full batches, holding eigenvalues within the disc raises most losses by a tenth",
        "this book",
        "11-where-it-works#the-test-data-and-every-arm",
        "bounded over free, twice the record, median",
        most(over("operator, bounded", "operator"), TWO, FULL),
        low=1.1,
        tolerance=math.inf,
    ),
    Claim(
        "radial-below",
        "With full batches, one record ahead, larger weights alone overtake most optimizers",
        "this book",
        "11-where-it-works#larger-weights-alone",
        OWN,
        most(own("radial"), ONE, FULL),
        high=1.0,
        tolerance=math.inf,
    ),
    Claim(
        "line-radial",
        "With full batches, most lines one record ahead are no better than the best scaling",
        "this book",
        "11-where-it-works#larger-weights-alone",
        "loss over the best scaling's, median",
        most(over("line", "radial"), ONE, FULL),
        low=1.0,
        tolerance=math.inf,
    ),
    Claim(
        "line-growth",
        "With full batches, larger weights alone are half of most lines' gain, one record ahead",
        "this book",
        "11-where-it-works#larger-weights-alone",
        "share of the fall of the logarithm, median",
        most(_growth, ONE, FULL),
        low=0.5,
        tolerance=math.inf,
    ),
    Claim(
        "line-direction",
        "With full batches, most lines one record long beat scaling to their norm by a tenth",
        "this book",
        "11-where-it-works#larger-weights-alone",
        "loss over that of scaling to its norm, median",
        most(over("line", "norm/line"), ONE, FULL),
        high=0.9,
        tolerance=math.inf,
    ),
    Claim(
        "log-one",
        "With full batches, in log time, most jumps of one record are within a tenth",
        "this book",
        "11-where-it-works#logarithmic-time",
        OFF,
        most(off("log time"), ONE, FULL),
        high=boundary.NEAR,
        tolerance=math.inf,
    ),
    Claim(
        "log-reach",
        "With full batches, in log time, most jumps of twice the record are within a tenth",
        "this book",
        "11-where-it-works#logarithmic-time",
        OFF,
        most(off("log time"), TWO, FULL),
        high=boundary.NEAR,
        tolerance=math.inf,
    ),
    Claim(
        "log-line",
        "With full batches, most lines in log time, two records long, are a tenth above or lower",
        "this book",
        "11-where-it-works#logarithmic-time",
        OWN,
        most(own("line in log time"), TWO, FULL),
        high=boundary.NEAR,
        tolerance=math.inf,
    ),
    Claim(
        "log-closer",
        "With full batches, log time takes a tenth off most distances, twice the record ahead",
        "this book",
        "11-where-it-works#logarithmic-time",
        "distance over that of even steps, median",
        most(_closer, TWO, FULL),
        high=0.9,
        tolerance=math.inf,
    ),
    Claim(
        "line-strays",
        "With full batches, most lines twice the record long miss by more than no change",
        "this book",
        "11-where-it-works#logarithmic-time",
        "distance over the optimizer's way, median",
        most(_astray("line"), TWO, FULL),
        low=1.0,
        tolerance=math.inf,
    ),
    Claim(
        "drift-near",
        "Drift tells if half the record ahead ends at most a tenth above: four times of five",
        "this book",
        "11-where-it-works#a-score-of-the-record",
        "share of wrong guesses",
        _wrong("near", HALF),
        high=0.2,
        tolerance=math.inf,
    ),
    Claim(
        "drift-progress",
        "Drift tells whether one record ahead achieves four fifths: four times of five",
        "this book",
        "11-where-it-works#a-score-of-the-record",
        "share of wrong guesses",
        _wrong("progress", ONE),
        high=0.2,
        tolerance=math.inf,
    ),
    Claim(
        "drift-better",
        "Drift tells whether twice the record ahead beats every average: four times of five",
        "this book",
        "11-where-it-works#a-score-of-the-record",
        "share of wrong guesses",
        _wrong("better", TWO),
        high=0.2,
        tolerance=math.inf,
    ),
)

CLAIMS = {"regimes": REGIMES}
