"""The paper's published example: ODE-solver networks trained to the end, and predicted."""

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree
from tqdm import tqdm

from koopnb.checks import Refusal
from koopnb.experiments import record
from koopnb.experiments.mnist import fastest
from koopnb.experiments.ode.oscillator import END, SIZES, losses
from koopnb.experiments.protocol import Measured, Series, recorded
from koopnb.networks import MLP
from koopnb.operators import baselines
from koopnb.operators.koopman import KoopmanOperator, fit
from koopnb.operators.partition import PARTITIONS

# The paper gives no learning rates. None of these was tuned.
OPTIMIZERS = {
    "adadelta": (optax.adadelta, 1.0),
    "adam": (optax.adam, 1e-3),
    "adagrad": (optax.adagrad, 1e-2),
}
POINTS = ("fixed", "jittered")


@dataclass(frozen=True)
class OdeConfig:
    """The paper's lengths: they are iterations, every one of the record leaves a snapshot.

    ``points``: "fixed" takes the same collocation points in every iteration, "jittered" draws
    one anew in each cell of the same width; which points the paper took is not known.
    ``stride``: iterations between the horizons at which predictions are judged. ``averaged``:
    the last snapshots that the averages use.
    """

    optimizer: str = "adadelta"
    points: str = "fixed"
    seed: int = 0
    networks: int = 25
    burn_in: int = 35_000
    record: int = 10_000
    horizon: int = 2_500
    collocation: int = 200
    partitions: tuple[str, ...] = ("weight", "node", "layer", "network")
    precisions: tuple[str, ...] = ("float32", "float64")
    averaged: int = 1_000
    stride: int = 125

    def __post_init__(self) -> None:
        for name, allowed in (("optimizer", tuple(OPTIMIZERS)), ("points", POINTS)):
            if getattr(self, name) not in allowed:
                raise Refusal(f"{name}={getattr(self, name)!r}: must be one of {allowed}.")
        unknown = [name for name in self.partitions if name not in PARTITIONS]
        if unknown or "quasi-node" in self.partitions:
            raise Refusal(
                f"partitions={self.partitions}: choose from weight, node, layer and network."
            )
        if self.horizon < 1 or self.horizon % self.stride:
            raise Refusal(
                f"horizon={self.horizon}: give a positive multiple of stride={self.stride}."
            )
        if not 2 <= self.averaged <= self.record:
            raise Refusal(
                f"averaged={self.averaged}: averages need 2 to record={self.record} snapshots."
            )


class State(NamedTuple):
    """All networks at once: every leaf of ``params`` leads with the networks."""

    params: PyTree
    opt_state: PyTree
    step: Int[Array, ""]


class NetworkRuns(NamedTuple):
    """The training of all networks; snapshots lead with time, then with the networks."""

    state: State
    losses: Float[np.ndarray, "iterations networks"]
    snapshots: PyTree
    further: PyTree


def start(config: OdeConfig) -> State:
    """Fresh networks, and the optimizer's state."""
    keys = jax.random.split(jax.random.key(config.seed), config.networks)
    params = eqx.filter_vmap(lambda key: MLP(SIZES, key=key).layers)(keys)
    return State(params, _optimizer(config).init(params), jnp.zeros((), jnp.int32))


def grid(config: OdeConfig) -> Float[Array, "networks points"]:
    """The fixed points, on which every loss in a record's metrics is taken."""
    t = jnp.linspace(0, END, config.collocation, dtype=jnp.float32)
    return jnp.broadcast_to(t, (config.networks, config.collocation))


@functools.partial(jax.jit, static_argnames=("config", "length", "keep"))
def advance(
    state: State, key: PRNGKeyArray, config: OdeConfig, length: int, keep: bool
) -> tuple[State, tuple[Float[Array, "iterations networks"], PyTree]]:
    """Trains ``length`` iterations in one compiled loop; with ``keep``, every one is recorded."""
    fixed, optimizer = grid(config), _optimizer(config)

    def total(params: PyTree, t: Array) -> tuple[Array, Array]:
        each = losses(params, t)
        return jnp.sum(each), each

    def iterate(state: State, _: None) -> Any:
        t = fixed
        if config.points == "jittered":
            within = jax.random.uniform(jax.random.fold_in(key, state.step), fixed.shape)
            t = (jnp.arange(config.collocation)[None] + within) * (END / config.collocation)
        grads, each = jax.grad(total, has_aux=True)(state.params, t)
        updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        return State(params, opt_state, state.step + 1), (each, params if keep else None)

    return jax.lax.scan(iterate, state, length=length)


