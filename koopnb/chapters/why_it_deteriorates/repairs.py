"""Ways to fit the same record, and what they repair."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from koopnb.chapters.why_it_deteriorates.readings import averaged, read
from koopnb.drawing import plates
from koopnb.drawing.numbers import spread
from koopnb.experiments.causes import HORIZONS, TOGETHER
from koopnb.experiments.causes.repairs import REPAIRS
from koopnb.experiments.record import Record

LABELS = {
    "none": "as in the report",
    "windows, 2 delays": "window means, 2 delays",
    "windows, 4 delays": "window means, 4 delays",
    "bounded": r"bounded: $|\lambda| \leq 1$",
    "bounded, not turning": "bounded, turning off",
    "centred, bounded": "centred and bounded",
    "windows, bounded": "window means, rank 8, bounded",
}
BOTH = "centred, bounded"
COLUMNS = [(name, epochs) for name in TOGETHER for epochs in HORIZONS]


def _over_optimizer(records: Sequence[Record]) -> dict[str, np.ndarray]:
    """Median loss over the optimizer's of every repair and baseline, a value per column."""

    def medians(losses: dict[tuple[str, int], np.ndarray]) -> np.ndarray:
        return np.array(
            [
                np.median(loss / read(records, "baselines", "optimizer", str(epochs)))
                for (_, epochs), loss in losses.items()
            ]
        )

    found = {
        LABELS.get(repair, repair): medians(
            {(n, t): read(records, "repairs", n, repair, str(t)) for n, t in COLUMNS}
        )
        for repair in REPAIRS
    }
    found["straight line"] = medians(
        {(n, t): read(records, "baselines", "linear", str(t)) for n, t in COLUMNS}
    )
    found["average"] = medians(dict.fromkeys(COLUMNS, averaged(records)))
    return found


@plates.styled
def repairs(records: Sequence[Record]) -> plates.Plate:
    """A map of losses over the optimizer's: ways to fit by operators and horizons."""
    found = _over_optimizer(records)
    figure, axis = plt.subplots(figsize=(9.4, 5.4))
    _map(axis, found)
    both, average = found[LABELS[BOTH]], found["average"]
    at_end = [f"{both[COLUMNS.index((name, HORIZONS[-1]))]:.2f}" for name in TOGETHER]
    return plates.Plate(
        figure,
        "A table of colours: loss over the optimizer's, twelve ways of fitting by three operators "
        f"and three horizons. The row centred and bounded lies between {both.min():.2f} and "
        f"{both.max():.2f}; the average is the last row.",
        f"Loss over the optimizer's in the same epoch, medians over {len(records)} seeds; below 1 "
        "is better. *Centred*: the mean of the record is taken off, and added again. *Delays*: "
        f"that many successive states seen together. A window has {records[0].metrics['window']} "
        f"iterations. At $T = {HORIZONS[-1]}$: centred and bounded {', '.join(at_end)}; the "
        f"average {average[-1]:.2f}.",
        "repairs",
    )


def _map(axis: Axes, found: dict[str, np.ndarray]) -> None:
    table = np.array([*found.values()])
    axis.imshow(np.clip(table, 0.5, 2), norm=LogNorm(0.5, 2), cmap="PuOr_r", aspect="auto")
    for (row, column), value in np.ndenumerate(table):
        shown = f"{value:.2f}" if value < 10 else f"{value:.0f}" if value < 100 else ">100"
        ink = "white" if value > 1.6 else "black"
        axis.text(column, row, shown, ha="center", va="center", fontsize=9.5, color=ink)
    axis.set_yticks(range(len(found)), found)
    axis.set_xticks(range(len(COLUMNS)), [f"T = {epochs}" for _, epochs in COLUMNS])
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    for place, name in enumerate(TOGETHER):
        middle = (place + 0.5) * len(HORIZONS) - 0.5
        axis.annotate(
            f"{name} operators", (middle, 1.0), (0, 22), ha="center", fontweight="bold",
            xycoords=("data", "axes fraction"), textcoords="offset points",
        )  # fmt: skip
        if place:
            axis.axvline(place * len(HORIZONS) - 0.5, color="white", linewidth=5)
    axis.axhline(len(REPAIRS) - 0.5, color="white", linewidth=5)
    axis.grid(False)
    axis.spines[:].set_visible(False)


def repaired(records: Sequence[Record]) -> plates.Text:
    """What centring and bounding reach after ten epochs, and the best of all fits."""
    mean = averaged(records)
    losses = {
        (name, repair): read(records, "repairs", name, repair, "10") / mean
        for name in TOGETHER
        for repair in REPAIRS
    }
    reached = "; ".join(
        f"{name} {spread(losses[name, BOTH])} ({spread(losses[name, 'none'])})" for name in TOGETHER
    )
    lowered = ", ".join(
        f"{name} operators on {np.sum(losses[name, BOTH] < losses[name, 'none'])}"
        for name in TOGETHER
    )
    best = np.min([*losses.values()], axis=0)
    return plates.Text(
        "After ten epochs, over the averaged weights, centred and bounded (as fitted): "
        f"{reached}. Both together lower the loss of {lowered} of {len(records)} seeds. The best "
        f"of all {len(losses)} fits in the table, picked for each seed on the test set, which "
        f"favours it, is at {spread(best)} times the average."
    )
