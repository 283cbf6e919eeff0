"""The numbers that this chapter reads from records of the report's experiment."""

from collections.abc import Sequence

import numpy as np

from koopnb.experiments.record import Record

AVERAGES = ("mean", "ema")


def at_horizon(records: Sequence[Record], arm: str, epochs: int, quantity: str) -> np.ndarray:
    """One number of an arm's path to a horizon, a value per seed.

    ``arm`` is an operator's name, "adadelta" for the optimizer of the records, or "linear".
    What is not a number counts as infinite.
    """
    paths = [
        {"adadelta": one.metrics["optimizer"], "linear": one.metrics["baselines"]["linear"]}
        | one.metrics["operators"]
        for one in records
    ]
    found = np.array([float(path[arm][str(epochs)][quantity]) for path in paths])
    return np.where(np.isnan(found), np.inf, found)


def of_average(records: Sequence[Record], kind: str = "mean", quantity: str = "loss") -> np.ndarray:
    """Loss or accuracy of the averaged weights, a value per seed; they know no horizon."""
    return np.array([one.metrics["baselines"][kind][quantity] for one in records])


def final_loss(records: Sequence[Record], arm: str, epochs: int) -> np.ndarray:
    """An arm's loss at the end of a horizon; of the optimizer, its median over the last epoch."""
    if arm in AVERAGES:
        return of_average(records, arm)
    return at_horizon(records, arm, epochs, "loss_median" if arm == "adadelta" else "loss_end")


def horizons(records: Sequence[Record]) -> list[int]:
    """The horizons of the records in epochs, ascending."""
    return sorted(records[0].config["horizon_epochs"])


def dataset(records: Sequence[Record]) -> str:
    """The name of the data set that the records are of."""
    return records[0].config["dataset"]
