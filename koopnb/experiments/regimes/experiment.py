"""Where jumps work: batch size, horizon and optimizer, from full batches down to small ones.

Twice: as the optimizers are, and with weight decay, where larger weights alone are no gain.
"""

import functools
import itertools
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PyTree

from koopnb import training
from koopnb.checks import Refusal
from koopnb.data import load_dataset
from koopnb.experiments.mnist import OPTIMIZERS
from koopnb.experiments.protocol import Measured, Series, recorded
from koopnb.experiments.regimes.candidates import growth, predictions, scored, standing
from koopnb.networks import MLP
from koopnb.operators import radial
from koopnb.operators.snapshots import rows

AROUND = 5  # kept iterations on either side of a horizon whose median loss is the optimizer's
SHOWN = 40  # points at which loss paths are stored
# Of 1e-4, 1e-3 and 1e-2 the largest whose test accuracy, mean of a seed's grid, stayed within a
# percentage point of that without decay, on seeds 100 and 101. With it alone was scaling by the
# best factor worth at most about a hundredth of the loss with every optimizer.
DECAY = 1e-2


@dataclass(frozen=True)
class RegimesConfig:
    """One seed of a grid: every optimizer with every batch size, None for the full batch.

    Lengths are iterations, ``horizons`` are in lengths of the record. ``stride``: iterations
    between snapshots. ``samples``: training images used, the first ones; None for all.
    ``weight_decay`` is a, where the objective is the cross-entropy plus a/2 |w|², biases among w.
    """

    dataset: str = "digits"
    seed: int = 0
    optimizers: tuple[str, ...] = ("sgd", "momentum", "adam", "adadelta", "adagrad")
    batch_sizes: tuple[int | None, ...] = (None, 512, 128, 32, 16)
    samples: int | None = None
    hidden: tuple[int, ...] = (20, 20, 20)
    burn_in: int = 1_000
    record: int = 1_000
    stride: int = 10
    horizons: tuple[float, ...] = (0.5, 1, 2, 4)
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        unknown = [name for name in self.optimizers if name not in OPTIMIZERS]
        if unknown or not self.optimizers:
            raise Refusal(
                f"optimizers={self.optimizers}: choose one or more of {tuple(OPTIMIZERS)}."
            )
        if not self.batch_sizes or any(size is not None and size < 1 for size in self.batch_sizes):
            raise Refusal(
                f"batch_sizes={self.batch_sizes}: give one or more, each at least 1 or None, the "
                "full batch."
            )
        if self.record % self.stride or self.record < 20 * self.stride:
            raise Refusal(
                f"record={self.record}, stride={self.stride}: the record must be a multiple of "
                f"the stride, and at least 20 of them, {20 * self.stride}."
            )
        least = (AROUND + 1) * self.stride
        ends = [horizon * self.record for horizon in self.horizons]
        if not ends or min(ends) < least or any(end % self.stride for end in ends):
            raise Refusal(
                f"horizons={self.horizons} of a record of {self.record}: give one or more that are "
                f"multiples of {self.stride} iterations, and at least {least} of them."
            )
        if not 0 <= self.weight_decay < np.inf:
            raise Refusal(
                f"weight_decay={self.weight_decay}: it must be finite and at least 0; 0 is none."
            )

    @property
    def ends(self) -> tuple[int, ...]:
        """The horizons in iterations."""
        return tuple(int(horizon * self.record) for horizon in self.horizons)


def grid(dataset: str = "digits", seed: int = 0) -> RegimesConfig:
    """The page's grid: digits, or a coarser one on the first 2,048 images of MNIST.

    The full batch is part of the question, and one of all 60,000 images costs 30 times as much.
    """
    if dataset == "digits":
        return RegimesConfig(seed=seed)
    return RegimesConfig(
        dataset, seed, ("sgd", "adam", "adadelta"), (None, 256, 32), 2_048, horizons=(0.5, 1, 2)
    )


def decayed(seed: int = 0) -> RegimesConfig:
    """Digits with weight decay, with the full batch and one small one."""
    return RegimesConfig(seed=seed, batch_sizes=(None, 32), weight_decay=DECAY)


class RegimeRun(NamedTuple):
    """One training: the record, and iterates after it at the iterations ``at`` past its end."""

    record: PyTree
    further: PyTree
    at: Int[np.ndarray, " kept"]


