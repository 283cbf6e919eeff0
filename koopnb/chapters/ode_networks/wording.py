"""Numbers and lists as the chapter's sentences have them."""

from collections.abc import Mapping, Sequence

import numpy as np

NAMES = {"adadelta": "Adadelta", "adam": "Adam", "adagrad": "Adagrad"}


def plain(value: float) -> str:
    """Two digits or two decimals, without an exponent where the number is not small."""
    if value >= 9.995:
        return f"{float(f'{value:.2g}'):,.0f}"
    return f"{value:.2f}" if value >= 0.0995 else f"{value:.2g}"


def decimal(value: float) -> str:
    """Two digits, never with an exponent."""
    return np.format_float_positional(value, precision=2, fractional=False, trim="-")


def by_optimizer(found: Mapping[str, float]) -> str:
    """A number for each optimizer: "Adadelta 0.69, Adam 0.043"."""
    return ", ".join(f"{NAMES[optimizer]} {plain(value)}" for optimizer, value in found.items())


def called(optimizers: Sequence[str]) -> str:
    """The names of optimizers as a sentence has them; "none of the optimizers" for no name."""
    return joined([NAMES[one] for one in optimizers]) or "none of the optimizers"


def joined(words: Sequence[str]) -> str:
    """Words as a sentence lists them: "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
