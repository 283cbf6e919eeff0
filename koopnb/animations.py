"""Films of points moving on a landscape: paths and an axis in, artists and an update out."""

import base64
import html
import io
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from koopnb import figures
from koopnb.motion import Path
from koopnb.playground import playground
from koopnb.potentials import Potential

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

FPS = 25
DPI = 135
FONT = 16  # points on a figure 7.2 inches wide: still read when the film is 330 pixels wide
SIZE = (7.2, 3.6)
HOP = 0.25  # seconds that a point is seen on its way from one iterate to the next, at most


class World(NamedTuple):
    """One law of motion, to be seen beside others.

    Args:
        label: what moves here, in a few words.
        colour: of the label, the point and its trace.
        path: one start's path, from `koopnb.flows`.
        step: the time of one iteration where ``path`` is a sequence of iterates, which hop;
            None where it solves a differential equation, and glides.
        ending: what became of it, shown when the film has ended.
    """

    label: str
    colour: str
    path: Path
    step: float | None = None
    ending: str = ""


class Scene(NamedTuple):
    """Artists that move, and the function that moves them to a time."""

    moving: Sequence[Artist]
    update: Callable[[float], None]


class Film(NamedTuple):
    """An H.264 film, and the still that stands for it (PNG); sizes in pixels."""

    mp4: bytes
    poster: bytes
    width: int
    height: int
    seconds: float


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
    scenes = [
        on_wire(axis, potential, world, until) for axis, world in zip(axes, worlds, strict=True)
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


def on_wire(axis: Axes, potential: Potential, world: World, until: float) -> Scene:
    """Draws the wire; the scene is the bead, its trace, and at the end what became of it."""
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
    title = textwrap.fill(world.label, 16)
    axis.set_title(title, color=world.colour, fontsize=FONT, fontweight="bold", loc="center")
    (trace,) = axis.plot([], [], color=world.colour, linewidth=5, alpha=0.35, zorder=2)
    (bead,) = axis.plot([], [], "o", color=world.colour, markersize=17, mec="white", mew=2)
    moving = [trace, bead]
    if world.step is not None:
        trace.set(linewidth=1.5, marker="o", markersize=6, alpha=0.55)
    end = axis.text(
        0.5, 0.04, textwrap.fill(world.ending, 20), color=world.colour, fontsize=FONT, ha="center",
        transform=axis.transAxes,
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


def film(
    figure: Figure, scenes: Sequence[Scene], *, until: float, seconds: float, hold: float = 1.5
) -> Film:
    """Encodes scenes from time 0 to ``until``; the last picture is held, and is the poster."""
    import av
    from av.video.reformatter import ColorRange, Colorspace
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    moving = sorted((a for s in scenes for a in s.moving), key=lambda artist: artist.get_zorder())
    for artist in moving:
        artist.set_animated(True)
    canvas.draw()
    # What stands still is drawn once.
    background = canvas.copy_from_bbox(figure.bbox)
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        options = {"crf": "27", "preset": "slow", "tune": "animation"}
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height = canvas.get_width_height()
        stream.pix_fmt = "yuv420p"
        coder = stream.codec_context
        coder.gop_size = 2 * FPS
        coder.colorspace = coder.color_primaries = coder.color_trc = Colorspace.ITU709
        frames = round(seconds * FPS)
        for t in [*np.linspace(0, until, frames), *[until] * round(hold * FPS)]:
            for scene in scenes:
                scene.update(float(t))
            canvas.restore_region(background)
            for artist in moving:
                figure.draw_artist(artist)
            picture = np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    poster = io.BytesIO()
    Image.fromarray(picture).quantize(64).save(poster, format="png", optimize=True)
    length = (frames + round(hold * FPS)) / FPS
    return Film(file.getvalue(), poster.getvalue(), *canvas.get_width_height(), length)


def show(film: Film, *, alt: str, caption: str, name: str) -> None:
    """Displays a film with controls, a still for print, and below it its caption.

    Args:
        film: what `beads` or `trails` returned.
        alt: what it shows, as a sentence for those who do not see it.
        caption: below it; mathematics between dollar signs is set.
        name: the label of the figure in its page.
    """
    from IPython.display import display

    video, poster = (_data(*file) for file in (("video/mp4", film.mp4), ("image/png", film.poster)))
    size = f'width="{film.width}" height="{film.height}"'
    words = html.escape(alt)
    page = (
        f'<figure class="film" id="{html.escape(name)}" '
        f'style="--ratio: {film.height / film.width:.4f}">\n'
        f'<video controls playsinline muted preload="metadata" {size} aria-label="{words}" '
        f'poster="{poster}" src="{video}"></video>\n'
        f'<img class="film-still" {size} alt="{words}" src="{poster}">\n'
        f"<figcaption>{_typeset(caption)}</figcaption>\n</figure>"
    )
    display({"text/html": page, "text/plain": alt}, raw=True)


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _typeset(text: str) -> str:
    """HTML of a caption: mathematics between dollars as MathJax reads it in the book."""
    return re.sub(
        r"\$([^$]+)\$", r'<span class="math notranslate nohighlight">\\(\1\\)</span>',
        html.escape(text, quote=False),
    )  # fmt: skip


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
