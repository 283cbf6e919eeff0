"""Figures: data and axes in, artists out."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import NullLocator

from koopnb.drawing.palette import COLOURS
from koopnb.dynamics.potentials import Potential


class SeedCurves(NamedTuple):
    """One way to go on from the record: runs over the same iterations, one a seed."""

    label: str
    colour: str
    at: np.ndarray
    runs: Sequence[np.ndarray]


def paths(axis: Axes, arms: Sequence[SeedCurves], *, title: str, ylabel: str) -> list[Artist]:
    """Every run of every arm; over several seeds their median and a band of the middle half.

    What is not finite counts as infinite, so a median leaves the panel where most runs have.
    """
    artists: list[Artist] = []
    for arm in arms:
        single = len(arm.runs) == 1
        runs = np.stack([np.where(np.isnan(run), np.inf, run) for run in arm.runs])
        if not single:
            for run in arm.runs:
                artists += axis.plot(arm.at, run, color=arm.colour, alpha=0.25, linewidth=0.6)
            low, high = np.quantile(runs, [0.25, 0.75], axis=0, method="nearest")
            band = np.nan_to_num(low), np.nan_to_num(high)
            artists.append(
                axis.fill_between(arm.at, *band, color=arm.colour, alpha=0.18, linewidth=0)
            )
        artists += axis.plot(
            arm.at, np.median(runs, axis=0), color=arm.colour, label=arm.label,
            linewidth=1.1 if single else 2,
        )  # fmt: skip
    axis.set(title=title, xlabel="iterations after the record", ylabel=ylabel)
    axis.margins(x=0.02)
    return artists


def level(axis: Axes, value: float, label: str, colour: str) -> Artist:
    """A dashed horizontal reference."""
    return axis.axhline(value, color=colour, linestyle=(0, (5, 2)), linewidth=1.6, label=label)


def log_ticks(axis: Axes, ticks: Sequence[float], *, of: str = "y") -> None:
    """A logarithmic scale with some ticks, their labels plain numbers. ``of``: "x" or "y"."""
    axis.set(**{f"{of}scale": "log"})
    labels = [f"{tick:g}" for tick in ticks]
    axis.set(**{f"{of}ticks": ticks, f"{of}ticklabels": labels})
    getattr(axis, f"{of}axis").set_minor_locator(NullLocator())


def epochs(axis: Axes, per_epoch: int, until: int) -> list[Artist]:
    """A thin line at the end of every epoch before the last."""
    ends = range(per_epoch, until, per_epoch)
    return [axis.axvline(end, color="#888888", linewidth=0.8, zorder=0.5) for end in ends]


def times(axis: Axes, samples: Mapping[str, tuple[np.ndarray, str]], *, title: str) -> list[Any]:
    """Every sampled time of an iteration and its median, a row a label: {label: (s, colour)}."""
    artists: list[Any] = []
    for row, (seconds, colour) in enumerate(samples.values()):
        milliseconds = np.atleast_1d(seconds) * 1e3
        spread = np.linspace(-0.2, 0.2, len(milliseconds)) if len(milliseconds) > 1 else [0.0]
        artists += axis.plot(
            milliseconds, row + np.asarray(spread), ".", color=colour, markersize=3, alpha=0.4
        )
        median = float(np.median(milliseconds))
        artists += axis.plot([median, median], [row - 0.28, row + 0.28], color=colour, linewidth=3)
        artists.append(
            axis.text(median, row - 0.3, f"{median:.2g} ms", ha="center", va="bottom", color=colour)
        )
    axis.set_yticks(range(len(samples)), list(samples))
    axis.set_ylim(len(samples) - 0.5, -0.75)
    every = np.concatenate([np.atleast_1d(seconds) for seconds, _ in samples.values()]) * 1e3
    axis.set_xscale("log")
    axis.set_xlim(10 ** np.floor(np.log10(every.min())), 10 ** np.ceil(np.log10(every.max())))
    axis.xaxis.set_major_formatter("{x:g}")
    axis.set(title=title, xlabel="milliseconds an iteration")
    axis.grid(axis="y", visible=False)
    return artists


def ratio_map(
    axis: Axes, ratios: np.ndarray, *, rows: Sequence[str], columns: Sequence[str], title: str,
    limit: float = 10.0,
) -> list[Artist]:  # fmt: skip
    """Ratios with their numbers: blue below 1, white at 1, orange above, up to ``limit``.

    ``ratios`` is (rows, columns); what is not finite counts as infinite.
    """
    ratios = np.where(np.isfinite(ratios), ratios, np.inf)
    depth = np.clip(np.log(ratios) / np.log(limit), -1, 1)
    blend = LinearSegmentedColormap.from_list(
        "ratio", [COLOURS["works"], "#ffffff", COLOURS["fails"]]
    )
    artists: list[Artist] = [axis.imshow(depth, cmap=blend, vmin=-1, vmax=1, aspect="auto")]
    for (i, j), ratio in np.ndenumerate(ratios):
        digits = f"{ratio:.2f}" if ratio < 9.95 else f"{ratio:.0f}" if ratio < 999.5 else ">999"
        ink = "white" if abs(depth[i, j]) > 0.6 else "black"
        artists.append(axis.text(j, i, digits, ha="center", va="center", color=ink, fontsize=8.5))
    axis.set_xticks(range(len(columns)), columns)
    axis.set_yticks(range(len(rows)), rows)
    axis.tick_params(length=0)
    axis.set_title(title)
    axis.grid(False)
    axis.spines[:].set_visible(False)
    return artists


def wire(axis: Axes, potential: Potential, *, minima: bool = True) -> list[Artist]:
    """The graph of a potential of one variable over its view, the minima marked."""
    x = np.linspace(*potential.view[0], 401)
    artists: list[Artist] = []
    artists += axis.plot(x, _values(potential, x[:, None]), color="#333333", lw=2)
    if minima:
        points = np.array(potential.minima)
        artists += axis.plot(points[:, 0], _values(potential, points), "k*", markersize=9)
    axis.set(xlabel=r"weight $\theta$", ylabel=r"loss $f$", xlim=potential.view[0])
    return artists


def hops(
    axis: Axes, potential: Potential, points: np.ndarray, colour: str, *, lift: float = 0.0
) -> list[Artist]:
    """The iterates (steps, 1) of a method on the graph of its potential, ``lift`` above it."""
    height = _values(potential, points) + lift
    style: dict[str, Any] = {"markersize": 5, "linewidth": 0.8, "alpha": 0.8}
    return [*axis.plot(points[:, 0], height, "o-", color=colour, **style)]


def landscape(axis: Axes, potential: Potential, *, levels: int = 14) -> list[Artist]:
    """Level lines of a potential of two variables over its view, the minima marked.

    Levels are closer together where the landscape is low.
    """
    sides = [np.linspace(*side, 161) for side in potential.view]
    grid = np.stack(np.meshgrid(*sides), -1)
    height = _values(potential, grid.reshape(-1, 2)).reshape(grid.shape[:2])
    low = height.min()
    at = low + np.ptp(height) * np.linspace(0, 1, levels + 1)[1:] ** 3
    artists: list[Artist] = [
        axis.contourf(*sides, height, levels=[low, *at], cmap="Blues_r", alpha=0.35),
        axis.contour(*sides, height, levels=at, colors="#7a8794", linewidths=0.6),
    ]
    artists += axis.plot(*np.array(potential.minima).T, "k*", markersize=11, zorder=4)
    axis.set(xlim=potential.view[0], ylim=potential.view[1])
    axis.grid(False)
    return artists


def _values(potential: Potential, points: np.ndarray) -> np.ndarray:
    with jax.enable_x64(True):
        return np.asarray(jax.vmap(potential)(jnp.asarray(points, float)))
