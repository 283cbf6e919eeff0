"""Parts that the chapter's figures share."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from koopnb.chapters.ode_networks.reading import OPERATOR_ARMS, fixed
from koopnb.chapters.ode_networks.wording import NAMES
from koopnb.drawing.palette import COLOURS, INK, NOTE
from koopnb.experiments.record import Record


def panels(
    records: Sequence[Record], ylabel: str, height: float
) -> tuple[Figure, list[tuple[Axes, Record]]]:
    """A panel with a logarithmic scale for each optimizer, with its training on fixed points."""
    trainings = fixed(records)
    figure, grid = plt.subplots(
        1, len(trainings), sharey=True, squeeze=False, figsize=(9.5, height)
    )
    for axis, optimizer in zip(grid[0], trainings, strict=True):
        axis.set(yscale="log", title=NAMES[optimizer])
    grid[0, 0].set_ylabel(ylabel)
    return figure, list(zip(grid[0], trainings.values(), strict=True))


def thousands(axis: Axes, label: str) -> None:
    """Few ticks along iterations, with their thousands set apart."""
    axis.set_xlabel(label)
    axis.locator_params(axis="x", nbins=3)
    axis.xaxis.set_major_formatter("{x:,.0f}")


def one_line(axis: Axes) -> None:
    """A line at 1, where nothing is won or lost."""
    axis.axhline(1, color=NOTE, linewidth=1)


def arm_colour(arm: str) -> str:
    """Operators, what needs no operator, and training itself."""
    if arm in OPERATOR_ARMS:
        return COLOURS["node"]
    return INK if arm == "trained" else COLOURS["mean"]


def column(axis: Axes, place: int, arm: str, values: np.ndarray, middle: float) -> list[Line2D]:
    """Every network of an arm as a dot, and a bar for all of them."""
    across = place + np.linspace(-0.16, 0.16, len(values))
    dots = axis.plot(across, values, ".", color=arm_colour(arm), alpha=0.55, markersize=5)
    bar = [place - 0.3, place + 0.3], [middle, middle]
    return dots + axis.plot(*bar, color="black", linewidth=2.2)


def name_columns(axis: Axes, labels: Sequence[str]) -> None:
    """Labels of columns, upright and on two lines where they have two words."""
    broken = [label.replace(" ", "\n", 1) for label in labels]
    axis.set_xticks(range(len(labels)), broken, rotation=90)
    axis.grid(axis="x", visible=False)
