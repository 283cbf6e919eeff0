"""What the operators of each partition, and quasi-nodes of several widths, predict."""

import itertools
from collections.abc import Iterable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from koopnb.drawing import figures, plates
from koopnb.drawing.palette import COLOURS, NOTE
from koopnb.evidence import tables
from koopnb.experiments.partitions import ARMS
from koopnb.experiments.record import Record

MARKS = (("o", COLOURS["works"]), ("D", COLOURS["fails"]))  # of the two horizons
TICKS = (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000)


def _losses(records: Sequence[Record], table: str, key: str) -> np.ndarray:
    """Test losses, (seeds, horizons); what is not a number counts as infinite."""
    found = np.array([np.array(one.metrics[table][key]["loss"], float) for one in records])
    return np.where(np.isnan(found), np.inf, found)


def _medians(records: Sequence[Record], name: str) -> np.ndarray:
    return np.median(_losses(records, "partitions", name), axis=0)


def _mean(records: Sequence[Record]) -> float:
    return float(np.median([one.metrics["mean"] for one in records]))


def _draw(axis: Axes, records: Sequence[Record], table: str, keys: Sequence[str]) -> None:
    """A mark for every seed, key and horizon, beside the average and the optimizer."""
    every = np.array([_losses(records, table, key) for key in keys])
    for which, (marker, colour) in enumerate(MARKS):
        shift = (which - 0.5) * 0.24 + np.linspace(-0.05, 0.05, len(records))
        axis.plot(
            (np.arange(len(keys))[:, None] + shift).ravel(), every[..., which].ravel(), marker,
            color=colour, markersize=5, alpha=0.7,
            label=f"T = {records[0].config['horizon_epochs'][which]}",
        )  # fmt: skip
    figures.level(axis, _mean(records), "mean of the last recorded epoch", COLOURS["mean"])
    optimizer = float(np.median([one.metrics["adadelta"] for one in records]))
    axis.axhline(optimizer, color=NOTE, linewidth=1, label="Adadelta, median")
    highest = every[np.isfinite(every)].max()
    figures.log_ticks(axis, [tick for tick in TICKS if tick < 1.3 * highest])
    axis.set(ylabel="test loss")
    axis.set_xticks(range(len(keys)), keys)
    axis.figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=4)


@plates.styled
def accuracy(records: Sequence[Record]) -> plates.Plate:
    """The test loss of every partition's operators at both horizons, a mark a seed."""
    figure, axis = plt.subplots(figsize=(8.6, 3.8))
    _draw(axis, records, "partitions", list(ARMS))
    axis.set(xlabel="operators")
    near, far = records[0].config["horizon_epochs"]
    median, mean = {name: _medians(records, name) for name in ARMS}, _mean(records)
    highest = max(ARMS, key=lambda name: median[name][0])
    at_end = ", ".join(f"{name} {median[name][1]:.2f}" for name in ARMS)
    return plates.Plate(
        figure,
        f"Test loss of five operators after {near} and {far} epochs, one mark a seed. Highest "
        f"median after {near}: {highest} operators. The network operator has a median of "
        f"{median['network'][0]:.2f} and {median['network'][1]:.2f}, node operators end at "
        f"{median['node'][1]:.2f}, averaging at {mean:.2f}.",
        f"Test loss after $T$ epochs without a gradient, every seed ({len(records)}) a mark. "
        f"Medians for $T = {far}$: {at_end}. Averaging has {mean:.2f}. Single precision, JAX's "
        "cutoff.",
        "accuracy",
    )


def lowest(records: Sequence[Record]) -> plates.Text:
    """Which partition has the lowest median, and on how many seeds averaging beats them all."""
    near, far = records[0].config["horizon_epochs"]
    best = [min(ARMS, key=lambda name: _medians(records, name)[which]) for which in (0, 1)]
    told = (
        f"The {best[0]} operator has the lowest median at both horizons."
        if best[0] == best[1]
        else f"The lowest medians are those of the {best[0]} operator, at $T = {near}$, and of "
        f"the {best[1]} operator, at $T = {far}$."
    )
    ends = np.array([_losses(records, "partitions", name)[:, 1] for name in ARMS])
    beaten = np.all(ends > [one.metrics["mean"] for one in records], axis=0)
    return plates.Text(
        f"{told} At $T = {far}$ averaging beats every one of the {len(ARMS)} operators on "
        f"{tables.share(int(beaten.sum()), len(records))} seeds (in brackets the interval of 95% "
        "for the share among all seeds)."
    )


@plates.styled
def quasi_nodes(records: Sequence[Record]) -> plates.Plate:
    """The test loss of quasi-nodes of several widths and of full nodes, a mark a seed."""
    figure, axis = plt.subplots(figsize=(8.6, 3.8))
    widths = list(records[0].metrics["widths"])
    _draw(axis, records, "widths", widths)
    axis.set(xlabel="weights in a chunk of the first layer, $q$")
    axis.set_xticks(range(len(widths)), [*widths[:-1], f"{widths[-1]}\n(full node)"])
    near, far = records[0].config["horizon_epochs"]
    every = np.array([_losses(records, "widths", q) for q in widths])
    apart = np.median(every.max(axis=1) / every.min(axis=1), axis=0)
    return plates.Plate(
        figure,
        "Test loss against the width of a chunk, one mark a seed. In the median over widths the "
        f"highest seed is {apart[0]:.1f} times the lowest after {near} epoch and {apart[1]:.1f} "
        f"times after {far}.",
        "Quasi-nodes of several widths in the first layer, full nodes in the others. The "
        "rightmost column is the report's choice. Every seed is a mark.",
        "quasi-nodes",
    )


def widths_and_seeds(records: Sequence[Record]) -> plates.Text:
    """How far two widths lie apart on one seed, and two seeds at one width; a seed at least two."""
    widths = list(records[0].metrics["widths"])
    ends = np.array([_losses(records, "widths", q)[:, 1] for q in widths])
    across_widths, across_seeds = _apart(ends), _apart(ends.T)
    more, less = ("seed", "width") if across_seeds > across_widths else ("width", "seed")
    ahead = np.mean(ends[-1] < ends[:-1])
    return plates.Text(
        f"For $T = {records[0].config['horizon_epochs'][1]}$ two widths on one seed differ by a "
        f"factor of {across_widths:.1f} in the median, two seeds at one width by a factor of "
        f"{across_seeds:.1f}: the {more} moves the loss more than the {less}. The full node is "
        f"ahead in {ahead:.0%} of the {ends[:-1].size} comparisons with a narrower chunk on the "
        "same seed."
    )


def _apart(losses: np.ndarray) -> float:
    """The median factor between two rows, over all pairs and columns."""
    logs = np.log(np.minimum(losses, np.finfo(np.float32).max))
    pairs: Iterable[tuple[np.ndarray, np.ndarray]] = itertools.combinations(logs, 2)
    return float(np.exp(np.median([np.abs(one - other) for one, other in pairs])))
