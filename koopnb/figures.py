"""Figures: data and an axis in, artists out."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

# Okabe and Ito's palette: distinct with every common colour vision deficiency.
COLOURS = {
    "adadelta": "#0072B2",
    "node": "#D55E00",
    "layer": "#CC79A7",
    "mean": "#009E73",
    "ema": "#56B4E9",
    "linear": "#E69F00",
}
STYLE = {
    "figure.figsize": (11, 3.6),
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "savefig.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.hashsalt": "koopnb",
}


class Curve(NamedTuple):
    """A line of a figure: values at iterations, its name, the colour of its arm."""

    at: np.ndarray
    values: np.ndarray
    label: str
    colour: str
    faint: bool = False


def curves(
    axis: Axes,
    lines: Sequence[Curve],
    *,
    levels: Mapping[str, tuple[float, str]] | None = None,
    ylabel: str,
    title: str,
    ylim: tuple[float, float] | None = None,
    log: bool = False,
) -> list[Artist]:
    """Lines over iterations, with horizontal reference levels {label: (value, colour)}."""
    artists: list[Artist] = []
    for line in lines:
        artists += axis.plot(
            line.at, line.values, color=line.colour, label=line.label,
            alpha=0.35 if line.faint else 1, linewidth=0.9 if line.faint else None,
        )  # fmt: skip
    for label, (value, colour) in (levels or {}).items():
        artists.append(axis.axhline(value, color=colour, linestyle="--", linewidth=1.4, label=label))
    axis.set(xlabel="iterations after the record", ylabel=ylabel, title=title)
    axis.margins(x=0.02)
    if log:
        axis.set_yscale("log")
    if ylim:
        axis.set_ylim(*ylim)
    return artists


def times(axis: Axes, samples: Mapping[str, tuple[np.ndarray, str]], *, title: str) -> list[Any]:
    """Milliseconds an iteration, {label: (samples in seconds, colour)}: every sample and the median."""
    artists: list[Any] = []
    for row, (seconds, colour) in enumerate(samples.values()):
        milliseconds = np.sort(np.asarray(seconds)) * 1e3
        spread = np.linspace(-0.28, 0.28, len(milliseconds)) if len(milliseconds) > 1 else [0.0]
        artists += axis.plot(milliseconds, row + np.asarray(spread), ".", color=colour, markersize=3, alpha=0.5)
        median = float(np.median(milliseconds))
        artists += axis.plot([median] * 2, [row - 0.36, row + 0.36], color=colour, linewidth=2.5)
        artists.append(
            axis.annotate(f"{median:.2g} ms", (median, row - 0.38), ha="center", va="bottom", color=colour)
        )
    axis.set_yticks(range(len(samples)), list(samples))
    axis.invert_yaxis()
    axis.set_xscale("log")
    axis.set(xlabel="time an iteration [ms]", title=title)
    axis.grid(axis="y", visible=False)
    return artists
