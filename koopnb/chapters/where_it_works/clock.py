"""Logarithmic time: losses and distances by either clock."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from koopnb.chapters.where_it_works.grids import (
    Group,
    batches,
    curve,
    median,
    optimizers,
    side_by_side,
)
from koopnb.drawing import plates
from koopnb.drawing.numbers import extent
from koopnb.drawing.palette import AREA, COLOURS, NOTE
from koopnb.evidence.statements.regimes import FULL, ONE, SMALLEST, TWO
from koopnb.experiments.record import Record
from koopnb.experiments.regimes import boundary

CLOCKS = {
    "even steps": ("operator, even steps", COLOURS["node"], "--"),
    "log time": ("operator, log time", COLOURS["node"], "-"),
    "line": ("line, even steps", COLOURS["line"], "--"),
    "line in log time": ("line, log time", COLOURS["line"], "-"),
}


@plates.styled
def both(records: Sequence[Record]) -> plates.Plate:
    """Losses and distances against the horizon, full batch, a column an optimizer."""
    names = optimizers(records)
    figure, axes = plt.subplots(2, len(names), sharex=True, sharey="row", figsize=(9.5, 5.2))
    for i, name in enumerate(names):
        loss, distance = axes[:, i]
        for arm in CLOCKS:
            ratios = [boundary.over_own(one, arm)[:, i, FULL] for one in records]
            _seeds(loss, records, arm, np.array(ratios))
            far = [one.curves[f"distance/{arm}"][:, i, FULL] for one in records]
            _seeds(distance, records, arm, np.array(far))
        loss.axhspan(1 / boundary.NEAR, boundary.NEAR, color=AREA, lw=0)
        distance.axhline(1, color=NOTE, lw=1)
        distance.text(4, 1.03, "no change", ha="right", fontsize=8.5, color=NOTE)
        loss.set(yscale="log", xscale="log", ylim=(0.2, 8), title=name)
        distance.set(ylim=(0, 1.6), xlabel="horizon / record")
    _label(axes, records)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    distances = "; ".join(f"{_astray(records, arm)} ({CLOCKS[arm][0]})" for arm in CLOCKS)
    return plates.Plate(
        figure,
        "Two rows of five panels, one an optimizer, against the horizon. Above, the losses: those "
        "of the operators rise slowly above the optimizer's, in log time more slowly; the lines "
        "fall below it, the line of even steps deeply before it shoots up. Below, the distances: "
        "the operator in log time is lowest, and the line of even steps goes beyond one.",
        "Digits, full batch. Above: training loss over the optimizer's own, within a tenth of it "
        "in the grey band. Below: distance from the optimizer's weights over the way it went; the "
        "line at 1 is no change. Solid: in log time, dashed: at even steps; thick: median, thin: "
        f"seeds. Twice the record ahead, the median distances are {distances} for "
        f"{', '.join(names)}.",
        "clock",
    )


def _seeds(axis: Axes, records: Sequence[Record], arm: str, numbers: np.ndarray) -> None:
    """An arm's numbers (seeds, horizons): every seed thin, their median thick."""
    label, colour, style = CLOCKS[arm]
    horizons = records[0].config["horizons"]
    axis.plot(horizons, numbers.T, style, color=colour, lw=0.7, alpha=0.3)
    axis.plot(horizons, np.median(numbers, axis=0), style, color=colour, lw=2, label=label)


def _label(axes: np.ndarray, records: Sequence[Record]) -> None:
    horizons = records[0].config["horizons"]
    for axis in axes[1]:
        axis.set_xticks(horizons, [f"{horizon:g}" for horizon in horizons])
        axis.minorticks_off()
    axes[0, 0].set_ylabel("training loss / own")
    axes[0, 0].set_yticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
    axes[0, 0].minorticks_off()
    axes[1, 0].set_ylabel("distance / way")


def _astray(records: Sequence[Record], arm: str) -> str:
    """Median distances over the way, twice the record ahead, by optimizer."""
    found = median(records, curve, f"distance/{arm}")[TWO, :, FULL]
    return ", ".join(f"{value:.2f}" for value in found)


def repaired(digits: Sequence[Record], mnist: Sequence[Record]) -> plates.Text:
    """What log time changes, one and two records ahead, and what it does not."""
    noisy = median(digits, boundary.over_own, "log time")[ONE, :, SMALLEST]
    columns = {
        f"{label}, {ahead}": (arm, place)
        for ahead, place in (("one ahead", ONE), ("two ahead", TWO))
        for label, arm in {
            "all snapshots": "operator",
            "even steps": "even steps",
            "log time": "log time",
            "its norm alone": "norm/log time",
        }.items()
    } | {
        "line in log time, two ahead": ("line in log time", TWO),
        "best scaling, two ahead": ("radial", TWO),
    }
    groups = [Group("digits", digits, FULL), Group("MNIST", mnist, FULL)]
    return plates.Text(
        "**What log time does not repair.** Noise, and long horizons where the plain operator "
        f"already fails. With batches of {batches(digits)[SMALLEST]}, digits, one record ahead, "
        f"the operator in log time ends at {extent(noisy, '.1f')} times the optimizer's loss.\n\n"
        "**What it does repair.** With the full batch, training loss over the optimizer's own, one "
        "record and two records ahead:\n\n" + side_by_side(boundary.over_own, columns, groups)
    )
