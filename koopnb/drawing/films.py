"""From artists that move to an H.264 film, and a film into a page."""

import base64
import html
import io
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

FPS = 25
DPI = 135


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
