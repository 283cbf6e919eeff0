"""Where operators and averages say that the weights go, and how far that is from where they go."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree
from tqdm import tqdm

from koopnb.experiments.arms import Arm
from koopnb.experiments.ode.configuration import OdeConfig
from koopnb.experiments.ode.trainings import NetworkRuns
from koopnb.operators import baselines
from koopnb.operators.koopman import KoopmanOperator

Steps = Int[np.ndarray, " times"]
CUTOFF_BY_PRECISION = {"float32": "jax", "float64": "matlab"}


def fit_one(snapshots: PyTree, which: int, partition: str, precision: str) -> KoopmanOperator:
    """The operator of one network: JAX's cutoff in single precision, MATLAB's in double."""
    one = jax.tree.map(lambda leaf: leaf[:, which], snapshots)
    return Arm(partition, partition, dtype=precision, cutoff=CUTOFF_BY_PRECISION[precision]).fit(
        one
    )


def operators(
    config: OdeConfig, runs: NetworkRuns, steps: Steps, *, progress: bool = False
) -> tuple[dict[str, PyTree], dict[str, Any]]:
    """Every kind of operator: where it takes all networks, and what it is.

    Both are by arm, as "node float64": leaves (times, networks, ...), and ranks, cutoffs and
    spectral radii.
    """
    paths, kinds = {}, {}
    pairs = [(precision, name) for precision in config.precisions for name in config.partitions]
    label = f"{config.optimizer}, {config.points} points: operators"
    for precision, name in tqdm(pairs, desc=label, unit="kind", disable=not progress):
        fits = [fit_one(runs.snapshots, i, name, precision) for i in range(config.networks)]
        each = [operator.trajectory(steps) for operator in fits]
        paths[f"{name} {precision}"] = jax.tree.map(lambda *p: jnp.stack(p, axis=1), *each)
        kinds[f"{name} {precision}"] = described(fits)
    return paths, kinds


def without_operators(config: OdeConfig, runs: NetworkRuns, steps: Steps) -> dict[str, PyTree]:
    """Predictions that need no operator: no change, two averages and a straight line."""
    still = {
        "no change": runs.state.params,
        "mean": baselines.mean(runs.snapshots, config.averaged),
        "ema": baselines.ema(runs.snapshots, config.averaged / 4),
    }
    constant = {
        name: jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (len(steps), *leaf.shape)), params)
        for name, params in still.items()
    }
    return constant | {"linear": baselines.linear(runs.snapshots, steps, config.averaged)}


def described(fits: list[KoopmanOperator]) -> dict[str, Any]:
    """What the operators of all networks are.

    ``rank`` is the median over networks of every block's rank, ``spectral_radius`` that of
    every network's least stable block.
    """
    return {
        "solver": sorted({solver for operator in fits for solver in operator.solver}),
        "rcond": [min(fits[0].rcond), max(fits[0].rcond)],
        "rank": np.median([operator.rank for operator in fits], axis=0).tolist(),
        "spectral_radius": [float(np.max(operator.spectral_radius)) for operator in fits],
    }


def weight_distances(a: PyTree, b: PyTree) -> Float[Array, "times networks"]:
    """Euclidean distance over all weights, for every time and network."""
    squares = [
        jnp.sum((x.astype(jnp.float32) - y).reshape(*x.shape[:2], -1) ** 2, axis=-1)
        for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    ]
    return jnp.sqrt(functools.reduce(jnp.add, squares))
