"""What a prediction costs beside the training that it replaces, for one network."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from koopnb.experiments.mnist import fastest
from koopnb.experiments.ode.configuration import OdeConfig
from koopnb.experiments.ode.forecasts import fit_one
from koopnb.experiments.ode.oscillator import mean_squared_residuals
from koopnb.experiments.ode.trainings import NetworkRuns, advance, equidistant_times

REPEATS = 6
EVERY_COST = ("predict", "fit", "check", "record")


def time_one_network(config: OdeConfig, runs: NetworkRuns, precision: str) -> dict[str, Any]:
    """Seconds that training the first network takes, and that predicting it takes instead.

    ``train`` is for the iterations of the horizon in one compiled loop, ``record`` for what
    keeping every snapshot of the record adds to that loop, and ``check`` for the loss of a
    network. ``fit`` and ``predict`` are by partition.
    """
    alone = OdeConfig(**(vars(config) | {"networks": 1}))
    key = jax.random.key(0)
    state = jax.tree.map(lambda leaf: leaf[:1] if leaf.ndim else leaf, runs.state)
    train = fastest(lambda: advance(state, key, alone, config.horizon, False), REPEATS)
    recorded = fastest(lambda: advance(state, key, alone, config.horizon, True), REPEATS)
    found: dict[str, Any] = {
        "train": train,
        "record": max(0.0, recorded - train) * config.record / config.horizon,
        "fit": {},
        "predict": {},
    }
    for name in config.partitions:
        fit_once = functools.partial(fit_one, runs.snapshots, 0, name, precision)
        predict = functools.partial(fit_once().predict, config.horizon)
        found["fit"][name] = fastest(fit_once, REPEATS)
        found["predict"][name] = fastest(predict, REPEATS)
    loss = jax.jit(functools.partial(mean_squared_residuals, t=equidistant_times(alone)))
    return found | {"check": fastest(lambda: loss(state.params), REPEATS)}


def speed_up(
    costs: Mapping[str, Any], partition: str, counted: Sequence[str] = EVERY_COST
) -> float:
    """How many times faster than training the operators of a partition are.

    Args:
        costs: what `time_one_network` returns.
        partition: into which blocks the weights are cut.
        counted: which costs count against the operators; all of them unless told.
    """
    spent = [costs[name] for name in counted]
    whole = sum(cost[partition] if isinstance(cost, Mapping) else cost for cost in spent)
    return costs["train"] / whole
