"""Scores of a record: what they guess about a jump, and how often they are wrong."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from koopnb.chapters.where_it_works.grids import AHEAD
from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS, NOTE
from koopnb.evidence.statements.regimes import HALF, ONE, TWO
from koopnb.experiments.record import Record
from koopnb.experiments.regimes import boundary

Grids = Mapping[str, Sequence[Record]]
JUDGED = ("To set it", "Digits", "MNIST", "MNIST from digits")
ONE_ANSWER = "*one answer*"


class Guess(NamedTuple):
    """A score's rule for one question and horizon, and its errors in the order of ``JUDGED``."""

    question: str
    horizon: float
    rule: boundary.Rule
    errors: tuple[boundary.Errors, ...]


class Worth(NamedTuple):
    """What a jump is worth in the sense of one question, from where on, and at which horizon."""

    horizon: int
    numbers: Callable[[Record], np.ndarray]
    bound: float
    label: str


def _missed(one: Record) -> np.ndarray:
    return 1 - boundary.progress(one, "operator")


WORTH = {
    "near": Worth(HALF, partial(boundary.over_own, arm="operator"), boundary.NEAR, "loss / own"),
    "progress": Worth(ONE, _missed, 1 - boundary.SHARE, "share of the decrease that is missed"),
    "better": Worth(
        TWO, partial(boundary.over, arm="operator", other="average"), 1.0, "loss / best average's"
    ),
}


def judged(setting: Grids, judging: Grids) -> list[Guess]:
    """Every score on every question: thresholds from one set of seeds, errors on both.

    The last errors are those on MNIST with thresholds that digits alone set.
    """
    both = [*setting["digits"], *setting["mnist"]]
    guesses = []
    for question in boundary.QUESTIONS:
        for place, horizon in enumerate(setting["mnist"][0].config["horizons"]):
            for score in boundary.SCORES:
                rule, first = boundary.choose(both, score, question, place)
                away, _ = boundary.choose(setting["digits"], score, question, place)
                errors = (
                    first,
                    boundary.errors(judging["digits"], rule, question, place),
                    boundary.errors(judging["mnist"], rule, question, place),
                    boundary.errors(judging["mnist"], away, question, place),
                )
                guesses.append(Guess(question, horizon, rule, errors))
    return guesses


def rates(guesses: Sequence[Guess]) -> dict[str, np.ndarray]:
    """The share of wrong guesses of every score, and of one answer for all, as ``JUDGED``."""
    wrong, constant, cells = defaultdict(list), defaultdict(list), defaultdict(list)
    for guess in guesses:
        score = guess.rule.score
        wrong[score].append([error.lost + error.bad for error in guess.errors])
        constant[score].append([min(e.good, e.cells - e.good) for e in guess.errors])
        cells[score].append([error.cells for error in guess.errors])
    total = {score: np.sum(cells[score], axis=0) for score in cells}
    found = {score: np.sum(errors, axis=0) / total[score] for score, errors in wrong.items()}
    some = next(iter(total))
    return found | {ONE_ANSWER: np.sum(constant[some], axis=0) / total[some]}


def errors(guesses: Sequence[Guess]) -> plates.Text:
    """The rates of all scores, worst first, and every question and horizon to open."""
    ordered = sorted(rates(guesses).items(), key=lambda pair: -pair[1][0])
    short = [
        {"Score": score} | {head: f"{rate:.0%}" for head, rate in zip(JUDGED, found, strict=True)}
        for score, found in ordered
    ]
    title = "Every question, horizon and score; good jumps refused + bad ones taken"
    return plates.Text(
        "Wrong guesses over all three questions and the horizons of half, one and two records, "
        f"worst first:\n\n{plates.table(short)}\n\n"
        f"{plates.dropdown(title, plates.table(_every(guesses)))}\n\n"
    )


def _every(guesses: Sequence[Guess]) -> list[dict[str, str]]:
    """A row a guess, and one for one answer after the scores of a question and horizon."""
    rows = []
    for guess in guesses:
        about = {"Question": guess.question, "Horizon": f"{guess.horizon:g}"}
        wrong = [f"{e.rate:.0%} ({e.lost} + {e.bad} of {e.cells})" for e in guess.errors]
        told = {"Score": guess.rule.score, "Threshold": _threshold(guess.rule)}
        rows.append(about | told | dict(zip(JUDGED, wrong, strict=True)))
        if guess.rule.score == [*boundary.SCORES][-1]:
            constant = [f"{error.constant:.0%}" for error in guess.errors]
            told = {"Score": ONE_ANSWER, "Threshold": ""}
            rows.append(about | told | dict(zip(JUDGED, constant, strict=True)))
    return rows


