"""Numbers as the text of a page has them."""

from collections.abc import Iterable, Sequence

import numpy as np


def rounded(value: float) -> str:
    """A loss or a ratio with three digits, and only its power of ten from a thousand on.

    >>> rounded(0.25), rounded(423.4), rounded(2e5), rounded(float("inf"))
    ('0.250', '423', '$10^{5}$', '$\\\\infty$')
    """
    if not np.isfinite(value):
        return r"$\infty$"
    if value < 1000:
        return f"{value:.3f}" if value < 10 else f"{value:.3g}"
    return f"$10^{{{np.log10(value):.0f}}}$"


def spread(values: Sequence[float] | np.ndarray) -> str:
    """Median and range of one number per seed; with one seed, that number.

    >>> spread([0.25, 0.5, 2e5])
    '0.500 [0.250, $10^{5}$]'
    """
    if len(values) == 1:
        return rounded(values[0])
    return f"{rounded(np.median(values))} [{rounded(np.min(values))}, {rounded(np.max(values))}]"


def extent(values: np.ndarray | Iterable[float], digits: str = ".2f") -> str:
    """The least and the greatest of the numbers there are.

    >>> extent([0.99, 0.72])
    '0.72 to 0.99'
    """
    listed = np.array(list(values))
    return f"{np.nanmin(listed):{digits}} to {np.nanmax(listed):{digits}}"
