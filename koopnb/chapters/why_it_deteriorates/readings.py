"""The numbers that this chapter reads from records of the series "causes" and "cutoffs"."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from koopnb.experiments.record import Record


def read(records: Sequence[Record], *keys: str) -> np.ndarray:
    """One number per seed, by its keys in the metrics; what is not a number counts as infinite."""
    found = []
    for one in records:
        value: Any = one.metrics
        for key in keys:
            value = value[key]
        found.append(float(value))
    return np.where(np.isnan(found), np.inf, found)


def averaged(records: Sequence[Record]) -> np.ndarray:
    """The loss of the averaged weights, per seed."""
    return read(records, "baselines", "mean")


def last(records: Sequence[Record]) -> np.ndarray:
    """The loss of the last recorded weights, per seed."""
    return read(records, "baselines", "last")


def switched(records: Sequence[Record], name: str, acting: str, epochs: int = 2) -> np.ndarray:
    """The loss of an operator with only some factors acting, such as "decay+turning"."""
    return read(records, "factors", name, acting, "loss", str(epochs))


def per_epoch(records: Sequence[Record]) -> int:
    """Iterations in an epoch."""
    return records[0].metrics["iterations_per_epoch"]
