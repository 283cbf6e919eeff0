"""What the chapter reads from the records of the six trainings."""

from collections.abc import Callable, Sequence

import numpy as np

from koopnb.experiments import ode
from koopnb.experiments.record import Record

# The arms that are compared, and what figures call them.
OPERATOR_ARMS = {f"{name} float64": name for name in ("weight", "node", "layer", "network")}
ARMS = OPERATOR_ARMS | {"linear": "straight line", "mean": "average"}
NODE, NETWORK = "node float64", "network float64"


def fixed(records: Sequence[Record]) -> dict[str, Record]:
    """By optimizer, the training with fixed points."""
    return {r.config["optimizer"]: r for r in records if r.config["points"] == "fixed"}


def by_setting(records: Sequence[Record]) -> dict[tuple[str, str], Record]:
    """The trainings by optimizer and points."""
    return {(r.config["optimizer"], r.config["points"]): r for r in records}


def of_each(records: Sequence[Record], number: Callable[[Record], float]) -> dict[str, float]:
    """By optimizer, a number that is read from the training with fixed points."""
    return {optimizer: number(one) for optimizer, one in fixed(records).items()}


def error_ratios(records: Sequence[Record], arm: str, other: str = "no change") -> dict[str, float]:
    """By optimizer, `ode.error_over` with fixed points."""
    return of_each(records, lambda one: ode.error_over(one, arm, other))


def loss_ratios(records: Sequence[Record], arm: str, other: str = "no change") -> dict[str, float]:
    """By optimizer, `ode.loss_over` with fixed points."""
    return of_each(records, lambda one: ode.loss_over(one, arm, other))


def reached(one: Record) -> float:
    """The median loss at the end of the record."""
    return float(np.median(one.metrics["loss_at_record_end"]))


def record_end(one: Record) -> int:
    """The iteration at which the record ends and predictions begin."""
    return one.config["burn_in"] + one.config["record"]
