"""What an operator of each partition can see, and what it costs on the report's record."""

import functools
from collections.abc import Callable
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
WIDTHS = {"mnist": (28, 112, 393), "digits": (8, 16, 33)}  # of quasi-nodes, up to half a row
THINNED = 10  # of the optimizer's iterations one in so many is evaluated

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


def coupled(where: str, count: int, angle: float = 0.3, seed: int = 0) -> PyTree:
    r"""Weights of two layers that decay, but for a pair that turns into each other.

    Weight i is $a_i λ_i^t$ with λ of 0.99, 0.97 or 0.94 and a drawn $a_i$; the pair is
    $(\cos ωt, \sin ωt)$. All of it together is linear, and no weight of the pair is by itself.

    Args:
        where: a key of ``COUPLINGS``.
        count: snapshots.
        angle: ω, in radians a step.
        seed: draws the $a_i$.
    """
    rng = np.random.default_rng(seed)
    times = np.arange(count)
    shapes = {"first": (4, 6), "second": (3, 5)}
    tree = {}
    for name, shape in shapes.items():
        rates = np.resize(RATES, shape)
        tree[name] = rng.uniform(0.5, 1.5, shape) * rates ** times[:, None, None]
    for (name, row, column), wave in zip(COUPLINGS[where], (np.cos, np.sin), strict=True):
        tree[name][:, row, column] = wave(angle * times)
    return {name: {"weight": x[..., :-1], "bias": x[..., -1]} for name, x in tree.items()}


def unseen(where: str, partition: str, *, count: int = 80, steps: int = 40, seed: int = 0) -> float:
    """Relative error, ``steps`` ahead, of an operator fitted to ``count`` coupled snapshots."""
    whole = coupled(where, count + steps, seed=seed)
    operator = fit(jax.tree.map(lambda x: x[:count], whole), partition=partition, q=ARMS[partition])
    held = spectrum.held_out(operator, jax.tree.map(lambda x: x[count - 1 :], whole), steps)
    return float(np.linalg.norm(held.error) / np.linalg.norm(held.change))


@dataclass(frozen=True)
class PartitionsConfig:
    """Which operators are fitted to the report's record, one seed.

    ``widths`` are those of quasi-nodes, the first of which stands beside the other four
    partitions. ``repeats``: how often fits are timed, none at 0.
    """

    dataset: str = "mnist"
    seed: int = 0
    horizon_epochs: tuple[int, ...] = (1, 2)
    widths: tuple[int, ...] = WIDTHS["mnist"]
    repeats: int = 0


@recorded(lambda config: SERIES[bool(config.repeats)])
def run(config: PartitionsConfig, *, progress: bool = False) -> Measured:
    """Runs one seed: every partition's operator on the same record, in single precision.

    Cutoff and solver are `koopnb.fit`'s own. Losses are those of the test set. ``couplings`` are
    errors of `unseen` on decays that the seed draws.

    Source: the report's Method, section 3; Dogra and Redman, NeurIPS 2020, section 3.
    """
    runs = mnist.train(
        mnist.protocol(config.dataset, config.seed, config.horizon_epochs), progress=progress
    )
    ends = [epochs * runs.per_epoch for epochs in config.horizon_epochs]
    x, y = jnp.asarray(runs.data.x_test), jnp.asarray(runs.data.y_test)
    some = jax.tree.map(lambda leaf: leaf[::THINNED], runs.further)
    loss, _ = training.evaluate_path(some, x, y)
    mean = baselines.mean(runs.snapshots, runs.per_epoch)
    measure = functools.partial(_measure, runs.snapshots, ends, x, y)
    narrow, *wider = config.widths
    found = {
        name: measure(name, narrow if name == "quasi-node" else None, config.repeats)
        for name in ARMS
    }
    row = found["node"]
    metrics: dict[str, Any] = {
        "weights": sum(leaf.size for leaf in jax.tree.leaves(mean)),
        "snapshots": len(jax.tree.leaves(runs.snapshots)[0]),
        "iterations_per_epoch": runs.per_epoch,
        "adadelta": [float(np.median(loss[: end // THINNED])) for end in ends],
        "mean": mnist.scores(mean, x, y)["loss"],
        "partitions": found,
        "widths": {str(narrow): found["quasi-node"]}
        | {str(q): measure("quasi-node", q) for q in wider}
        | {str(row["widest"]): row},
        "couplings": {
            where: {name: unseen(where, name, seed=config.seed) for name in ARMS}
            for where in COUPLINGS
        },
    }
    return metrics, {}


def _measure(
    snapshots: PyTree,
    ends: list[int],
    x: Float[jax.Array, "samples d"],
    y: jax.Array,
    name: str,
    q: int | None,
    repeats: int = 0,
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
    """Blocks and ranks; entries of the explicit matrices, and bytes of the factors."""
    part = operator.partition
    widths = np.repeat(part.widths, part.group_sizes).astype(float)
    kept = jax.tree.leaves([(group.encoder, group.decoder) for group in operator.groups])
    return {
        "blocks": len(widths),
        "widest": int(widths.max()),
        "entries": float(np.sum(widths**2)),
        "factor_bytes": sum(leaf.nbytes for leaf in kept),
        "rank": [int(np.median(operator.rank)), int(np.max(operator.rank))],
        "solver": sorted(set(operator.solver)),
        "rcond": [min(operator.rcond), max(operator.rcond)],
    }


def _each(repeats: int) -> Callable[[str, int, tuple[int, ...]], list[PartitionsConfig]]:
    return lambda dataset, seed, _horizons: [
        PartitionsConfig(
            dataset or "mnist", seed, widths=WIDTHS[dataset or "mnist"], repeats=repeats
        )
    ]


SERIES: tuple[Series, ...] = (
    Series(
        "partitions", "five partitions, single precision with JAX's cutoff", 45, run, _each(0),
        tuple(range(10)),
    ),
    Series("fits", "timings of their fits", 46, run, _each(3), (0,), alone=True),
)  # fmt: skip
