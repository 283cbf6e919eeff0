"""The report's experiment: train, record, let Koopman operators take over from Adadelta."""

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PyTree

from koopnb import baselines, training
from koopnb.data import Dataset, load_dataset
from koopnb.experiments import record
from koopnb.networks import MLP
from koopnb.operator import KoopmanOperator, fit
from koopnb.partition import PARTITIONS

EXPERIMENT = "mnist"


@dataclass(frozen=True)
class Config:
    """The report's settings, one seed.

    ``horizon_epochs`` are the epochs T that the operators replace. ``solver``, ``dtype`` and
    ``rcond`` are those of `koopnb.fit`: a singular value decomposition in single precision with
    JAX's default cutoff, which is how ``jax.numpy.linalg.pinv`` computes.
    """

    dataset: str = "mnist"
    seed: int = 0
    hidden: tuple[int, ...] = (20, 20, 20)
    learning_rate: float = 1.0
    batch_size: int = 64
    burn_in_epochs: int = 3
    record_epochs: int = 2
    horizon_epochs: tuple[int, ...] = (1, 2)
    partitions: tuple[str, ...] = ("node", "layer")
    dtype: str = "float32"
    rcond: float | None = None
    solver: str = "svd"
    timed_steps: int = 100

    def __post_init__(self) -> None:
        if not self.horizon_epochs or min(self.horizon_epochs) < 1:
            raise ValueError(
                f"horizon_epochs={self.horizon_epochs}: give at least one, each at least 1 epoch."
            )
        unknown = [name for name in self.partitions if name not in PARTITIONS]
        if unknown:
            raise ValueError(f"partitions={self.partitions}: {unknown} not among {PARTITIONS}.")


def protocol(dataset: str = "mnist", seed: int = 0, horizons: Sequence[int] = (1, 2)) -> Config:
    """The report's configuration; on digits with batches of 16.

    So digits' record too has two to three times as many snapshots as a first-layer node has
    weights (180 for 65, MNIST's 1,876 for 785): node operators stay overdetermined.
    """
    batch_size = 16 if dataset == "digits" else 64
    return Config(dataset, seed, batch_size=batch_size, horizon_epochs=tuple(sorted(horizons)))


class Runs(NamedTuple):
    """One seed's training: the record, and Adadelta going on beside the operators.

    ``state`` stands at the record's end; ``snapshots`` and ``further`` hold the weights after
    every iteration of the recorded epochs and of max(T) further ones.
    """

    data: Dataset
    optimizer: optax.GradientTransformation
    state: training.TrainState
    snapshots: PyTree
    further: PyTree
    per_epoch: int


def train(config: Config, *, further: bool = True, progress: bool = False) -> Runs:
    """Trains one seed as the report does; without ``further``, only to the record's end."""
    data = load_dataset(config.dataset)
    x, y = jnp.asarray(data.x_train), jnp.asarray(data.y_train)
    widths = (x.shape[1], *config.hidden, int(data.y_train.max()) + 1)
    optimizer = optax.adadelta(config.learning_rate)
    key_net, key_batches = jax.random.split(jax.random.key(config.seed))

    def go(state: training.TrainState, epochs: int, part: str, **how: Any) -> training.Trained:
        label = f"{config.dataset} seed {config.seed}: {part}" if progress else None
        return training.train(
            state, x, y, optimizer=optimizer, epochs=epochs, key=key_batches,
            batch_size=config.batch_size, progress=label, **how,
        )  # fmt: skip

    everything = training.Recording(training.every(1), training.params_of)
    state = training.start(MLP(widths, key=key_net), optimizer)
    state = go(state, config.burn_in_epochs, "burn in").state
    recorded = go(state, config.record_epochs, "record", recording=everything)
    epochs = max(config.horizon_epochs) if further else 0
    later = go(recorded.state, epochs, "Adadelta", recording=everything)
    per_epoch = len(recorded.losses) // config.record_epochs
    return Runs(data, optimizer, recorded.state, recorded.recorded, later.recorded, per_epoch)


