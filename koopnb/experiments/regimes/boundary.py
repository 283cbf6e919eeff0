"""On which side of the boundary is a run? Answers from losses, and guesses from scores."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from koopnb.experiments.record import Record
from koopnb.experiments.regimes.candidates import AVERAGES

NEAR = 1.1  # a tenth above the optimizer's own loss; within a tenth: from 1 / NEAR to NEAR
SHARE = 0.8  # of the optimizer's own decrease
QUESTIONS = {
    "near": "at most a tenth above the optimizer's own loss",
    "progress": "at least four fifths of the optimizer's own decrease",
    "better": "below the best average",
}
# 1 where a high score speaks for a jump, -1 where a low one does.
SCORES = {"drift": 1, "persistence": 1, "consistency": -1, "held out": -1, "rehearsal": -1}


class Rule(NamedTuple):
    """Jump where the signed score is at least ``threshold``."""

    score: str
    threshold: float


# Drift had the fewest errors on seeds 100 to 104 of both data sets; its thresholds, to two digits.
CHOSEN = {
    ("near", 0): Rule("drift", 0.036),
    ("progress", 1): Rule("drift", 0.1),
    ("better", 2): Rule("drift", 0.016),
}


class Errors(NamedTuple):
    """Wrong guesses: ``lost`` good jumps refused, ``bad`` ones taken, of ``good`` good ones."""

    lost: int
    bad: int
    good: int
    cells: int

    @property
    def rate(self) -> float:
        """Share of all cells that are guessed wrong."""
        return (self.lost + self.bad) / self.cells

    @property
    def constant(self) -> float:
        """The rate of whoever always gives the answer that is right more often."""
        return min(self.good, self.cells - self.good) / self.cells


def average(one: Record, split: str = "train") -> Float[np.ndarray, "optimizers batches"]:
    """The loss of the best average of every record; training data decide which is best."""
    best = np.argmin([one.curves[f"{name}/train"] for name in AVERAGES], axis=0)
    each = np.stack([one.curves[f"{name}/{split}"] for name in AVERAGES]).astype(float)
    return np.take_along_axis(each, best[None], axis=0)[0]


def over_own(
    one: Record, arm: str, split: str = "train"
) -> Float[np.ndarray, "horizons optimizers batches"]:
    """Loss of an arm, of "average" or of what stays, over the optimizer's own."""
    loss = average(one, split) if arm == "average" else one.curves[f"{arm}/{split}"]
    return loss / one.curves[f"own/{split}"].astype(float)


def over(
    one: Record, arm: str, other: str, split: str = "train"
) -> Float[np.ndarray, "horizons optimizers batches"]:
    """Loss of an arm over another's, as `over_own` names them; equal losses are 1, zeros too."""
    above, below = (over_own(one, name, split) for name in (arm, other))
    same = above == below
    return np.divide(above, below, out=np.ones_like(above), where=~same & (below > 0)) + np.where(
        ~same & (below == 0), np.inf, 0.0
    )


def growth(one: Record, arm: str) -> Float[np.ndarray, "horizons optimizers batches"]:
    r"""The share $\log(f_n / \tilde f) / \log(f_n / \hat f)$ of a gain that is growth alone.

    f are training losses: $f_n$ of the last recorded weights, $\hat f$ of the arm, or of the
    optimizer for "own", $\tilde f$ of the last weights times the factor that gives them the norm
    of the arm's. No number where the arm's loss is not below $f_n$.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = -np.log(over(one, arm, "last"))
        share = -np.log(over(one, f"norm/{arm}", "last")) / gain
    return np.where(gain > 0, share, np.nan)


def progress(one: Record, arm: str) -> Float[np.ndarray, "horizons optimizers batches"]:
    r"""The share $(f_n - \hat f) / (f_n - f)$ of the optimizer's decrease that an arm achieves.

    f are training losses: $f_n$ of the last recorded weights, $\hat f$ of the arm, f of the
    optimizer. No number where the optimizer's loss did not fall.
    """
    last, own = one.curves["last/train"].astype(float), one.curves["own/train"].astype(float)
    gain = last - own
    share = (last - over_own(one, arm) * own) / np.where(gain > 0, gain, 1)
    return np.where(gain > 0, share, np.nan)


def answers(one: Record, question: str) -> Bool[np.ndarray, "horizons optimizers batches"]:
    """Whether the operator's jump is good, in the sense of one of `QUESTIONS`."""
    if question == "near":
        return over_own(one, "operator") <= NEAR
    if question == "progress":
        return np.nan_to_num(progress(one, "operator"), nan=0.0) >= SHARE
    return over_own(one, "operator") < over_own(one, "average")


def signed(one: Record, score: str) -> Float[np.ndarray, "horizons optimizers batches"]:
    """A score, with the sign that makes high ones speak for a jump."""
    values = SCORES[score] * one.curves[f"score/{score}"].astype(float)
    return np.broadcast_to(values, one.curves["own/train"].shape)


def choose(
    records: Sequence[Record], score: str, question: str, horizon: int
) -> tuple[Rule, Errors]:
    """The threshold with the fewest errors on these records, halfway between two scores.

    Among equals the lowest. ``horizon`` is a place in the configuration's list.
    """
    truth, values = _gathered(records, score, question, horizon)
    each = np.unique(values)
    cuts = [-np.inf, *(each[1:] + each[:-1]) / 2, np.inf]
    found = [(Rule(score, float(cut)), _wrong(truth, values >= cut)) for cut in cuts]
    return min(found, key=lambda pair: pair[1].rate)


def errors(records: Sequence[Record], rule: Rule, question: str, horizon: int) -> Errors:
    """What a rule gets wrong on records."""
    truth, values = _gathered(records, rule.score, question, horizon)
    return _wrong(truth, values >= rule.threshold)


def _gathered(
    records: Sequence[Record], score: str, question: str, horizon: int
) -> tuple[Bool[np.ndarray, " cells"], Float[np.ndarray, " cells"]]:
    """Of all cells of all records at one horizon: whether a jump is good, and the signed score."""
    truth = np.concatenate([answers(one, question)[horizon].ravel() for one in records])
    return truth, np.concatenate([signed(one, score)[horizon].ravel() for one in records])


def _wrong(truth: Bool[np.ndarray, " cells"], go: Bool[np.ndarray, " cells"]) -> Errors:
    return Errors(int(np.sum(truth & ~go)), int(np.sum(~truth & go)), int(truth.sum()), len(truth))
