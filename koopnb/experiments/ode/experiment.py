"""The paper's published example: ODE-solver networks trained to the end, and predicted."""

import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from koopnb.experiments import record
from koopnb.experiments.ode import forecasts
from koopnb.experiments.ode.clock import time_one_network
from koopnb.experiments.ode.configuration import UNTUNED_OPTIMIZERS, OdeConfig
from koopnb.experiments.ode.oscillator import mean_squared_residuals
from koopnb.experiments.ode.trainings import equidistant_times, rows_of_weights, train_networks

EXPERIMENT = "ode"
KEPT = ("trained", "mean", "node float64", "network float64")  # arms whose weights are stored


def run(
    config: OdeConfig, folder: str | Path | None = None, *, progress: bool = False
) -> record.Record:
    r"""Trains all networks, predicts each with every operator, returns the record.

    Errors are $|\hat x - x|$ over all weights of a network and changes $|x - x_n|$, both after
    each ``stride`` iterations up to the horizon; x is where training itself goes. Operators
    are fitted in single precision with JAX's cutoff, and in double with MATLAB's.

    Source: Dogra and Redman, NeurIPS 2020, and the example of its MATLAB code.
    """
    began = time.perf_counter()
    runs = train_networks(config)
    steps = np.arange(config.stride, config.horizon + 1, config.stride)
    t, last = equidistant_times(config), runs.state.params
    actual = jax.tree.map(lambda leaf: leaf[steps - 1], runs.further)
    arms, operators = forecasts.operators(config, runs, steps, progress=progress)
    arms |= forecasts.without_operators(config, runs, steps) | {"trained": actual}
    losses_along = jax.jit(
        lambda path: jax.lax.map(lambda params: mean_squared_residuals(params, t), path)
    )
    curves: dict[str, np.ndarray] = {"training/loss": runs.losses}
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
    result = record.make(EXPERIMENT, config, metrics, curves, time.perf_counter() - began)
    if folder is not None:
        record.save(result, config, folder)
    return result