def run(
    config: Config, folder: str | Path | None = None, *, progress: bool = False
) -> record.Record:
    r"""Runs one seed and returns its record, written to ``folder`` if one is given.

    Adadelta trains ``burn_in_epochs``, then ``record_epochs`` with the weights recorded after
    every iteration, then max(T) more: the arm to compare with. Each operator
    $\hat K = F' F^+$ is fitted to the record and applied once an iteration to the last
    recorded weights. Mean (last recorded epoch), exponential moving average and straight line
    use the same record. Test loss and accuracy are taken after every iteration of every arm.

    Source: the report's Method and its figures 1 to 4.
    """
    began = time.perf_counter()
    runs = train(config, progress=progress)
    x, y, x_test, y_test = (jnp.asarray(array) for array in runs.data[:4])
    snapshots, per_epoch = runs.snapshots, runs.per_epoch
    iterations = max(config.horizon_epochs) * per_epoch

    metrics: dict[str, Any] = {
        "iterations_per_epoch": per_epoch,
        "snapshots": config.record_epochs * per_epoch,
        "weights": sum(leaf.size for leaf in jax.tree.leaves(runs.state.params)),
        "at_record_end": scores(runs.state.params, x_test, y_test),
        "baselines": {},
        "operators": {},
    }
    curves: dict[str, np.ndarray] = {}

    def follow(name: str, path: PyTree) -> dict[str, dict[str, float]]:
        loss, accuracy = map(np.asarray, training.evaluate_path(path, x_test, y_test))
        curves[f"{name}/loss"], curves[f"{name}/accuracy"] = loss, accuracy
        return {
            str(t): _summary(loss[: t * per_epoch], accuracy[: t * per_epoch])
            for t in config.horizon_epochs
        }

    metrics["adadelta"] = follow("adadelta", runs.further)
    steps = np.arange(1, iterations + 1)
    averages = {
        "mean": baselines.mean(snapshots, per_epoch),
        "ema": baselines.ema(snapshots, per_epoch / 4),
    }
    for name, average in averages.items():
        metrics["baselines"][name] = scores(average, x_test, y_test)
    metrics["baselines"]["linear"] = follow("linear", baselines.linear(snapshots, steps, per_epoch))

    curves["adadelta/seconds"] = _timed(_training_steps(runs, config), config.timed_steps)
    again = functools.partial(
        training.train, runs.state, x, y, optimizer=runs.optimizer, epochs=1,
        key=jax.random.key(0), batch_size=config.batch_size,
    )  # fmt: skip
    metrics["adadelta"] |= {
        "seconds_per_step": float(np.median(curves["adadelta/seconds"])),
        "seconds_per_compiled_iteration": fastest(lambda: again().losses) / per_epoch,
    }
    for name in config.partitions:
        fit_once = functools.partial(
            fit,
            snapshots,
            partition=name,
            dtype=config.dtype,
            rcond=config.rcond,
            solver=config.solver,
        )
        operator = fit_once()
        curves[f"{name}/seconds"] = _timed(_operator_steps(operator), config.timed_steps)
        metrics["operators"][name] = follow(name, operator.trajectory(steps.tolist())) | {
            "solver": sorted(set(operator.solver)),
            "rcond": [min(operator.rcond), max(operator.rcond)],
            "spectral_radius": float(np.max(operator.spectral_radius)),
            "rank": operator.rank.tolist(),
            "seconds_to_fit": fastest(fit_once, repeats=2),
            "seconds_per_step": float(np.median(curves[f"{name}/seconds"])),
            "seconds_per_jump": fastest(functools.partial(operator.predict, iterations)),
        }
    result = record.make(EXPERIMENT, config, metrics, curves, time.perf_counter() - began)
    if folder is not None:
        record.save(result, config, folder)
    return result


def scores(params: PyTree, x: Array, y: Array) -> dict[str, float]:
    """Loss and accuracy of one network, as a record keeps them."""
    loss, accuracy = training.evaluate(params, x, y)
    return {"loss": float(loss), "accuracy": float(accuracy)}


def _summary(loss: np.ndarray, accuracy: np.ndarray) -> dict[str, float]:
    return {
        "loss_end": float(loss[-1]),
        "loss_median": float(np.median(loss)),
        "loss_min": float(np.min(loss)),
        "loss_min_at": int(np.argmin(loss)) + 1,
        "loss_max": float(np.max(loss)),
        "accuracy_end": float(accuracy[-1]),
        "accuracy_median": float(np.median(accuracy)),
    }


def _training_steps(runs: Runs, config: Config) -> Iterator[Any]:
    """Adadelta as the report ran it: a Python loop around one compiled iteration."""
    x, y, state = jnp.asarray(runs.data.x_train), jnp.asarray(runs.data.y_train), runs.state
    batches = jnp.asarray(training.epoch_batches(jax.random.key(0), len(x), config.batch_size))
    used = jnp.ones(config.batch_size, bool)
    while True:
        for batch in batches[: len(x) // config.batch_size]:
            state, _ = training.train_step(state, x[batch], y[batch], used, runs.optimizer)
            yield state


def _operator_steps(operator: KoopmanOperator) -> Iterator[Any]:
    """Koopman updates as the report ran them: a product with the explicit matrix of every block."""
    matrices, states = [], []
    for group in operator.groups:
        encoder, decoder = (
            jnp.concatenate(part, axis=-1) for part in (group.encoder, group.decoder)
        )
        matrices.append(jnp.einsum("brw,brv->bwv", decoder, encoder))
        states.append(jnp.concatenate(group.last, axis=-1))

    @jax.jit
    def step(states: list[Array], matrices: list[Array]) -> list[Array]:
        return [
            jnp.einsum("bwv,bv->bw", matrix, state)
            for matrix, state in zip(matrices, states, strict=True)
        ]

    while True:
        states = step(states, matrices)
        yield states


def _timed(steps: Iterator[Any], count: int) -> np.ndarray:
    """Seconds of each step, its result awaited; compilation and the first steps left out."""
    seconds = []
    for _ in range(count + 5):
        start = time.perf_counter()
        jax.block_until_ready(next(steps))
        seconds.append(time.perf_counter() - start)
    return np.array(seconds[5:])


def fastest(compute: Callable[[], Any], repeats: int = 4) -> float:
    """Seconds of the fastest of some calls, results awaited; the first one compiles."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(compute())
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])
