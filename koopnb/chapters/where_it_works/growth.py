"""Larger weights alone: how much of a gain in training loss is growth."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from koopnb.chapters.where_it_works.grids import (
    Group,
    curve,
    median,
    named,
    optimizers,
    side_by_side,
)
from koopnb.drawing import plates
from koopnb.drawing.numbers import extent
from koopnb.drawing.palette import COLOURS, MARK
from koopnb.evidence.statements.regimes import FULL, ONE
from koopnb.experiments.record import Record
from koopnb.experiments.regimes import boundary
from koopnb.operators import radial

MARKERS = {
    "own": ("optimizer", COLOURS["truth"], "o"),
    "operator": ("operator", COLOURS["node"], "D"),
    "log time": ("operator, log time", COLOURS["node"], "*"),
    "line": ("line", COLOURS["line"], "s"),
    "line in log time": ("line, log time", COLOURS["line"], "^"),
}
GAINS = {
    "own": "the optimizer's own",
    "operator": "the operator's",
    "log time": "the operator's in log time",
    "line": "the line's",
}


@plates.styled
def without_decay(records: Sequence[Record]) -> plates.Plate:
    """Loss against norm of every arm on digits, and the curve of scaling alone."""
    factors = median(records, curve, "factor/radial")[:, FULL]
    return plates.Plate(
        _against_norm(records),
        "Five panels, one an optimizer: training loss against the norm of the weights. A grey "
        "curve, scaling alone, starts at the last weights; markers of optimizer, operators and "
        "lines stand at the norms that they have one record ahead.",
        "Digits, full batch, one record ahead: how far a marker stands above or below the grey "
        "curve is what its direction does; below is a gain, and on the curve it has larger weights "
        f"and nothing more. Medians over the seeds. The best factor, {named(records, factors)}, "
        f"may lie beyond the frame; the greatest that was tried is {radial.FACTORS[-1]:g}.",
        "growth",
    )


@plates.styled
def with_decay(records: Sequence[Record]) -> plates.Plate:
    """The same with weight decay."""
    return plates.Plate(
        _against_norm(records),
        "Five panels, one an optimizer, as before but with weight decay: the grey curve of scaling "
        "alone has its minimum near the last weights, and the markers stand around it.",
        "Digits with weight decay, full batch, one record ahead. The grey curve of scaling alone "
        "now has its lowest point near the last weights: what lies below it was not had by growth.",
        "growth-decay",
    )


def _against_norm(records: Sequence[Record]) -> Figure:
    """Full batch, one record ahead: loss over the last weights' against norm over theirs."""
    names = optimizers(records)
    norms = {arm: median(records, curve, f"factor/{arm}")[ONE, :, FULL] for arm in MARKERS}
    losses = {arm: median(records, boundary.over, arm, "last")[ONE, :, FULL] for arm in MARKERS}
    scaled = np.array([one.curves["path/radial"] / one.curves["last/train"] for one in records])
    curves = np.median(scaled, axis=0)[..., FULL]
    (low, high), (bottom, top) = _frame(np.array([*norms.values()]), np.array([*losses.values()]))
    factors = radial.FACTORS
    shown = (factors > low - 0.03) & (factors < high + 0.03)
    figure, axes = plt.subplots(1, len(names), sharey=True, figsize=(9.5, 3.7))
    for i, (axis, name) in enumerate(zip(axes, names, strict=True)):
        axis.plot(
            factors[shown], curves[shown, i], color=MARK, lw=4, alpha=0.6, label="scaling alone"
        )  # fmt: skip
        points = {arm: (norms[arm][i], losses[arm][i]) for arm in MARKERS}
        _mark(axis, points)
        axis.set(xlim=(low, high), ylim=(bottom, top), title=name, xlabel="norm / last")
    axes[0].set_ylabel("training loss / last")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def _frame(
    norms: np.ndarray, losses: np.ndarray
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Limits of both axes that hold the markers and the last weights, losses up to 1.8."""
    bottom, top = min(losses.min(), 1), min(max(losses.max(), 1), 1.8)
    margin = 0.1 * (top - bottom)
    sides = min(0.99, norms.min() - 0.01), max(1.05, norms.max() + 0.01)
    return sides, (bottom - margin, top + margin)


def _mark(axis: Axes, points: dict[str, tuple[float, float]]) -> None:
    for arm, (norm, loss) in points.items():
        label, colour, marker = MARKERS[arm]
        size = 10 if marker == "*" else 6
        axis.plot(norm, loss, marker, color=colour, ls="", label=label, ms=size)
    axis.plot(1, 1, "x", color="black", ls="", ms=7, label="last weights")


def counted(digits: Sequence[Record], mnist: Sequence[Record]) -> plates.Text:
    """How often arms are below scaling alone, at the best factor and at their own norm."""
    both = (digits, mnist)

    def below(arm: str, other: str) -> str:
        found = [median(records, boundary.over, arm, other)[ONE, :, FULL] < 1 for records in both]
        return f"{np.sum(np.concatenate(found))} of {len(np.concatenate(found))}"

    columns = {
        "best scaling": ("radial", ONE),
        "line": ("line", ONE),
        "line's norm alone": ("norm/line", ONE),
        "operator": ("operator", ONE),
        "operator's norm alone": ("norm/operator", ONE),
        "optimizer's norm alone": ("norm/own", ONE),
    }
    groups = [Group("digits", digits, FULL), Group("MNIST", mnist, FULL)]
    return plates.Text(
        "Full batches, one record ahead, medians of the optimizers on both data sets counted "
        f"together: the best scaling ends below the optimizer in {below('radial', 'own')} cases, "
        f"the straight line in {below('line', 'own')}, and the line below the best scaling in "
        f"{below('line', 'radial')}. Where scaling alone passes the optimizer, that a line passes "
        "it too is no sign of foresight.\n\n"
        "At the same norm it is another question, for the direction counts. The line is below the "
        f"last weights scaled to its norm in {below('line', 'norm/line')} cases, the operator in "
        f"{below('operator', 'norm/operator')}, the one in log time in "
        f"{below('log time', 'norm/log time')}, the optimizer itself in "
        f"{below('own', 'norm/own')}. Training loss over the optimizer's own, and what scaling to "
        f"the same norm has:\n\n{side_by_side(boundary.over_own, columns, groups)}\n\n"
        "Counted in the logarithm of the loss, larger weights alone are a share of every gain, "
        f"where there is one: {_shares(both)}."
    )


def _shares(both: Sequence[Sequence[Record]]) -> str:
    """The least and the greatest share of growth in every kind of gain."""
    found = []
    for arm, label in GAINS.items():
        shares = [median(records, boundary.growth, arm)[ONE, :, FULL] for records in both]
        if np.isfinite(np.concatenate(shares)).any():
            found.append(f"{extent(np.concatenate(shares), '.0%')} of {label}")
    return "; ".join(found)
