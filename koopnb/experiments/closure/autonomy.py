"""A small network in training: are its weights a state, and what does its optimizer's memory add?

One hidden layer of five tanh neurons learns a sine, on 32 points, in double precision.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree

from koopnb.operators.koopman import fit

OPTIMIZERS = {"momentum": optax.sgd(0.05, momentum=0.9), "adadelta": optax.adadelta(1.0)}
MEMORIES = {"momentum": ("trace",), "adadelta": ("e_g", "e_x")}
ITERATIONS, SEEN, AT = 320, 200, 100
HORIZONS = (1, 20, 100)
Runs = dict[str, tuple[PyTree, PyTree]]


def train(seeds: Sequence[int]) -> Runs:
    """Weights and memory of every optimizer, leaves (seeds, iterations, ...), on all the data."""
    keys = jax.random.split(jax.random.key(1), max(seeds) + 1)[np.array(seeds)]
    with jax.enable_x64(True):
        return {name: _train(optimizer, keys) for name, optimizer in OPTIMIZERS.items()}


def _train(optimizer: optax.GradientTransformation, keys: Array) -> tuple[PyTree, PyTree]:
    inputs = _inputs()

    def step(carry: tuple, _: None) -> tuple[tuple, tuple]:
        theta, memory = carry
        updates, memory = optimizer.update(jax.grad(_loss)(theta, inputs), memory, theta)
        theta = optax.apply_updates(theta, updates)
        return (theta, memory), (theta, memory)

    def one(key: Array) -> tuple[PyTree, PyTree]:
        theta = _start(key)
        return jax.lax.scan(step, (theta, optimizer.init(theta)), None, length=ITERATIONS)[1]

    return jax.jit(jax.vmap(one))(keys)


def _start(key: Array) -> dict[str, Array]:
    first, second, third = jax.random.split(key, 3)
    return {
        "w": jax.random.normal(first, (5, 1)), "b": jax.random.normal(second, (5,)),
        "v": jax.random.normal(third, (5,)) / jnp.sqrt(5.0), "c": jnp.zeros(()),
    }  # fmt: skip


def _inputs() -> Float[Array, "32 1"]:
    return jnp.linspace(-1, 1, 32, dtype=jnp.float32)[:, None]


def _loss(theta: dict[str, Array], inputs: Float[Array, "samples 1"]) -> Array:
    hidden = jnp.tanh(inputs @ theta["w"].T + theta["b"][None])
    return jnp.mean((hidden @ theta["v"] + theta["c"] - jnp.sin(3 * inputs[:, 0])) ** 2)


def two_futures(runs: Runs, which: int, seed: int) -> dict[str, float]:
    """How far two next steps from the same weights lie apart, relative to the first.

    The weights are those of run ``which`` after 100 iterations. "descent" takes all data twice,
    "batches" two batches of 8 that ``seed`` draws, "schedule" the step 1/sqrt(k) at k and 4k, an
    optimizer its memory as it is, and fresh.
    """
    with jax.enable_x64(True):
        inputs, gradient = _inputs(), jax.grad(_loss)
        theta = jax.tree.map(lambda x: x[which, AT], runs["momentum"][0])
        order = np.random.default_rng(seed).permutation(32)
        batches = (inputs[order[:8]], inputs[order[8:16]])
        full = gradient(theta, inputs)
        found = {
            "descent": _gap(full, gradient(theta, inputs)),
            "batches": _gap(*(gradient(theta, x) for x in batches)),
            "schedule": _gap(full, jax.tree.map(lambda x: x / 2, full)),
        }
        for name, optimizer in OPTIMIZERS.items():
            theta, memory = jax.tree.map(lambda x: x[which, AT], runs[name])
            full, fresh = gradient(theta, inputs), optimizer.init(theta)
            found[name] = _gap(*(optimizer.update(full, m, theta)[0] for m in (memory, fresh)))
    return found


def _gap(one: PyTree, other: PyTree) -> float:
    difference = jax.tree.map(jnp.subtract, one, other)
    return float(optax.tree.norm(difference) / optax.tree.norm(one))


def with_memory(runs: Runs) -> dict[str, Float[np.ndarray, "seeds 2 horizons"]]:
    """Error over change of the weights, by operators that see the weights, and their memory too.

    Adadelta's memory is given as roots of its means of squares; every memory is scaled to the
    weights' size, since its unit matters to a cutoff.
    """
    found = {}
    for name, keys in MEMORIES.items():
        weights, memory = runs[name]
        seen = [_flat(optax.tree_utils.tree_get(memory, key)) for key in keys]
        if name == "adadelta":
            seen = [np.sqrt(one) for one in seen]
        found[name] = np.array(
            [_ratios(one, [m[i] for m in seen]) for i, one in enumerate(_flat(weights))]
        )
    return found


def _ratios(weights: Float[np.ndarray, "times m"], memories: list[Any]) -> np.ndarray:
    alone = {"theta": weights[:SEEN]}
    scaled = {
        f"memory {i}": m[:SEEN] / np.sqrt(np.mean(m[:SEEN] ** 2, axis=0)).max()
        for i, m in enumerate(memories)
    }
    true = weights[SEEN - 1 + np.array(HORIZONS)]
    change = np.linalg.norm(true - weights[SEEN - 1], axis=1)
    ahead = (fit(seen).trajectory(HORIZONS)["theta"] for seen in (alone, alone | scaled))
    return np.array([np.linalg.norm(path - true, axis=1) / change for path in ahead])


def _flat(tree: PyTree) -> Float[np.ndarray, "seeds times m"]:
    leaves = [np.asarray(x, np.float64) for x in jax.tree.leaves(tree)]
    return np.concatenate([x.reshape(*x.shape[:2], -1) for x in leaves], axis=2)
