"""What a chapter shows: figures with alternative text and caption, tables, and sentences.

Functions of ``koopnb.chapters`` return these; a notebook shows them as the last value of a cell.
"""

import functools
import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, ParamSpec, TypeVar

import matplotlib.pyplot as plt
import pandas
from IPython.display import display
from matplotlib.figure import Figure

from koopnb.drawing import palette

P = ParamSpec("P")
T = TypeVar("T")


class Plate(NamedTuple):
    """A figure and the words that belong to it.

    ``alt`` says as sentences what it shows to those who do not see it, ``caption`` stands below
    it, and ``name`` is its label in its page, without the page's name.
    """

    figure: Figure
    alt: str
    caption: str
    name: str

    def _ipython_display_(self) -> None:
        """Shows figure and caption; the book turns both into a labelled figure element."""
        png = io.BytesIO()
        with plt.rc_context(palette.STYLE):
            self.figure.savefig(png, format="png", dpi=180)
        plt.close(self.figure)
        details = {"alt": self.alt, "caption": self.caption, "name": self.name}
        display({"image/png": png.getvalue()}, metadata={"image/png": details}, raw=True)
        caption = {"koopnb": {"caption_of": self.name}}
        display({"text/markdown": self.caption}, metadata=caption, raw=True)


class Text(str):
    """Markdown that a notebook sets as text."""

    def _repr_markdown_(self) -> str:
        return str(self)


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Draws in the book's style, and leaves matplotlib's settings as they are."""

    @functools.wraps(draw)
    def inside(*args: P.args, **kwargs: P.kwargs) -> T:
        with plt.rc_context(palette.STYLE):
            return draw(*args, **kwargs)

    return inside


def table(rows: Iterable[Mapping[str, Any]]) -> Text:
    """A Markdown table; the keys of the first row are its head, and values are set as they are.

    >>> print(table([{"rank": 8, "loss": "0.2"}]))
    | rank   | loss   |
    |:-------|:-------|
    | 8      | 0.2    |
    """
    frame = pandas.DataFrame(list(rows), dtype=str)
    return Text(frame.to_markdown(index=False, disable_numparse=True))


def dropdown(title: str, content: str) -> Text:
    """What a reader opens by a click on its title."""
    return Text(f":::{{admonition}} {title}\n:class: dropdown\n\n{content}\n:::")