def _threshold(rule: boundary.Rule) -> str:
    if not np.isfinite(rule.threshold):
        return "always" if rule.threshold < 0 else "never"
    sign = boundary.SCORES[rule.score]
    return f"{'≥' if sign > 0 else '≤'} {sign * rule.threshold:.2g}"


def chosen(judging: Grids) -> dict[str, list[boundary.Errors]]:
    """The errors of the rules that the book fixed, by question, on every data set."""
    return {
        question: [boundary.errors(records, rule, question, place) for records in judging.values()]
        for (question, place), rule in boundary.CHOSEN.items()
    }


@plates.styled
def drift(judging: Grids) -> plates.Plate:
    """Drift of every record against what its jump is worth, for the three questions."""
    figure, axes = plt.subplots(1, 3, sharex=True, figsize=(9.5, 4.0))
    for axis, (question, worth) in zip(axes, WORTH.items(), strict=True):
        _open_marks(axis, judging["mnist"], worth)
        _filled_marks(axis, judging["digits"], worth)
        rule = boundary.CHOSEN[question, worth.horizon]
        axis.axhline(worth.bound, color=NOTE, linewidth=1)
        axis.axvline(rule.threshold, color=COLOURS["node"], linewidth=1.8)
        axis.set(
            xscale="log", yscale="log", xlabel="drift of the record", ylabel=worth.label,
            title=f"{question}: {AHEAD[worth.horizon]} ahead",
        )  # fmt: skip
        axis.set_yticks([0.1, 1, 10], ["0.1", "1", "10"])
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=6)
    wrong = "; ".join(
        f"{question}: digits {digits.lost} good jumps refused and {digits.bad} bad ones taken of "
        f"{digits.cells}, MNIST {mnist.lost} and {mnist.bad} of {mnist.cells}"
        for question, (digits, mnist) in chosen(judging).items()
    )
    return plates.Plate(
        figure,
        "Three scatter plots against the drift of a record: the lower a point, the better its "
        "jump. The points fall as drift rises, but around the vertical thresholds good and bad "
        "jumps overlap.",
        "Every run of the judging seeds: drift of its record, and what the jump is worth (clipped "
        "to the frame). Below the grey line the answer is yes; right of the orange one drift says "
        f"so. Wrong guesses: {wrong}.",
        "score",
    )


def _points(records: Sequence[Record], worth: Worth) -> tuple[np.ndarray, np.ndarray]:
    """Drift and worth (seeds, optimizers, batches), the worth clipped to the frame."""
    x = np.array([one.curves["score/drift"] for one in records])
    y = np.array([worth.numbers(one)[worth.horizon] for one in records])
    return x, np.clip(np.nan_to_num(y, nan=99), 0.02, 30)


def _open_marks(axis: Axes, records: Sequence[Record], worth: Worth) -> None:
    x, y = _points(records, worth)
    axis.plot(
        x.ravel(), y.ravel(), "D", ls="", ms=5, alpha=0.75, color="none", markeredgecolor="black",
        label="MNIST",
    )  # fmt: skip


def _filled_marks(axis: Axes, records: Sequence[Record], worth: Worth) -> None:
    """A shade a batch size, dark for the full batch."""
    x, y = _points(records, worth)
    sizes = records[0].config["batch_sizes"]
    shades = plt.get_cmap("viridis")(np.linspace(0.0, 0.85, len(sizes)))
    for j, (size, shade) in enumerate(zip(sizes, shades, strict=True)):
        label = "full batch" if size is None else f"batch {size}"
        axis.plot(
            x[..., j].ravel(), y[..., j].ravel(), "o", ls="", ms=5, alpha=0.75, color=shade,
            markeredgecolor="none", label=label,
        )  # fmt: skip


def conclusion(guesses: Sequence[Guess]) -> plates.Text:
    """What drift is worth as a score, beside one answer for all."""
    found = rates(guesses)
    _, digits, mnist, travelled = found["drift"]
    return plates.Text(
        "Drift has the fewest errors where thresholds were set, and on the runs that judge it is "
        f"wrong in {digits:.0%} of the cases on digits and {mnist:.0%} on MNIST, where one answer "
        f"for all is wrong in {found[ONE_ANSWER][1]:.0%} and {found[ONE_ANSWER][2]:.0%}. It knows "
        "something; it is not a good score, and no candidate is. With thresholds from digits alone "
        f"it is wrong in {travelled:.0%} on MNIST: they do not travel."
    )