def train(config: OdeConfig) -> NetworkRuns:
    """Burn in, record, and train on beside the operators; all networks in one batch."""
    key = jax.random.fold_in(jax.random.key(config.seed), 1)
    state, (before, _) = advance(start(config), key, config, config.burn_in, False)
    at_end, (during, snapshots) = advance(state, key, config, config.record, True)
    _, (after, further) = advance(at_end, key, config, config.horizon, True)
    return NetworkRuns(at_end, np.concatenate([before, during, after]), snapshots, further)


@recorded(lambda _: SERIES[0])
def run(config: OdeConfig, *, progress: bool = False) -> Measured:
    r"""Trains all networks, predicts each with every operator.

    Errors are $|\hat x - x|$ over all weights of a network, changes $|x - x_n|$, both after
    each ``stride`` iterations up to the horizon; x is where training itself went. Operators
    are fitted in single precision with JAX's cutoff, and in double with MATLAB's.

    Source: Dogra and Redman, NeurIPS 2020, and the example of its MATLAB code.
    """
    runs = train(config)
    steps = np.arange(config.stride, config.horizon + 1, config.stride)
    t, last = grid(config), runs.state.params
    actual = jax.tree.map(lambda leaf: leaf[steps - 1], runs.further)
    change = np.asarray(distance(actual, jax.tree.map(lambda leaf: leaf[None], last)))
    arms: dict[str, PyTree] = {}
    metrics: dict[str, Any] = {
        "weights": int(sum(leaf[0].size for leaf in jax.tree.leaves(last))),
        "learning_rate": OPTIMIZERS[config.optimizer][1],
        "loss_at_record_end": losses(last, t),
        "operators": {},
    }
    curves = record.thinned("training/loss", runs.losses) | {"change": change}
    kinds = [(precision, name) for precision in config.precisions for name in config.partitions]
    label = f"{config.optimizer}, {config.points} points: operators"
    for precision, name in tqdm(kinds, desc=label, unit="kind", disable=not progress):
        fits = [
            fit_one(runs.snapshots, i, name, precision, config.record)
            for i in range(config.networks)
        ]
        paths = [operator.trajectory(steps) for operator in fits]
        arms[f"{name} {precision}"] = jax.tree.map(lambda *p: jnp.stack(p, axis=1), *paths)
        metrics["operators"][f"{name} {precision}"] = described(fits)
    still = {
        "no change": last,
        "mean": baselines.mean(runs.snapshots, config.averaged),
        "ema": baselines.ema(runs.snapshots, config.averaged / 4),
    }
    for name, params in still.items():
        arms[name] = jax.tree.map(
            lambda leaf: jnp.broadcast_to(leaf[None], (len(steps), *leaf.shape)), params
        )
    arms["linear"] = baselines.linear(runs.snapshots, steps, config.averaged)
    arms["trained"] = actual
    along = jax.jit(lambda path: jax.lax.map(lambda params: losses(params, t), path))
    for name, path in arms.items():
        curves[f"{name}/loss"] = np.asarray(along(path))
        curves[f"{name}/error"] = np.asarray(distance(path, actual))
    for name in ("trained", "mean", "node float64", "network float64"):
        if name in arms:
            end = jax.tree.map(lambda leaf: leaf[-1], arms[name])
            curves[f"{name}/weights"] = np.asarray(flatten(end))
    metrics["seconds"] = {name: seconds(config, runs, name) for name in config.precisions}
    return metrics, curves


def fit_one(
    snapshots: PyTree, which: int, partition: str, precision: str, count: int
) -> KoopmanOperator:
    """The operator of one network: JAX's cutoff in single precision, MATLAB's in double.

    No block of these networks has as many weights as there are snapshots, so MATLAB's
    max(size) eps is (count - 1) eps for all of them.
    """
    rcond = None if precision == "float32" else (count - 1) * float(np.finfo(np.float64).eps)
    one = jax.tree.map(lambda leaf: leaf[:, which], snapshots)
    return fit(one, partition=partition, dtype=precision, rcond=rcond)


def described(fits: list[KoopmanOperator]) -> dict[str, Any]:
    """Solver, cutoff, rank of every block and radius of every network's operators."""
    return {
        "solver": sorted({solver for operator in fits for solver in operator.solver}),
        "rcond": [min(fits[0].rcond), max(fits[0].rcond)],
        "rank": np.median([operator.rank for operator in fits], axis=0).tolist(),
        "spectral_radius": [float(np.max(operator.spectral_radius)) for operator in fits],
    }