def train(
    config: RegimesConfig, optimizer: str, batch_size: int | None, x: Array, y: Array
) -> RegimeRun:
    """Burn in, record, and train on beside the predictions, in one compiled loop.

    All optimizers and batch sizes of a seed start from the same weights. Iterations count, not
    epochs: smaller batches see fewer images. Weight decay is coupled: it is part of the gradient
    that the optimizer gets.
    """
    key_net, key_batches = jax.random.split(jax.random.key(config.seed))
    net = MLP(_widths(config, x), key=key_net)
    transformation = _optimizer(optimizer, config.weight_decay)
    size = min(batch_size or len(x), len(x))
    end, at = config.burn_in + config.record, kept(config)
    recorded = training.every(config.stride, after=config.burn_in)

    def when(steps: np.ndarray) -> np.ndarray:
        return recorded(steps) & (steps <= end) | np.isin(steps - end, at)

    epochs = -(-(end + int(at[-1])) // -(-len(x) // size))
    found = training.train(
        training.start(net, transformation), x, y, optimizer=transformation, epochs=epochs,
        key=key_batches, batch_size=size, epochs_per_scan=epochs,
        recording=training.Recording(when, training.model_of),
    ).recorded  # fmt: skip
    count = config.record // config.stride
    return RegimeRun(
        jax.tree.map(lambda leaf: leaf[:count], found),
        jax.tree.map(lambda leaf: leaf[count:], found),
        at,
    )


def _widths(config: RegimesConfig, x: Array) -> tuple[int, ...]:
    return (x.shape[1], *config.hidden, 10)


def kept(config: RegimesConfig) -> Int[np.ndarray, " kept"]:
    """Iterations past the record that are kept: around every horizon, and along the way."""
    around = config.stride * np.arange(-AROUND, AROUND + 1)
    near = np.asarray(config.ends)[:, None] + around
    return np.unique(np.concatenate([near.ravel(), along(config)]))


def along(config: RegimesConfig) -> Int[np.ndarray, " points"]:
    """Iterations past the record at which loss paths are stored."""
    points = np.linspace(config.stride, max(config.ends), SHOWN) // config.stride
    return np.unique(points.astype(int) * config.stride)


@recorded(lambda config: SERIES[bool(config.weight_decay)])
def run(config: RegimesConfig, *, progress: bool = False) -> Measured:
    """Trains one seed's grid, predicts, averages and scores every record of it.

    Curves lead with the horizon where there is one, then come optimizer and batch size:
    ``own/train`` and ``own/test`` are the optimizer's losses, the median over the iterates
    around the horizon, so that no single batch decides; ``operator/train`` and so on those of
    predictions; ``mean/train`` and so on those of what stays, with no horizon. With weight decay
    every training loss is the whole objective, every test loss the cross-entropy alone.
    ``radial/train`` and ``radial/test`` are the losses of the last weights times the one of
    ``koopnb.operators.radial.FACTORS`` that makes the training loss lowest, ``factor/radial``;
    ``path/radial`` are the training losses of all factors, and ``norm/...`` and ``factor/...``
    what `candidates.growth` says; ``accuracy`` is that of the last weights on test data.
    ``distance/operator`` and so on are distances of predicted weights from the optimizer's, over
    the way that the optimizer itself went from the end of the record.
    ``score/...`` are the scores, ``path/...`` training losses along the way.
    """
    data = load_dataset(config.dataset)
    x, y = (jnp.asarray(array[: config.samples]) for array in data[:2])
    sets = {"train": (x, y), "test": (jnp.asarray(data.x_test), jnp.asarray(data.y_test))}
    shape = (len(config.optimizers), len(config.batch_sizes))
    curves: dict[str, np.ndarray] = {}

    def put(name: str, cell: tuple[int, int], values: Any) -> None:
        values = np.asarray(values, np.float64)
        room = curves.setdefault(name, np.empty((*values.shape, *shape), np.float32))
        room[(..., *cell)] = values

    for i, optimizer in enumerate(config.optimizers):
        for j, batch_size in enumerate(config.batch_sizes):
            if progress:
                size = "full batch" if batch_size is None else f"batches of {batch_size}"
                print(f"{config.dataset} seed {config.seed}: {optimizer}, {size}", flush=True)
            trained = train(config, optimizer, batch_size, x, y)
            for name, value in _measured(config, trained, sets).items():
                put(name, (i, j), value)
    metrics = {
        "samples": len(x),
        "weights": sum((a + 1) * b for a, b in itertools.pairwise(_widths(config, x))),
        "learning_rates": {name: OPTIMIZERS[name][1] for name in config.optimizers},
    }
    at = {"path/own/at": along(config), "path/record/at": _earlier(config)}
    return metrics, curves | at


def _earlier(config: RegimesConfig) -> Int[np.ndarray, " points"]:
    """Iterations of the record, counted back from its end, at which its loss is stored."""
    return np.arange(-config.record + 5 * config.stride, 1, 5 * config.stride)


def _measured(
    config: RegimesConfig, runs: RegimeRun, sets: dict[str, tuple[Array, Array]]
) -> dict[str, np.ndarray]:
    """All numbers of one cell, by name of the curve they belong to."""
    ends, path = np.asarray(config.ends), along(config)
    steps = np.unique(np.concatenate([ends, path])) // config.stride
    found: dict[str, Any] = {}

    def losses(params: PyTree, split: str) -> Float[np.ndarray, " times"]:
        values = np.asarray(training.evaluate_path(params, *sets[split])[0], np.float64)
        if split == "train" and config.weight_decay:
            values = values + config.weight_decay / 2 * radial.norms(params) ** 2
        return np.where(np.isnan(values), np.inf, values) + 0.0  # of the two zeros the positive one

    def pick(params: PyTree, where: np.ndarray) -> PyTree:
        return jax.tree.map(lambda leaf: leaf[where], params)

    at_ends = np.searchsorted(steps, ends // config.stride)
    on_path = np.searchsorted(steps, path // config.stride)
    predicted = predictions(runs.record, steps, (config.burn_in + config.record) / config.stride)
    ahead = {name: pick(params, at_ends) for name, params in predicted.items()}
    stays = standing(runs.record)
    scaling = radial.best(stays["last"], lambda path: losses(path, "train"))
    stays["radial"] = scaling.params
    for split in sets:
        near = np.abs(runs.at - ends[:, None]) <= AROUND * config.stride
        around = [losses(pick(runs.further, np.flatnonzero(mask)), split) for mask in near]
        found[f"own/{split}"] = np.median(around, axis=1)
        found |= {f"{name}/{split}": losses(params, split) for name, params in ahead.items()}
        each = losses(jax.tree.map(lambda *leaves: jnp.stack(leaves), *stays.values()), split)
        found |= {f"{name}/{split}": value for name, value in zip(stays, each, strict=True)}
    aim = pick(runs.further, np.searchsorted(runs.at, ends))
    way = np.linalg.norm(rows(aim) - rows(runs.record)[-1], axis=1)
    for name, params in ahead.items():
        missed = np.nan_to_num(rows(params), nan=np.inf) - rows(aim)
        found[f"distance/{name}"] = np.linalg.norm(missed, axis=1) / way
    found |= growth(stays["last"], ahead | {"own": aim}, losses, list(sets))
    found |= {"factor/radial": scaling.factor, "path/radial": scaling.losses}
    found["accuracy"] = training.evaluate(stays["last"], *sets["test"])[1]
    found["path/own"] = losses(pick(runs.further, np.searchsorted(runs.at, path)), "train")
    kept_at = (config.record + _earlier(config)) // config.stride - 1
    found["path/record"] = losses(pick(runs.record, kept_at), "train")
    for name in ("operator", "line"):
        found[f"path/{name}"] = losses(pick(predicted[name], on_path), "train")
    for name, value in scored(runs.record, config.horizons).items():
        found[f"score/{name}"] = value
    return found


@functools.cache
def _optimizer(name: str, weight_decay: float) -> optax.GradientTransformation:
    make, rate = OPTIMIZERS[name]
    if not weight_decay:
        return make(rate)
    return optax.chain(optax.add_decayed_weights(weight_decay), make(rate))


# Without weight decay, and with it.
SERIES: tuple[Series, ...] = (
    Series(
        "regimes", "grids of batch size, horizon and optimizer", 90, run,
        lambda dataset, seed, _horizons: [grid(dataset, seed)], (0, 1, 2, 3, 4), every=True,
    ),
    Series(
        "decay", "digits with weight decay", 100, run,
        lambda _dataset, seed, _horizons: [decayed(seed)], (0, 1, 2, 3, 4), datasets=("digits",),
    ),
)  # fmt: skip
