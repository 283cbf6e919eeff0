"""All ways to go on from the record, side by side."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from koopnb.chapters.mnist_experiment.readings import at_horizon, final_loss, horizons, of_average
from koopnb.drawing import figures, plates
from koopnb.drawing.numbers import spread
from koopnb.drawing.palette import COLOURS, NOTE
from koopnb.experiments import mnist
from koopnb.experiments.record import Record

FAR = 300  # losses beyond are counted, not drawn


class Row(NamedTuple):
    """An arm's name on the page and in its records, its colour's name, and those records."""

    label: str
    arm: str
    colour: str
    records: Sequence[Record]


class Double(NamedTuple):
    """One of the paper's operators in double precision: its partition, form and arm."""

    partition: str
    form: str
    arm: str


# Layers and the network would be too large as matrices.
DOUBLE = (
    Double("weight", "matrix", "weight-64"),
    Double("quasi-node", "matrix", "quasi-node-64"),
    Double("quasi-node", "factors", f"quasi-node-64{mnist.FACTORED}"),
    Double("node", "matrix", "node-64"),
    Double("node", "factors", f"node-64{mnist.FACTORED}"),
    Double("layer", "factors", "layer-64"),
    Double("network", "factors", "network-64"),
)
SINGLE = ("weight", "quasi-node", "node", "layer", "network")


def _rows(report: Sequence[Record], paper: Sequence[Record]) -> list[Row]:
    return [
        *(Row(f"{one.partition}, double, {one.form}", one.arm, "layer", paper) for one in DOUBLE),
        *(Row(f"{name}, single", name, "node", report) for name in SINGLE),
        Row("straight line", "linear", "network", report),
        Row("Adadelta", "adadelta", "adadelta", report),
        Row("exp. moving average", "ema", "mean", report),
        Row("mean of last epoch", "mean", "mean", report),
        Row("bounded network", "bounded", "bounded", report),
    ]


@plates.styled
def long_run(report: Sequence[Record]) -> plates.Plate:
    """Test loss to the longest horizon: operators without a bound, one with, and Adadelta."""
    chosen = {
        "node": ("node", "node"),
        "layer": ("layer", "layer"),
        "network": ("network", "network"),
        "optimizer": ("Adadelta", "adadelta"),
        "bounded": ("bounded network operator", "bounded"),
    }
    last, per_epoch = horizons(report)[-1], report[0].metrics["iterations_per_epoch"]
    figure, axis = plt.subplots(figsize=(8.6, 4.2))
    for name, (label, colour) in chosen.items():
        at = report[0].curves[f"{name}/loss/at"] / per_epoch
        runs = [one.curves[f"{name}/loss"] for one in report]
        curves = figures.SeedCurves(label, COLOURS[colour], at, runs)
        figures.paths(axis, [curves], title="", ylabel="test loss")
    average = of_average(report)
    figures.level(
        axis, float(np.median(average)), "mean of the last recorded epoch", COLOURS["mean"]
    )
    axis.axhline(mnist.GUESSING, color=NOTE, linewidth=0.9, linestyle=":")
    axis.text(0, mnist.GUESSING * 1.08, "guessing", color=NOTE)
    axis.set(xlabel="epochs after the record", yscale="log", ylim=(0.12, 40))
    ticks = [0.2, 0.5, 1, 2, 5, 10, 20]
    axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    ends = {
        label: final_loss(report, colour if name == "optimizer" else name, last)
        for name, (label, colour) in chosen.items()
    }
    reached = "; ".join(f"{label} {spread(values)}" for label, values in ends.items())
    return plates.Plate(
        figure,
        f"Test loss over {last} epochs on a logarithmic axis, {len(report)} seeds per arm. The "
        "curves of node operators climb fastest, those of layer and network operators later or "
        "less. The bounded operator's stay flat at "
        f"{np.median(ends['bounded network operator']):.2f}, near the dashed level of the averaged "
        "weights, beside Adadelta's jagged band.",
        "Operators that nothing bounds, and one whose eigenvalues may not exceed modulus 1. After "
        f"{last} epochs: {reached}; averaged weights {spread(average)}. Median and range over "
        f"{len(report)} seeds; guessing has $\\log 10$. The bounded operator acts on ten window "
        "means, with rank 8.",
        "long",
    )