def seconds(config: OdeConfig, runs: NetworkRuns, precision: str) -> dict[str, Any]:
    """Whole costs for one network: what training it on costs, and what predicting it costs.

    ``train`` are the horizon's iterations in one compiled loop, ``record`` what keeping
    every snapshot of the record adds to the same loop, ``check`` the loss of the prediction.
    """
    alone = OdeConfig(**(vars(config) | {"networks": 1}))
    key = jax.random.key(0)

    def first(leaf: Array) -> Array:
        return leaf[:1] if leaf.ndim else leaf

    state = jax.tree.map(first, runs.state)
    train_on = fastest(lambda: advance(state, key, alone, config.horizon, False), 6)
    recorded = fastest(lambda: advance(state, key, alone, config.horizon, True), 6)
    found: dict[str, Any] = {
        "train": train_on,
        "record": max(0.0, recorded - train_on) * config.record / config.horizon,
        "fit": {},
        "predict": {},
    }
    t = grid(alone)
    check = jax.jit(lambda params: losses(jax.tree.map(lambda leaf: leaf[None], params), t))
    for name in config.partitions:
        fit_once = functools.partial(fit_one, runs.snapshots, 0, name, precision, config.record)
        operator = fit_once()
        predicted = operator.predict(config.horizon)
        found["fit"][name] = fastest(fit_once, 6)
        found["predict"][name] = fastest(functools.partial(operator.predict, config.horizon), 6)
    found["check"] = fastest(functools.partial(check, predicted), 6)
    return found


def distance(a: PyTree, b: PyTree) -> Float[Array, "times networks"]:
    """Euclidean distance over all weights, for every time and network."""
    squares = [
        jnp.sum((x.astype(jnp.float32) - y).reshape(*x.shape[:2], -1) ** 2, axis=-1)
        for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    ]
    return jnp.sqrt(functools.reduce(jnp.add, squares))


def flatten(params: PyTree) -> Float[Array, "networks weights"]:
    """The weights of every network in a row."""
    return jnp.concatenate(
        [leaf.reshape(len(leaf), -1) for leaf in jax.tree.leaves(params)], axis=1
    )


def unflatten(rows: Float[np.ndarray, "networks weights"]) -> PyTree:
    """Networks from rows of weights; undoes `flatten`."""
    like = start(OdeConfig(networks=1)).params
    leaves, treedef = jax.tree.flatten(like)
    cuts = np.cumsum([leaf.size for leaf in leaves])[:-1]
    parts = np.split(np.asarray(rows), cuts, axis=1)
    arrays = [
        jnp.asarray(x).reshape(-1, *leaf.shape[1:]) for x, leaf in zip(parts, leaves, strict=True)
    ]
    return jax.tree.unflatten(treedef, arrays)


def ratio(
    error: Float[np.ndarray, " networks"],
    change: Float[np.ndarray, " networks"],
    best: int | None = None,
) -> float:
    r"""Median error over median true change, over networks; 1 is what no change gets.

    The paper's program does the same with single weights: it pools them over the networks before
    it takes medians, and keeps the networks with the smallest mean absolute errors.

    Args:
        error: of each network, or of each weight.
        change: of each network, or of each weight; or the error of another prediction.
        best: keep the networks with so many smallest errors.
    """
    if best is not None:
        kept = np.argsort(error, kind="stable")[:best]
        error, change = error[kept], change[kept]
    return float(np.median(error) / np.median(change))


def interval(
    error: Float[np.ndarray, " networks"],
    change: Float[np.ndarray, " networks"],
    best: int | None = None,
) -> tuple[float, float]:
    """95% of `ratio` over 2,000 resamples of the networks (percentile bootstrap)."""
    rng = np.random.default_rng(0)
    draws = rng.integers(len(error), size=(2_000, len(error)))
    low, high = np.quantile([ratio(error[d], change[d], best) for d in draws], (0.025, 0.975))
    return float(low), float(high)


def _optimizer(config: OdeConfig) -> optax.GradientTransformation:
    make, rate = OPTIMIZERS[config.optimizer]
    return make(rate)


def _trainings(_dataset: str, seed: int, _horizons: tuple[int, ...]) -> list[OdeConfig]:
    return [OdeConfig(optimizer, points, seed) for optimizer in OPTIMIZERS for points in POINTS]


SERIES: tuple[Series, ...] = (
    Series(
        "ode", "25 ODE-solver networks, six trainings", 60, run, _trainings, (0,), datasets=(),
        told=("optimizer", "points"),
    ),
)  # fmt: skip
