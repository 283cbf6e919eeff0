"""The report's experiment: train, record, let Koopman operators take over from the optimizer."""

import functools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PyTree

from koopnb import training
from koopnb.checks import Refusal
from koopnb.data import Dataset, load_dataset
from koopnb.experiments.arms import FACTORED, Arm, arms
from koopnb.experiments.explicit import ExplicitOperator
from koopnb.experiments.protocol import Measured, Series, recorded
from koopnb.networks import MLP
from koopnb.operators import baselines
from koopnb.operators.koopman import KoopmanOperator
from koopnb.operators.snapshots import rows

GUESSING = math.log(10)  # loss of equal probabilities for ten classes
HORIZONS = (1, 2, 5, 10)
DENSE = (40, 24)  # points at which the first epochs are evaluated; later ones have SPARSE
SPARSE = 7
MOST_EIGENVALUES = 100
FAR = 1e30  # a distance beyond counts as infinite

# Each with its customary learning rate; the report's for Adadelta.
OPTIMIZERS: dict[str, tuple[Callable[[float], optax.GradientTransformation], float]] = {
    "adadelta": (optax.adadelta, 1.0),
    "adam": (optax.adam, 1e-3),
    "adagrad": (optax.adagrad, 1e-2),
    "sgd": (optax.sgd, 1e-1),
    "momentum": (functools.partial(optax.sgd, momentum=0.9), 1e-2),
}


@dataclass(frozen=True)
class MnistConfig:
    """The report's settings, one seed. ``horizon_epochs`` are the epochs T to replace."""

    dataset: str = "mnist"
    seed: int = 0
    hidden: tuple[int, ...] = (20, 20, 20)
    optimizer: str = "adadelta"
    learning_rate: float = 1.0
    batch_size: int = 64
    burn_in_epochs: int = 3
    record_epochs: int = 2
    horizon_epochs: tuple[int, ...] = HORIZONS
    arms: tuple[Arm, ...] = ()

    def __post_init__(self) -> None:
        if not self.horizon_epochs or min(self.horizon_epochs) < 1:
            raise Refusal(
                f"horizon_epochs={self.horizon_epochs}: give at least one, each at least 1 epoch."
            )
        if self.optimizer not in OPTIMIZERS:
            raise Refusal(f"optimizer={self.optimizer!r}: must be one of {list(OPTIMIZERS)}.")


def protocol(
    dataset: str = "mnist",
    seed: int = 0,
    horizons: Sequence[int] = HORIZONS,
    optimizer: str = "adadelta",
    arithmetic: str = "report",
) -> MnistConfig:
    """The report's configuration; on digits with batches of 16.

    So digits' record too has two to three times as many snapshots as a first-layer node has
    weights (180 for 65, MNIST's 1,876 for 785): node operators stay overdetermined. Other
    optimizers have node, layer, network and bounded operators in single precision.
    """
    kept = arms(dataset, arithmetic)
    if optimizer != "adadelta":
        some = ("node", "layer", "network", "bounded")
        kept = tuple(Arm(**(vars(arm) | {"solver": "auto"})) for arm in kept if arm.name in some)
    rate = OPTIMIZERS[optimizer][1] if optimizer in OPTIMIZERS else 0.0
    return MnistConfig(
        dataset, seed, optimizer=optimizer, learning_rate=rate,
        batch_size=16 if dataset == "digits" else 64, horizon_epochs=tuple(sorted(horizons)),
        arms=kept,
    )  # fmt: skip


class RecordedRun(NamedTuple):
    """One seed's training: the record, and the optimizer going on beside the operators.

    ``state`` stands at the record's end; ``snapshots`` holds the weights after every iteration
    of the recorded epochs, ``further`` those after the iterations asked for of max(T) more.
    """

    data: Dataset
    optimizer: optax.GradientTransformation
    state: training.TrainState
    snapshots: PyTree
    further: PyTree
    per_epoch: int


def points(per_epoch: int, epochs: int) -> np.ndarray:
    """Iterations after the record that are evaluated: dense at first, with every epoch's end."""
    counts = [*DENSE, *[SPARSE] * epochs][:epochs]
    each = [
        epoch * per_epoch + np.linspace(1 if epoch == 0 else per_epoch / count, per_epoch, count)
        for epoch, count in enumerate(min(count, per_epoch) for count in counts)
    ]
    return np.unique(np.concatenate(each).round().astype(int))


