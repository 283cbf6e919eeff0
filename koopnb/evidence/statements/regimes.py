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
BOOK, EXPECTED, AFTER_PAPER = "this book", "this book, expected", "this book, after the paper"
MAP, ARMS, LARGER, LOG_TIME, SCORE = (
    f"11-where-it-works#{heading}"
    for heading in (
        "the-map",
        "the-test-data-and-every-arm",
        "larger-weights-alone",
        "logarithmic-time",
        "a-score-of-the-record",
    )
)


def claim(
    key: str,
    statement: str,
    section: str,
    quantity: str,
    measure: Callable[[Record], float],
    *,
    source: str = BOOK,
    low: float = -math.inf,
    high: float = math.inf,
) -> Claim:
    """A claim whose number may differ between machines by any factor: its verdict counts."""
    return Claim(key, statement, source, section, quantity, measure, low, high, math.inf)


def most(
    numbers: Callable[[Record], np.ndarray], horizon: int, batch: int = FULL
) -> Callable[[Record], float]:
    """The median over the optimizers, at one horizon and one batch size; no number counts as 0."""
    return lambda one: float(np.median(np.nan_to_num(numbers(one)[horizon, :, batch], nan=0.0)))


def within_a_tenth(
    key: str,
    statement: str,
    section: str,
    arm: str,
    horizon: int,
    *,
    batch: int = FULL,
    source: str = BOOK,
) -> Claim:
    """Most of an arm's losses are at most a tenth above the optimizer's own or below it."""

    def off(one: Record) -> np.ndarray:
        return np.maximum(boundary.over_own(one, arm), boundary.over(one, "own", arm))

    quantity = "factor from the optimizer's own loss, median of the optimizers"
    measure = most(off, horizon, batch)
    return claim(key, statement, section, quantity, measure, source=source, high=boundary.NEAR)


def up_to(key: str, statement: str, section: str, arm: str, horizon: int, high: float) -> Claim:
    """Most of an arm's losses are at most ``high`` times the optimizer's own."""
    quantity = "loss over the optimizer's own, median of the optimizers"
    measure = most(lambda one: boundary.over_own(one, arm), horizon)
    return claim(key, statement, section, quantity, measure, high=high)


def four_fifths(key: str, statement: str, section: str, arm: str, horizon: int) -> Claim:
    """Most of an arm's jumps achieve four fifths of the optimizer's decrease."""
    quantity = "share of the optimizer's decrease, median of the optimizers"
    measure = most(lambda one: boundary.progress(one, arm), horizon)
    return claim(key, statement, section, quantity, measure, low=boundary.SHARE)


def over(arm: str, other: str, horizon: int, batch: int = FULL) -> Callable[[Record], float]:
    """An arm's loss over another's, of most optimizers."""
    return most(lambda one: boundary.over(one, arm, other), horizon, batch)


def drift_tells(key: str, statement: str, question: str, horizon: int) -> Claim:
    """The chosen threshold of drift answers a question right four times of five."""
    rule = boundary.CHOSEN[question, horizon]

    def wrong(one: Record) -> float:
        return boundary.errors([one], rule, question, horizon).rate

    return claim(key, statement, SCORE, "share of wrong guesses", wrong, high=0.2)


def _astray(one: Record, arm: str) -> np.ndarray:
    return one.curves[f"distance/{arm}"].astype(float)


def _closer(one: Record) -> np.ndarray:
    return _astray(one, "log time") / _astray(one, "even steps")


def _worsens(one: Record) -> float:
    found = boundary.over_own(one, "operator")[TWO]
    return float(np.median(found[:, SMALLEST] / found[:, FULL]))


