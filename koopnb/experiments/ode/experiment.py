"""The paper's published example: ODE-solver networks trained to the end, and predicted."""

from typing import Any

import jax
import numpy as np

from koopnb.experiments import record
from koopnb.experiments.ode import forecasts
from koopnb.experiments.ode.clock import time_one_network
from koopnb.experiments.ode.configuration import COLLOCATION_KINDS, UNTUNED_OPTIMIZERS, OdeConfig
from koopnb.experiments.ode.oscillator import mean_squared_residuals
from koopnb.experiments.ode.trainings import equidistant_times, rows_of_weights, train_networks
from koopnb.experiments.protocol import Measured, Series, recorded

KEPT = ("trained", "mean", "node float64", "network float64")  # arms whose weights are stored


@recorded(lambda _: SERIES[0])
def run(config: OdeConfig, *, progress: bool = False) -> Measured:
    r"""Trains all networks, and predicts each with every operator.

    Errors are $|\hat x - x|$ over all weights of a network and changes $|x - x_n|$, both after
    each ``stride`` iterations up to the horizon; x is where training itself goes. Operators
    are fitted in single precision with JAX's cutoff, and in double with MATLAB's.

    Source: Dogra and Redman, NeurIPS 2020, and the example of its MATLAB code.
    """
    runs = train_networks(config)
    steps = np.arange(config.stride, config.horizon + 1, config.stride)
    t, last = equidistant_times(config), runs.state.params
    actual = jax.tree.map(lambda leaf: leaf[steps - 1], runs.further)
    arms, operators = forecasts.operators(config, runs, steps, progress=progress)
    arms |= forecasts.without_operators(config, runs, steps) | {"trained": actual}
    losses_along = jax.jit(
        lambda path: jax.lax.map(lambda params: mean_squared_residuals(params, t), path)
    )
    curves: dict[str, np.ndarray] = record.thinned("training/loss", runs.losses)
    for name, path in arms.items():
        curves[f"{name}/loss"] = np.asarray(losses_along(path))
        curves[f"{name}/error"] = np.asarray(forecasts.weight_distances(path, actual))
        if name in KEPT:
            end = jax.tree.map(lambda leaf: leaf[-1], path)
            curves[f"{name}/weights"] = np.asarray(rows_of_weights(end))
    curves["change"] = curves["no change/error"]
    metrics: dict[str, Any] = {
        "weights": sum(leaf[0].size for leaf in jax.tree.leaves(last)),
        "learning_rate": UNTUNED_OPTIMIZERS[config.optimizer][1],
        "loss_at_record_end": mean_squared_residuals(last, t),
        "operators": operators,
        "seconds": {name: time_one_network(config, runs, name) for name in config.precisions},
    }
    return metrics, curves


def _trainings(_dataset: str, seed: int, _horizons: tuple[int, ...]) -> list[OdeConfig]:
    return [
        OdeConfig(optimizer, points, seed)
        for optimizer in UNTUNED_OPTIMIZERS
        for points in COLLOCATION_KINDS
    ]


SERIES: tuple[Series, ...] = (
    Series(
        "ode", "25 ODE-solver networks, six trainings", 60, run, _trainings, (0,), datasets=(),
        told=("optimizer", "points"),
    ),
)  # fmt: skip
