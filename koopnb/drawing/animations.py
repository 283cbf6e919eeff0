"""Films of points moving on a landscape: paths and an axis in, artists and an update out."""

import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from koopnb.drawing import figures
from koopnb.drawing.films import Film, Scene, film, show
from koopnb.drawing.playground import playground
from koopnb.dynamics.motion import Trajectory
from koopnb.dynamics.potentials import Potential

__all__ = [
    "Film",
    "Scene",
    "World",
    "beads",
    "film",
    "losses",
    "on_map",
    "on_wire",
    "playground",
    "show",
    "trails",
]

FONT = 16  # points on a figure 7.2 inches wide: still read when the film is 330 pixels wide
SIZE = (7.2, 3.6)
HOP = 0.25  # seconds that a point is seen on its way from one iterate to the next, at most


class World(NamedTuple):
    """One law of motion, to be seen beside others.

    Args:
        label: what moves here, in a few words.
        colour: of the label, the point and its trace.
        path: one start's path, from `koopnb.dynamics.flows`.
        step: the time of one iteration where ``path`` is a sequence of iterates, which hop;
            None where it solves a differential equation, and glides.
        ending: what became of it, shown when the film has ended.
    """

    label: str
    colour: str
    path: Trajectory
    step: float | None = None
    ending: str = ""


def beads(
    potential: Potential, worlds: Sequence[World], *, until: float, seconds: float = 6.5
) -> Film:
    """Beads on the wire y = f(x), a panel a world, all by the same clock.

    Args:
        potential: f, of one variable.
        worlds: at most four.
        until: the time at which the film ends, in the paths' unit.
        seconds: how long it takes to get there; the last picture stays a little longer.

    Raises:
        ValueError: see the messages.
    """
    _checked(potential, worlds, until, 1)
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots(1, len(worlds), sharey=True, squeeze=False)[0]
    wrap = 39 // len(worlds)
    scenes = [
        on_wire(axis, potential, world, until, wrap=wrap)
        for axis, world in zip(axes, worlds, strict=True)
    ]
    axes[0].set_ylabel("loss", fontsize=FONT)
    return film(figure, scenes, until=until, seconds=seconds)