# The factors, but for the protocol's tenth, were fixed on seeds from 100 on, which judge nothing.
REGIMES = (
    within_a_tenth(
        "full-reach",
        "With full batches, most jumps of twice the record are within a tenth of the optimizer",
        MAP, "operator", TWO, source=EXPECTED,
    ),
    within_a_tenth(
        "full-short",
        "With full batches, most predictions half the record ahead are within a tenth",
        MAP, "operator", HALF, source=AFTER_PAPER,
    ),
    within_a_tenth(
        "noisy-short",
        "With the smallest batches, most predictions half the record ahead are within a tenth",
        MAP, "operator", HALF, batch=SMALLEST, source=AFTER_PAPER,
    ),
    four_fifths(
        "full-progress",
        "With full batches, most jumps of twice the record achieve four fifths of the decrease",
        MAP, "operator", TWO,
    ),
    claim(
        "batch-decides",
        "Most jumps of twice the record are worse by half with the smallest batches",
        MAP, "loss over own, smallest over full batch, median", _worsens,
        source=EXPECTED, low=1.5,
    ),
    claim(
        "noisy-average",
        "With the smallest batches, most jumps of twice the record are no better than averaging",
        MAP, "loss over the best average's, median", over("operator", "average", TWO, SMALLEST),
        source=EXPECTED, low=1.0,
    ),
    claim(
        "line-ahead",
        "With full batches, most lines as long as the record beat the operator by a tenth",
        ARMS, "loss over the operator's, median", over("line", "operator", ONE), high=0.9,
    ),
    claim(
        "bound-costs",
        "With full batches, holding eigenvalues within the disc raises most losses by a tenth",
        ARMS, "bounded over free, twice the record, median",
        over("operator, bounded", "operator", TWO), low=1.1,
    ),
    up_to(
        "radial-below",
        "With full batches, one record ahead, larger weights alone overtake most optimizers",
        LARGER, "radial", ONE, 1.0,
    ),
    claim(
        "line-radial",
        "With full batches, most lines one record ahead are no better than the best scaling",
        LARGER, "loss over the best scaling's, median", over("line", "radial", ONE), low=1.0,
    ),
    claim(
        "line-growth",
        "With full batches, larger weights alone are half of most lines' gain, one record ahead",
        LARGER, "share of the fall of the logarithm, median",
        most(lambda one: boundary.growth(one, "line"), ONE), low=0.5,
    ),
    claim(
        "line-direction",
        "With full batches, most lines one record long beat scaling to their norm by a tenth",
        LARGER, "loss over that of scaling to its norm, median",
        over("line", "norm/line", ONE), high=0.9,
    ),
    within_a_tenth(
        "log-one",
        "With full batches, in log time, most jumps of one record are within a tenth",
        LOG_TIME, "log time", ONE,
    ),
    within_a_tenth(
        "log-reach",
        "With full batches, in log time, most jumps of twice the record are within a tenth",
        LOG_TIME, "log time", TWO,
    ),
    up_to(
        "log-line",
        "With full batches, most lines in log time, two records long, are a tenth above or lower",
        LOG_TIME, "line in log time", TWO, boundary.NEAR,
    ),
    claim(
        "log-closer",
        "With full batches, log time takes a tenth off most distances, twice the record ahead",
        LOG_TIME, "distance over that of even steps, median", most(_closer, TWO), high=0.9,
    ),
    claim(
        "line-strays",
        "With full batches, most lines twice the record long miss by more than no change",
        LOG_TIME, "distance over the optimizer's way, median",
        most(lambda one: _astray(one, "line"), TWO), low=1.0,
    ),
    drift_tells(
        "drift-near",
        "Drift tells if half the record ahead ends at most a tenth above: four times of five",
        "near", HALF,
    ),
    drift_tells(
        "drift-progress",
        "Drift tells whether one record ahead achieves four fifths: four times of five",
        "progress", ONE,
    ),
    drift_tells(
        "drift-better",
        "Drift tells whether twice the record ahead beats every average: four times of five",
        "better", TWO,
    ),
)  # fmt: skip

CLAIMS = {"regimes": REGIMES}
