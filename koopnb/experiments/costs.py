"""What the experiment's arms cost: single steps as the report timed them, and whole costs."""

import functools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

from koopnb import training
from koopnb.experiments import mnist
from koopnb.experiments.protocol import Measured, Series, recorded
from koopnb.experiments.record import Record
from koopnb.operators import baselines
from koopnb.operators.koopman import KoopmanOperator
from koopnb.operators.snapshots import window_means

EXPLICIT = ("node", "layer")
JUMPS = (*EXPLICIT, "network", "bounded")


@dataclass(frozen=True)
class CostsConfig:
    """One seed of the report's record, and how many single calls are timed."""

    dataset: str = "mnist"
    seed: int = 0
    horizon_epochs: tuple[int, ...] = mnist.HORIZONS
    timed_steps: int = 100


@recorded(lambda _: SERIES[0])
def run(config: CostsConfig, *, progress: bool = False) -> Measured:
    """Times one seed, after compilation, every result awaited.

    ``steps``: operators as explicit matrices, one product an iteration, fitted as the report
    did. ``jumps``: operators in factors, fitted by the cheapest solver, one power whatever the
    horizon. To either belong recording (training that records, less training that does not),
    the fit, and one check: the loss on as many samples as the test set has. The bounded operator
    and the average need window means alone, which training accumulates.

    Source: the report's figures 1 (c) to 4 (c).
    """
    setting = mnist.protocol(config.dataset, config.seed, config.horizon_epochs)
    runs = mnist.train(setting, further=False, progress=progress)
    x, y, x_test, y_test = (jnp.asarray(array) for array in runs.data[:4])
    per_epoch, snapshots = runs.per_epoch, runs.snapshots
    arms = {arm.name: arm for arm in setting.arms}

    window = arms["bounded"].window
    averaging = training.with_means(
        runs.optimizer, window=window, capacity=len(jax.tree.leaves(snapshots)[0]) // window
    )
    means = averaging.init(runs.state.model)[1]
    with_means = runs.state._replace(opt_state=(runs.state.opt_state, means))
    everything = training.every_iteration

    def epoch(
        state: training.TrainState = runs.state,
        optimizer: optax.GradientTransformation = runs.optimizer,
        recording: training.Recording | None = None,
    ) -> Any:
        return training.train(
            state, x, y, optimizer=optimizer, epochs=1, key=jax.random.key(0),
            batch_size=setting.batch_size, recording=recording,
        )  # fmt: skip

    def timed(**how: Any) -> float:
        def once() -> Any:
            trained = epoch(**how)
            return eqx.filter((trained.state, trained.recorded), eqx.is_array)

        return mnist.fastest(once, 8)

    plain, recording = timed(), timed(recording=everything)
    averaged = timed(state=with_means, optimizer=averaging)
    leaves, treedef = jax.tree.flatten(snapshots)
    few = jax.tree.unflatten(treedef, window_means(leaves, window, jnp.float32))
    curves = {"optimizer/seconds": _timed(_training_steps(runs, setting), config.timed_steps)}
    metrics: dict[str, Any] = {
        "iterations_per_epoch": per_epoch,
        "epoch": plain,
        "record": max(recording - plain, 0.0) * setting.record_epochs,
        "record_means": max(averaged - plain, 0.0) * setting.record_epochs,
        "check": mnist.fastest(lambda: training.evaluate(runs.state.model, x_test, y_test)),
        "step": {"optimizer": float(np.median(curves["optimizer/seconds"]))},
        "form": {},
        "fit_as_reported": {},
        "fit": {},
        "jump": {},
        "average": mnist.fastest(lambda: baselines.mean(few, per_epoch // window)),
    }
    for name in EXPLICIT:
        operator = arms[name].fit(snapshots)
        metrics["fit_as_reported"][name] = mnist.fastest(
            functools.partial(arms[name].fit, snapshots), repeats=2
        )
        metrics["form"][name] = mnist.fastest(functools.partial(_matrices, operator), repeats=2)
        curves[f"{name}/seconds"] = _timed(_operator_steps(operator), config.timed_steps)
        metrics["step"][name] = float(np.median(curves[f"{name}/seconds"]))
    for name in JUMPS:
        # Window means are there already: the operator on them has windows of one.
        of_means = arms[name].window > 1
        arm = mnist.Arm(**(vars(arms[name]) | {"solver": "auto", "window": 1}))
        fit_once = functools.partial(arm.fit, few if of_means else snapshots)
        operator = fit_once()
        metrics["fit"][name] = mnist.fastest(fit_once, repeats=3)
        ahead = max(config.horizon_epochs) * per_epoch // (window if of_means else 1)
        metrics["jump"][name] = mnist.fastest(functools.partial(operator.predict, ahead))
    return metrics, curves


def whole(one: Record, epochs: int) -> dict[str, dict[str, float]]:
    """Seconds of every part of what each arm costs in place of T epochs, by arm."""
    m = one.metrics
    iterations = epochs * m["iterations_per_epoch"]
    shared = {"record": m["record"], "check": m["check"]}
    found = {"optimizer": {"train": epochs * m["epoch"]}}
    for name in m["form"]:
        found[f"{name}, steps"] = shared | {
            "fit": m["fit_as_reported"][name] + m["form"][name],
            "predict": iterations * m["step"][name],
        }
    cheap = shared | {"record": m["record_means"]}
    for name in m["fit"]:
        recorded = cheap if name == "bounded" else shared
        found[f"{name}, jump"] = recorded | {"fit": m["fit"][name], "predict": m["jump"][name]}
    found["mean"] = cheap | {"predict": m["average"]}
    return found


def _training_steps(runs: mnist.RecordedRun, config: mnist.MnistConfig) -> Iterator[Any]:
    """The optimizer as the report ran it: a Python loop around one compiled iteration."""
    x, y, state = jnp.asarray(runs.data.x_train), jnp.asarray(runs.data.y_train), runs.state
    batches = jnp.asarray(training.epoch_batches(jax.random.key(0), len(x), config.batch_size))
    used = jnp.ones(config.batch_size, bool)
    while True:
        for batch in batches[: len(x) // config.batch_size]:
            state, _ = training.train_step(state, x[batch], y[batch], used, runs.optimizer)
            yield state


def _matrices(operator: KoopmanOperator) -> list[Array]:
    """The explicit matrices of every group of blocks."""
    joined = [
        [jnp.concatenate(part, axis=-1) for part in (group.encoder, group.decoder)]
        for group in operator.groups
    ]
    return [_product(encoder, decoder) for encoder, decoder in joined]


@jax.jit
def _product(encoder: Array, decoder: Array) -> Array:
    return jnp.einsum("brw,brv->bwv", decoder, encoder)


def _operator_steps(operator: KoopmanOperator) -> Iterator[Any]:
    """Koopman updates as the report ran them: a product with the explicit matrix of every block."""
    matrices = _matrices(operator)
    states = [jnp.concatenate(group.last, axis=-1) for group in operator.groups]

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


SERIES: tuple[Series, ...] = (
    Series(
        "costs",
        "timings",
        50,
        run,
        lambda dataset, seed, horizons: [CostsConfig(dataset, seed, horizons or mnist.HORIZONS)],
        (100,),
        horizons=True,
        also=(("digits", (100,)),),
        alone=True,
    ),
)