def trails(
    potential: Potential, worlds: Sequence[World], *, until: float, seconds: float = 6.5
) -> Film:
    """Paths on the map of a landscape of two variables, and beside it their losses.

    Args:
        potential: f, of two variables.
        worlds: at most four.
        until: the time at which the film ends, in the paths' unit.
        seconds: how long it takes to get there; the last picture stays a little longer.

    Raises:
        ValueError: see the messages.
    """
    _checked(potential, worlds, until, 2)
    figure = Figure(figsize=SIZE, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    scenes = [on_map(left, potential, worlds, until), losses(right, potential, worlds, until)]
    return film(figure, scenes, until=until, seconds=seconds)


def on_wire(
    axis: Axes, potential: Potential, world: World, until: float, *, wrap: int = 13
) -> Scene:
    """Draws the wire; the scene is the bead, its trace, and at the end what became of it.

    Lines of text have at most ``wrap`` letters, or a few more below the wire.
    """
    low, high = potential.view[0]
    # The bead may leave the picture, and come back: the wire goes on beyond the edges.
    far = np.linspace(2 * low - high, 2 * high - low, 1201)
    height = _values(potential, far[:, None])
    seen = height[(far >= low) & (far <= high)]
    figures.wire(axis, potential, minima=False)
    axis.set_xlim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    room = np.ptp(seen)
    axis.set_ylim(seen.min() - 0.3 * room, seen.max() + 0.06 * room)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
    axis.grid(False)
    axis.set_xlabel("weight", fontsize=FONT)
    axis.set_ylabel("")
    title = textwrap.fill(world.label, wrap)
    axis.set_title(title, color=world.colour, fontsize=FONT, fontweight="bold", loc="center")
    (trace,) = axis.plot([], [], color=world.colour, linewidth=5, alpha=0.35, zorder=2)
    (bead,) = axis.plot([], [], "o", color=world.colour, markersize=17, mec="white", mew=2)
    moving = [trace, bead]
    if world.step is not None:
        trace.set(linewidth=1.5, marker="o", markersize=6, alpha=0.55)
    ending = textwrap.fill(world.ending, wrap + 6)
    end = axis.text(
        0.5, 0.04, ending, color=world.colour, fontsize=FONT, ha="center", transform=axis.transAxes
    )  # fmt: skip
    times, points = _track(world, potential, until)
    heights = np.interp(points[:, 0], far, height)

    def update(t: float) -> None:
        done = times <= t
        x, y = points[done, 0], heights[done]
        if world.step is None:
            at = np.interp(t, times, points[:, 0])
            here = np.array([at, np.interp(at, far, height)])
            x, y = np.append(x, here[0]), np.append(y, here[1])
        else:
            here = _hop(times, np.column_stack([points[:, 0], heights]), t, until)
        trace.set_data(x, y)
        bead.set_data([here[0]], [here[1]])
        end.set_visible(t >= until)

    return Scene([*moving, end], update)


def on_map(axis: Axes, potential: Potential, worlds: Sequence[World], until: float) -> Scene:
    """Draws the landscape; the scene is every world's point and its trace."""
    figures.landscape(axis, potential, levels=9)
    axis.set(xticks=[], yticks=[])
    axis.set_xlabel("first weight", fontsize=FONT)
    axis.set_ylabel("second weight", fontsize=FONT)
    scenes = [_on_map(axis, potential, world, until) for world in worlds]
    return _together(scenes)


def losses(axis: Axes, potential: Potential, worlds: Sequence[World], until: float) -> Scene:
    """Every world's loss above the deepest minimum against time, labelled where the worlds go."""
    floor = float(_values(potential, np.asarray(potential.minima[:1]))[0])
    axis.set_yscale("log")
    scenes, found = [], []
    for row, world in enumerate(worlds):
        times, _ = _track(world, potential, until)
        above = np.maximum(world.path.loss[: len(times)] - floor, 1e-12)
        found.append(above[np.isfinite(above)])
        (line,) = axis.plot([], [], color=world.colour, linewidth=3)
        axis.text(
            0.98, 0.97 - 0.13 * row, world.label, color=world.colour, fontsize=FONT,
            fontweight="bold", ha="right", va="top", transform=axis.transAxes,
        )  # fmt: skip

        def update(t: float, line: Any = line, times: Any = times, above: Any = above) -> None:
            line.set_data(times[times <= t], above[times <= t])

        scenes.append(Scene([line], update))
    every = np.concatenate(found)
    top, bottom = every[0] * 30 ** len(worlds), max(every.min(), every[0] * 1e-6)
    axis.set(xlim=(0, until), ylim=(bottom / 2, top), xticks=[])
    axis.grid(False)
    axis.minorticks_off()
    axis.tick_params(labelsize=FONT - 3)
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_xlabel("iterations" if worlds[0].step else "time", fontsize=FONT)
    axis.set_ylabel("loss", fontsize=FONT)
    return _together(scenes)


def _checked(potential: Potential, worlds: Sequence[World], until: float, dimension: int) -> None:
    if potential.dimension != dimension:
        raise ValueError(
            f"{potential.name} has {potential.dimension} dimensions: beads() draws one, "
            "trails() two."
        )
    if not 1 <= len(worlds) <= 4:
        raise ValueError(f"{len(worlds)} worlds: a film holds one to four that can be told apart.")
    if not 0 < until < np.inf:
        raise ValueError(f"until={until}: give the time at which the film ends, above 0.")
    for world in worlds:
        if world.path.x.ndim != 2:
            raise ValueError(
                f"{world.label}: the path has shape {world.path.x.shape}; a film shows one start, "
                "(steps, d)."
            )
        last = world.path.time[-1] * (world.step or 1)
        if last < until * (1 - 1e-9):
            raise ValueError(
                f"{world.label}: the path ends at time {last:.4g}, before until={until:.4g}."
            )


def _values(potential: Potential, points: np.ndarray) -> np.ndarray:
    return np.asarray(jax.vmap(potential)(points))


def _track(world: World, potential: Potential, until: float) -> tuple[np.ndarray, np.ndarray]:
    """Times and positions up to the end of the film, within three views of the landscape."""
    path = world.path
    times = path.time * (1 if world.step is None else world.step)
    kept = times <= until * (1 + 1e-9)
    low, high = np.asarray(potential.view).T
    points = np.nan_to_num(path.x[kept], nan=np.inf)
    return times[kept], np.clip(points, 2 * low - high, 2 * high - low)


def _hop(times: np.ndarray, points: np.ndarray, t: float, until: float) -> np.ndarray:
    """Where a hopping point is: on its iterate, then briefly on the straight way to the next."""
    at = int(np.searchsorted(times, t, side="right")) - 1
    if at + 1 >= len(times):
        return points[at]
    gap = times[at + 1] - times[at]
    share = 1 - (times[at + 1] - t) / min(gap, HOP * until / 6.5)
    smooth = np.clip(share, 0, 1) ** 2 * (3 - 2 * np.clip(share, 0, 1))
    return points[at] + smooth * (points[at + 1] - points[at])


def _on_map(axis: Axes, potential: Potential, world: World, until: float) -> Scene:
    style: dict[str, Any] = {} if world.step is None else {"marker": "o", "markersize": 4.5}
    (trace,) = axis.plot([], [], color=world.colour, linewidth=2, alpha=0.7, **style)
    (point,) = axis.plot([], [], "o", color=world.colour, markersize=13, mec="white", mew=2)
    times, points = _track(world, potential, until)

    def update(t: float) -> None:
        done = times <= t
        if world.step is None:
            here = np.array([np.interp(t, times, column) for column in points.T])
        else:
            here = _hop(times, points, t, until)
        trace.set_data(*np.vstack([points[done], here]).T)
        point.set_data(*here[:, None])

    return Scene([trace, point], update)


def _together(scenes: Sequence[Scene]) -> Scene:
    def update(t: float) -> None:
        for scene in scenes:
            scene.update(t)

    return Scene([artist for scene in scenes for artist in scene.moving], update)
