"""Numbers of several seeds: their counts added up with an interval."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from koopnb.dynamics import escape


def share(count: int, of: int) -> Float[np.ndarray, " 3"]:
    """A share, and the ends of Wilson's interval of 95%."""
    return np.array([count / of, *escape.share_interval(count, of)])


def rate(rows: Sequence[Mapping[str, Any]], exposure: str) -> Float[np.ndarray, " 3"]:
    """Passages over an exposure, both added up over seeds, and Garwood's interval of 95%."""
    passed, total = sum(row["passed"] for row in rows), sum(row[exposure] for row in rows)
    return np.array([passed / total, *escape.rate_interval(passed, total)])


def bars(
    axis: Axes, x: Sequence[float], found: Sequence[Float[np.ndarray, " 3"]], *, colour: str,
    line: str = "o-", alpha: float = 1.0,
) -> None:  # fmt: skip
    """Points with the intervals of `share` or `rate`."""
    middle, low, high = np.transpose(found)
    axis.errorbar(
        x, middle, [middle - low, high - middle], fmt=line, color=colour, capsize=3, linewidth=1,
        alpha=alpha,
    )  # fmt: skip


def plain_logarithm(axis: Axes, base: float) -> None:
    """A logarithmic ruler below, whose marks are numbers as one writes them."""
    axis.set_xscale("log", base=base)
    axis.xaxis.set_major_formatter("{x:g}")