def train(
    config: MnistConfig, *, further: bool = True, thin: bool = False, progress: bool = False
) -> RecordedRun:
    """Trains one seed as the report does; without ``further``, only to the record's end.

    ``thin``: of the further iterations only `points` are kept.
    """
    data = load_dataset(config.dataset)
    x, y = jnp.asarray(data.x_train), jnp.asarray(data.y_train)
    widths = (x.shape[1], *config.hidden, int(data.y_train.max()) + 1)
    optimizer = OPTIMIZERS[config.optimizer][0](config.learning_rate)
    key_net, key_batches = jax.random.split(jax.random.key(config.seed))
    per_epoch = -(-len(x) // config.batch_size)
    before = (config.burn_in_epochs + config.record_epochs) * per_epoch
    kept = points(per_epoch, max(config.horizon_epochs))

    def go(state: training.TrainState, epochs: int, part: str, **how: Any) -> training.Trained:
        label = f"{config.dataset} seed {config.seed}: {part}" if progress else None
        return training.train(
            state, x, y, optimizer=optimizer, epochs=epochs, key=key_batches,
            batch_size=config.batch_size, progress=label, **how,
        )  # fmt: skip

    everything = training.every_iteration
    some = training.Recording(lambda steps: np.isin(steps - before, kept), training.model_of)
    state = training.start(MLP(widths, key=key_net), optimizer)
    state = go(state, config.burn_in_epochs, "burn in").state
    recorded = go(state, config.record_epochs, "record", recording=everything)
    epochs = max(config.horizon_epochs) if further else 0
    later = go(recorded.state, epochs, config.optimizer, recording=some if thin else everything)
    return RecordedRun(
        data, optimizer, recorded.state, recorded.recorded, later.recorded, per_epoch
    )


@recorded(lambda config: series_of(config))
def run(config: MnistConfig, *, progress: bool = False) -> Measured:
    r"""Runs one seed.

    The optimizer trains ``burn_in_epochs``, then ``record_epochs`` with the weights recorded
    after every iteration, then max(T) more: the arm to compare with. Each operator
    $\hat K = F' F^+$ is fitted to the record and continues from the last recorded weights.
    Mean (last recorded epoch), exponential moving average and straight line use the same
    record. Test loss and accuracy are taken at `points`, and of an operator on window means at
    every window.

    Source: the report's Method and its figures 1 to 4; Dogra and Redman, NeurIPS 2020.
    """
    runs = train(config, thin=True, progress=progress)
    x_test, y_test = (jnp.asarray(array) for array in runs.data[2:4])
    snapshots, per_epoch = runs.snapshots, runs.per_epoch
    steps = points(per_epoch, max(config.horizon_epochs))

    metrics: dict[str, Any] = {
        "iterations_per_epoch": per_epoch,
        "snapshots": config.record_epochs * per_epoch,
        "weights": sum(leaf.size for leaf in jax.tree.leaves(runs.state.model)),
        "at_record_end": scores(runs.state.model, x_test, y_test),
        "baselines": {},
        "operators": {},
    }
    curves: dict[str, np.ndarray] = {}

    def follow(name: str, path: PyTree, at: np.ndarray = steps) -> dict[str, dict[str, float]]:
        loss, accuracy = map(np.asarray, training.evaluate_path(path, x_test, y_test))
        for quantity, values in (("loss", loss), ("accuracy", accuracy)):
            curves[f"{name}/{quantity}"], curves[f"{name}/{quantity}/at"] = values, at
        return {str(t): _summary(loss, accuracy, at, per_epoch, t) for t in config.horizon_epochs}

    metrics["optimizer"] = follow("optimizer", runs.further)
    averages = {
        "mean": baselines.mean(snapshots, per_epoch),
        "ema": baselines.ema(snapshots, per_epoch / 4),
    }
    for name, average in averages.items():
        metrics["baselines"][name] = scores(average, x_test, y_test)
    line = baselines.linear(snapshots, steps, per_epoch)
    metrics["baselines"]["linear"] = follow("linear", line)
    formed: dict[str, PyTree] = {}
    for arm in config.arms:
        operator = arm.form(snapshots) if arm.explicit else arm.fit(snapshots)
        ahead = np.arange(1, steps[-1] // arm.window + 1) if arm.window > 1 else steps
        path = operator.trajectory(ahead.tolist())
        found = follow(arm.name, path, ahead * arm.window)
        metrics["operators"][arm.name] = found | _fitted(operator)
        if arm.explicit:
            formed[arm.name] = path
        elif arm.name.endswith(FACTORED):
            name = arm.name.removesuffix(FACTORED)
            gap = apart(formed[name], path, snapshots)
            curves[f"{name}/parting"], curves[f"{name}/parting/at"] = gap, steps
    return metrics, curves


def apart(one: PyTree, other: PyTree, snapshots: PyTree) -> np.ndarray:
    """How far two paths lie apart, in lengths of the last recorded step, at every point."""
    last = rows(jax.tree.map(lambda leaf: leaf[-2:], snapshots))
    with np.errstate(over="ignore", invalid="ignore"):
        gap = np.linalg.norm(rows(one) - rows(other), axis=1)
    return np.where(gap < FAR, gap / np.linalg.norm(last[1] - last[0]), np.inf)


def scores(params: PyTree, x: Array, y: Array) -> dict[str, float]:
    """Loss and accuracy of one network, as a record keeps them."""
    loss, accuracy = training.evaluate(params, x, y)
    return {"loss": float(loss), "accuracy": float(accuracy)}


def _fitted(operator: KoopmanOperator | ExplicitOperator) -> dict[str, Any]:
    """How an operator was fitted; its spectral radius where eigenvalues are few."""
    rank = np.asarray(operator.rank)
    few = rank.max() <= MOST_EIGENVALUES
    found = {
        "solver": sorted(set(operator.solver)),
        "rcond": [min(operator.rcond), max(operator.rcond)],
        "blocks": len(rank),
        "rank": [int(rank.min()), float(np.median(rank)), int(rank.max())],
        "spectral_radius": float(np.max(operator.spectral_radius)) if few else None,
    }
    if isinstance(operator, KoopmanOperator):
        found["condition"] = float(np.max(operator.condition))
        found["roundoff"] = float(np.max(operator.roundoff))
    return found


def _summary(
    loss: np.ndarray, accuracy: np.ndarray, at: np.ndarray, per_epoch: int, epochs: int
) -> dict[str, float]:
    """A path until T epochs; its medians are over the last of them. A loss that is no number
    counts as infinite."""
    until = at <= epochs * per_epoch
    last = until & (at > (epochs - 1) * per_epoch)
    loss = np.where(np.isnan(loss), np.inf, loss)
    return {
        "loss_end": float(loss[until][-1]),
        "loss_median": float(np.median(loss[last])),
        "loss_min": float(np.min(loss[until])),
        "loss_min_at": int(at[np.argmin(loss[until])]),
        "loss_max": float(np.max(loss[until])),
        "accuracy_end": float(accuracy[until][-1]),
        "accuracy_median": float(np.median(accuracy[last])),
        "finite": float(np.mean(np.isfinite(loss[until]))),
    }


def fastest(compute: Callable[[], Any], repeats: int = 4) -> float:
    """Seconds of the fastest of some calls, results awaited; the first one compiles."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(compute())
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


def series_of(config: MnistConfig) -> Series:
    """The series of a configuration: other optimizers, the paper's arithmetic, the report's."""
    mnist, paper, optimizers = SERIES
    if config.optimizer != "adadelta":
        return optimizers
    return paper if config.arms and config.arms[0].dtype == "float64" else mnist


def _seeded(**how: str) -> Callable[[str, int, tuple[int, ...]], list[MnistConfig]]:
    def configs(dataset: str, seed: int, horizons: tuple[int, ...]) -> list[MnistConfig]:
        return [protocol(dataset or "mnist", seed, horizons or HORIZONS, **how)]

    return configs


def _others(dataset: str, seed: int, horizons: tuple[int, ...]) -> list[MnistConfig]:
    """The configurations of every optimizer but the report's."""
    return [
        config
        for name in OPTIMIZERS
        if name != "adadelta"
        for config in _seeded(optimizer=name)(dataset, seed, horizons)
    ]


ON_DIGITS = (("digits", (0, 1, 2)),)
SERIES: tuple[Series, ...] = (
    Series(
        "mnist", "Adadelta, the report's arithmetic", 10, run, _seeded(), tuple(range(10)),
        horizons=True, also=ON_DIGITS,
    ),
    Series(
        "paper", "Adadelta, double precision with MATLAB's cutoff", 20, run,
        _seeded(arithmetic="paper"), tuple(range(10)), horizons=True, also=ON_DIGITS,
    ),
    Series(
        "optimizers", "other optimizers", 40, run, _others, (0, 1, 2), horizons=True,
        told=("dataset", "optimizer"), also=ON_DIGITS,
    ),
)  # fmt: skip
