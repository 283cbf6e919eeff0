"""What an operator of each partition can see, and what it costs on the report's record."""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PyTree

from koopnb import training
from koopnb.experiments import mnist
from koopnb.experiments.protocol import Measured, Series, recorded
from koopnb.operators import baselines, spectrum
from koopnb.operators.koopman import KoopmanOperator, fit

RATES = (0.99, 0.97, 0.94)

# Where the two weights of a rotating pair sit in the tree of `coupled`.
COUPLINGS = {
    "in one chunk": (("first", 0, 0), ("first", 0, 1)),
    "in one node": (("first", 0, 0), ("first", 0, 4)),
    "in one layer": (("first", 0, 0), ("first", 2, 3)),
    "across layers": (("first", 0, 0), ("second", 1, 2)),
}
ARMS: dict[str, int | None] = {
    "weight": None,
    "quasi-node": 2,
    "node": None,
    "layer": None,
    "network": None,
}


def coupled(where: str, count: int, angle: float = 0.3) -> PyTree:
    r"""Weights of two layers that decay, but for a pair that turns into each other.

    Weight i is $a_i λ_i^t$ with λ of 0.99, 0.97 or 0.94; the pair is
    $(\cos ωt, \sin ωt)$. All of it together is linear, and no weight of the pair is by itself.

    Args:
        where: a key of ``COUPLINGS``.
        count: snapshots.
        angle: ω, in radians a step.
    """
    rng = np.random.default_rng(0)
    times = np.arange(count)
    shapes = {"first": (4, 6), "second": (3, 5)}
    tree = {}
    for name, shape in shapes.items():
        rates = np.resize(RATES, shape)
        tree[name] = rng.uniform(0.5, 1.5, shape) * rates ** times[:, None, None]
    for (name, row, column), wave in zip(COUPLINGS[where], (np.cos, np.sin), strict=True):
        tree[name][:, row, column] = wave(angle * times)
    return {name: {"weight": x[..., :-1], "bias": x[..., -1]} for name, x in tree.items()}


def unseen(where: str, partition: str, *, count: int = 80, steps: int = 40) -> float:
    """Relative error, ``steps`` ahead, of an operator fitted to ``count`` coupled snapshots."""
    whole = coupled(where, count + steps)
    operator = fit(jax.tree.map(lambda x: x[:count], whole), partition=partition, q=ARMS[partition])
    held = spectrum.held_out(operator, jax.tree.map(lambda x: x[count - 1 :], whole), steps)
    return float(np.linalg.norm(held.error) / np.linalg.norm(held.change))


@dataclass(frozen=True)
class PartitionsConfig:
    """Which operators are fitted to the report's record, one seed.

    ``widths`` are those of quasi-nodes, the first of which stands beside the other four
    partitions. ``repeats``: how often their fits are timed, none at 0.
    """

    dataset: str = "mnist"
    seed: int = 0
    horizon_epochs: tuple[int, ...] = (1, 2)
    widths: tuple[int, ...] = (28, 112, 393)
    repeats: int = 2


@recorded(lambda _: ONE)
def run(config: PartitionsConfig, *, progress: bool = False) -> Measured:
    """Runs one seed: every partition's operator on the same record, in single precision.

    Cutoff and solver are `koopnb.fit`'s own. Losses are those of the test set.

    Source: the report's Method, section 3; Dogra and Redman, NeurIPS 2020, section 3.
    """
    runs = mnist.train(
        mnist.protocol(config.dataset, config.seed, config.horizon_epochs), progress=progress
    )
    ends = [epochs * runs.per_epoch for epochs in config.horizon_epochs]
    x, y = jnp.asarray(runs.data.x_test), jnp.asarray(runs.data.y_test)
    every = 10
    loss, _ = training.evaluate_path(jax.tree.map(lambda leaf: leaf[::every], runs.further), x, y)
    mean = baselines.mean(runs.snapshots, runs.per_epoch)
    metrics: dict[str, Any] = {
        "weights": sum(leaf.size for leaf in jax.tree.leaves(mean)),
        "snapshots": len(jax.tree.leaves(runs.snapshots)[0]),
        "iterations_per_epoch": runs.per_epoch,
        "adadelta": [float(np.median(loss[: end // every])) for end in ends],
        "mean": mnist.scores(mean, x, y)["loss"],
        "partitions": {},
    }
    measure = functools.partial(_measure, runs.snapshots, ends, x, y)
    for name in ARMS:
        q = config.widths[0] if name == "quasi-node" else None
        metrics["partitions"][name] = measure(config.repeats, name, q)
    metrics["widths"] = {str(config.widths[0]): metrics["partitions"]["quasi-node"]}
    for width in config.widths[1:]:
        metrics["widths"][str(width)] = measure(0, "quasi-node", width)
    widest = metrics["partitions"]["node"]["widest"]
    metrics["widths"][str(widest)] = metrics["partitions"]["node"]
    return metrics, {}


def _measure(
    snapshots: PyTree,
    ends: list[int],
    x: Float[jax.Array, "samples d"],
    y: jax.Array,
    repeats: int,
    name: str,
    q: int | None,
) -> dict[str, Any]:
    fit_once = functools.partial(fit, snapshots, partition=name, q=q)
    operator = fit_once()
    loss, _ = training.evaluate_path(operator.trajectory(ends), x, y)
    found = sizes(operator) | {"loss": np.asarray(loss, float).tolist()}
    if repeats:
        found["seconds_to_fit"] = mnist.fastest(fit_once, repeats + 1)
        found["seconds_to_predict"] = mnist.fastest(lambda: operator.predict(ends[-1]))
    return found


def sizes(operator: KoopmanOperator) -> dict[str, Any]:
    """Blocks, ranks and radius; entries of the explicit matrices, and bytes of the factors."""
    part = operator.partition
    widths = np.repeat(part.widths, part.group_sizes).astype(float)
    kept = jax.tree.leaves([(group.encoder, group.decoder) for group in operator.groups])
    return {
        "blocks": len(widths),
        "widest": int(widths.max()),
        "entries": float(np.sum(widths**2)),
        "factor_bytes": sum(leaf.nbytes for leaf in kept),
        "rank": [int(np.median(operator.rank)), int(np.max(operator.rank))],
        "spectral_radius": float(np.max(operator.spectral_radius)),
        "solver": sorted(set(operator.solver)),
        "rcond": [min(operator.rcond), max(operator.rcond)],
    }


# Chapter 06 runs it by itself; no claims judge it.
ONE: Series = Series(
    "partitions", "five partitions, single precision with JAX's cutoff", 35, run,
    lambda dataset, seed, _horizons: [PartitionsConfig(dataset or "mnist", seed)],
    tuple(range(10)),
)  # fmt: skip
