"""What the grids have in common: names of optimizers and batches, medians, and tables of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from koopnb.drawing import plates
from koopnb.experiments.record import Record

NAMES = {
    "sgd": "Gradient descent",
    "momentum": "Momentum",
    "adam": "Adam",
    "adadelta": "Adadelta",
    "adagrad": "Adagrad",
}
AHEAD = ("half a record", "one record", "twice the record", "four times the record")


class Group(NamedTuple):
    """Runs that a table shows: what they are called, their records, and the batch size's place."""

    called: str
    records: Sequence[Record]
    batch: int


def optimizers(records: Sequence[Record]) -> list[str]:
    """The names of a grid's optimizers."""
    return [NAMES[name] for name in records[0].config["optimizers"]]


def batches(records: Sequence[Record]) -> list[str]:
    """The batch sizes of a grid, as labels."""
    return ["full" if size is None else str(size) for size in records[0].config["batch_sizes"]]


def batch(size: int | None) -> str:
    """A batch size in words."""
    return "full batch" if size is None else f"batches of {size}"


def median(records: Sequence[Record], numbers: Callable[..., np.ndarray], *of: str) -> np.ndarray:
    """The median over seeds of ``numbers(record, *of)``, of those runs that have a number."""
    found = np.array([numbers(one, *of) for one in records])
    none = np.isnan(found).all(axis=0)
    return np.where(none, np.nan, np.nanmedian(np.where(none, 0, found), axis=0))


def curve(one: Record, name: str) -> np.ndarray:
    """A curve of a record: what `median` takes for numbers that are stored as they are."""
    return one.curves[name]


def named(records: Sequence[Record], values: Iterable[float], digits: str = ".2f") -> str:
    """A value an optimizer: "0.93 (Gradient descent), 0.97 (Adam)"."""
    pairs = zip(values, optimizers(records), strict=True)
    return ", ".join(f"{value:{digits}} ({name})" for value, name in pairs)


def side_by_side(
    numbers: Callable[[Record, str], np.ndarray],
    columns: Mapping[str, tuple[str, int]],
    groups: Sequence[Group],
) -> plates.Text:
    """Medians in a table: a row for every optimizer of every group, columns side by side.

    A column has an arm and the place of a horizon.
    """
    rows = []
    for group in groups:
        found = {
            label: median(group.records, numbers, arm)[horizon, :, group.batch]
            for label, (arm, horizon) in columns.items()
        }
        for i, name in enumerate(optimizers(group.records)):
            values = {label: f"{column[i]:.2f}" for label, column in found.items()}
            rows.append({"Run": f"{name}, {group.called}"} | values)
    return plates.table(rows)