@plates.styled
def every_arm(report: Sequence[Record], paper: Sequence[Record]) -> plates.Plate:
    """The final loss of every arm and seed, a panel per horizon.

    ``report`` are records in the report's arithmetic, ``paper`` those in the paper's.
    """
    rows, ahead = _rows(report, paper), horizons(report)
    figure, axes = plt.subplots(
        1, len(ahead), figsize=(9.5, 5.6), sharey=True, squeeze=False
    )  # fmt: skip
    for axis, epochs in zip(axes[0], ahead, strict=True):
        for place, row in enumerate(rows):
            _dots(axis, place, final_loss(row.records, row.arm, epochs), COLOURS[row.colour])
        average = float(np.median(of_average(report)))
        axis.axvline(average, color=COLOURS["mean"], linestyle=(0, (5, 2)), linewidth=1)
        axis.axvline(mnist.GUESSING, color=NOTE, linestyle=":", linewidth=1)
        axis.set(xscale="log", xlim=(0.12, FAR * 6), title=f"T = {epochs}", xlabel="test loss")
        axis.set_xticks([0.2, 2, 20, 200], ["0.2", "2", "20", "200"], fontsize=9)
        axis.minorticks_off()
        axis.grid(axis="y", visible=False)
    axes[0, 0].set_yticks(range(len(rows)), [row.label for row in rows])
    axes[0, 0].set_ylim(len(rows) - 0.5, -0.5)
    overflowed = sum(int(np.sum(np.isinf(final_loss(paper, one.arm, ahead[-1])))) for one in DOUBLE)
    return plates.Plate(
        figure,
        f"Final losses in {len(ahead)} panels, one per horizon of {', '.join(map(str, ahead))} "
        "epochs; a row per arm, a dot per seed, on a logarithmic axis. Most operators in double "
        "precision lie right of those in single precision, and all operators but the bounded one "
        "move right as the horizon grows. Adadelta, both averages and the bounded operator stay "
        "at the left edge.",
        "No operator with all its directions lasts. Every dot is a seed, every bar a median; "
        f"numbers with an arrow count seeds beyond a loss of {FAR} or without a number "
        f"({overflowed} overflowed in double precision at $T = {ahead[-1]}$). Dashed: the averaged "
        "weights; dotted: guessing.",
        "arms",
    )


def _dots(axis: Axes, place: int, losses: np.ndarray, colour: str) -> None:
    """One row of a panel: a dot per seed, a bar at the median, and how many lie too far."""
    near, middle = losses[losses <= FAR], np.median(losses)
    axis.plot(
        near, [place] * len(near), "o", markersize=4, alpha=0.55, color=colour, markeredgewidth=0
    )
    if middle <= FAR:
        axis.plot([middle] * 2, [place - 0.35, place + 0.35], color=colour, linewidth=2)
    if len(near) < len(losses):
        axis.text(
            FAR * 5, place, f"{len(losses) - len(near)} ▸", ha="right", va="center", fontsize=9,
            color=colour,
        )  # fmt: skip


def fits(report: Sequence[Record], paper: Sequence[Record]) -> plates.Text:
    """How every operator was fitted, and what it predicts for the shortest horizon."""
    table = plates.table(
        _fit(row, horizons(report)[0])
        for row in _rows(report, paper)
        if row.arm in row.records[0].metrics["operators"]
    )
    return plates.Text(
        f"{table}\n\nMedians over seeds, losses and accuracies with their range. The bounded "
        "operator's radius is for a whole window. No radius is given for ranks above "
        f"{mnist.MOST_EIGENVALUES}."
    )


def _fit(row: Row, epochs: int) -> dict[str, Any]:
    found = [one.metrics["operators"][row.arm] for one in row.records]
    ranks = np.median([fit["rank"] for fit in found], axis=0)
    radii = [fit["spectral_radius"] for fit in found]
    cutoffs = sorted({f"{cutoff:.1g}" for cutoff in found[0]["rcond"]}, key=float)
    return {
        "Operators": row.label,
        "Blocks": f"{found[0]['blocks']:,}",
        "Solver": ", ".join(found[0]["solver"]),
        "Relative cutoff": " to ".join(cutoffs),
        "Rank: least, median, most": ", ".join(f"{rank:.0f}" for rank in ranks),
        r"Spectral radius $\rho$": "–" if None in radii else f"{np.median(radii):.5g}",
        f"Loss, $T = {epochs}$": spread(at_horizon(row.records, row.arm, epochs, "loss_end")),
        f"Accuracy, $T = {epochs}$": spread(
            at_horizon(row.records, row.arm, epochs, "accuracy_end")
        ),
    }


def losses(report: Sequence[Record], paper: Sequence[Record]) -> plates.Text:
    """The final loss of every arm at every horizon, and how often operators beat the average."""
    ahead, average = horizons(report), of_average(report)

    def wins(below: Sequence[np.ndarray]) -> str:
        return ", ".join(str(np.sum(each)) for each in below)

    table = plates.table(
        {"Arm": row.label}
        | {f"Loss, $T = {t}$": spread(final_loss(row.records, row.arm, t)) for t in ahead}
        for row in _rows(report, paper)
    )
    operators = "; ".join(
        f"{arm} {wins([final_loss(report, arm, t) < average for t in ahead])}"
        for arm in ("node", "layer", "network", "bounded")
    )
    medians, best = (
        wins([average < at_horizon(report, "adadelta", t, f"loss_{kind}") for t in ahead])
        for kind in ("median", "min")
    )
    return plates.Text(
        f"{table}\n\nMedian and range over {len(report)} seeds; operators and line at the end of "
        "the horizon, Adadelta's median over its last epoch. The averages know no horizon.\n\n"
        f"Seeds of {len(report)} on which an operator ends below the averaged weights, for "
        f"$T = {', '.join(map(str, ahead))}$: {operators}. The averaged weights are below "
        f"Adadelta's median iterate of the last epoch on {medians} seeds, and below the best of "
        f"all its evaluated iterates, picked on the test set, on {best}."
    )
