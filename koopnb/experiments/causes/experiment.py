"""Why predictions deteriorate: the report's operators taken apart, and repaired."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from koopnb import training
from koopnb.checks import Refusal
from koopnb.experiments import mnist
from koopnb.experiments.causes import repairs, surrogate
from koopnb.experiments.causes.repairs import TrainedSeed, at_times, single
from koopnb.experiments.causes.surrogate import Modes
from koopnb.experiments.protocol import Measured, Series, recorded
from koopnb.operators import baselines, spectrum
from koopnb.operators.koopman import KoopmanOperator
from koopnb.operators.snapshots import rows

WINDOWS = {"mnist": 187, "digits": 18}  # iterations a window mean is over
PARTS = ("operators", "cutoffs")
HORIZONS = repairs.HORIZONS
TOGETHER = ("node", "layer", "network")  # the operators that are taken apart
FACTORS = ("growth", "decay", "turning")
CUTOFFS = tuple(10.0**-k for k in range(1, 12))
SWEPT = ("node", "network")
SWEPT_SEEDS = (0, 1, 2)  # those whose sweep the page shows
STOPPED = (1, 2, 4, 8, 16)  # how many of the worst nodes are kept from moving


@dataclass(frozen=True)
class CausesConfig:
    """One seed of the report's training, and what is done with it.

    ``part`` "operators" takes the report's operators apart and repairs them; "cutoffs" sweeps
    the cutoff over ten decades, in both precisions.
    """

    dataset: str = "mnist"
    seed: int = 0
    part: str = "operators"

    def __post_init__(self) -> None:
        if self.dataset not in WINDOWS:
            raise Refusal(f"dataset={self.dataset!r}: must be one of {list(WINDOWS)}.")
        if self.seed < 0:
            raise Refusal(f"seed={self.seed}: must be at least 0.")
        if self.part not in PARTS:
            raise Refusal(f"part={self.part!r}: must be one of {PARTS}.")


@recorded(lambda config: SERIES[PARTS.index(config.part)])
def run(config: CausesConfig, *, progress: bool = False) -> Measured:
    r"""Runs one seed.

    Training, record and operators are those of `mnist`, in the report's arithmetic. With
    $\hat x(s)$ predicted and $x_n$ the last recorded weights, the distance gone is
    $\lVert \hat x(s) - x_n \rVert$. Test losses are shown; they choose nothing.
    """
    runs = mnist.train(
        mnist.protocol(config.dataset, config.seed, HORIZONS), thin=True, progress=progress
    )
    x, y = (jnp.asarray(array) for array in runs.data[2:4])
    trained = TrainedSeed(
        runs.snapshots, runs.further, runs.state.model, runs.per_epoch,
        WINDOWS[config.dataset],
        lambda path: np.asarray(training.evaluate_path(path, x, y)[0], float),
    )  # fmt: skip
    curves: dict[str, np.ndarray] = {}
    metrics = {
        "iterations_per_epoch": trained.per_epoch,
        "snapshots": len(jax.tree.leaves(trained.snapshots)[0]),
        "weights": sum(leaf.size for leaf in jax.tree.leaves(trained.last)),
        "window": trained.window,
        "baselines": _baselines(trained, curves),
    }
    if config.part == "operators":
        metrics |= _take_apart(trained, config.dataset, curves)
    else:
        metrics["sweep"] = {
            name: {dtype: _sweep(trained, name, dtype) for dtype in ("float32", "float64")}
            for name in SWEPT
        }
    return metrics, curves


def _take_apart(
    trained: TrainedSeed, dataset: str, curves: dict[str, np.ndarray]
) -> dict[str, Any]:
    arms = [arm for arm in mnist.arms(dataset) if arm.name != "bounded"]
    operators = {arm.name: arm.fit(trained.snapshots) for arm in arms}
    modes = {name: surrogate.modes_of(operators[name]) for name in TOGETHER}
    _paths(trained, operators["node"], curves)
    for name, found in modes.items():
        _spectrum(found, name, curves)
    return {
        "operators": {name: _growth(trained, found) for name, found in operators.items()},
        "factors": {name: _factors(trained, found, name, curves) for name, found in modes.items()},
        "nodes": _nodes(trained, modes["node"], curves),
        "dip": {name: _dip(trained, found) for name, found in modes.items()},
        "repairs": {name: repairs.losses(trained, modes[name], name) for name in TOGETHER},
        "observables": _observables(trained, operators["node"]),
    }


def _distance(path: PyTree, snapshot: PyTree) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.linalg.norm(rows(path) - rows(single(snapshot)), axis=1)


def _baselines(trained: TrainedSeed, curves: dict[str, np.ndarray]) -> dict[str, Any]:
    loss, at = trained.loss(trained.further), trained.at
    curves["optimizer/loss"], curves["optimizer/loss/at"] = loss, at
    last = [loss[(at <= end) & (at > end - trained.per_epoch)] for end in trained.ends]
    whole = len(jax.tree.leaves(trained.snapshots)[0])
    ends = at_times(trained.further, np.searchsorted(at, trained.ends))
    line = baselines.linear(trained.snapshots, trained.ends, trained.per_epoch)
    mean = baselines.mean(trained.snapshots, trained.per_epoch)
    return {
        "optimizer": trained.by_horizon(np.array([np.median(some) for some in last])),
        "distance": trained.by_horizon(_distance(ends, trained.last)),
        "linear": trained.by_horizon(trained.loss(line)),
        "last": float(trained.loss(single(trained.last))[0]),
        "mean": float(trained.loss(single(mean))[0]),
        "mean of the record": float(
            trained.loss(single(baselines.mean(trained.snapshots, whole)))[0]
        ),
    }  # fmt: skip


def _growth(trained: TrainedSeed, operator: KoopmanOperator) -> dict[str, Any]:
    """Spectral radii, and how far an operator goes."""
    radius = np.asarray(operator.spectral_radius, float)
    path = operator.trajectory(trained.ends)
    return {
        "blocks": len(radius),
        "rank": [int(f(np.asarray(operator.rank))) for f in (np.min, np.median, np.max)],
        "radius": [float(q) for q in np.quantile(radius, [0, 0.25, 0.5, 0.75, 1])],
        "growing": float(np.mean(radius ** (2 * trained.per_epoch) > 1.05)),
        "distance": trained.by_horizon(_distance(path, trained.last)),
        "loss": trained.by_horizon(trained.loss(path)),
    }


def _factors(
    trained: TrainedSeed, modes: Modes, name: str, curves: dict[str, np.ndarray]
) -> dict[str, dict[str, Any]]:
    """Loss and distance with every choice of what acts; paths with nothing or one thing off."""
    found, steps = {}, np.union1d(trained.at[::3], trained.ends)
    for bits in range(2 ** len(FACTORS)):
        acting = [factor for i, factor in enumerate(FACTORS) if bits >> i & 1]
        path = modes.path(trained.ends, **{factor: factor in acting for factor in FACTORS})
        found["+".join(acting) or "nothing"] = {
            "loss": trained.by_horizon(trained.loss(path)),
            "distance": trained.by_horizon(_distance(path, trained.last)),
        }
    for label, off in {
        "all": (), "no growth": ("growth",), "no turning": ("turning",),
        "neither": ("growth", "turning"),
    }.items():  # fmt: skip
        key = f"{name}/{label}/loss"
        curves[key] = trained.loss(modes.path(steps, **dict.fromkeys(off, False)))
        curves[f"{key}/at"] = steps
    return found


def _nodes(trained: TrainedSeed, modes: Modes, curves: dict[str, np.ndarray]) -> dict[str, Any]:
    """Every node moved alone to T = 2 epochs, and all of them but the worst few."""
    operator, end = modes.operator, int(trained.ends[1])
    ahead = operator.predict(end)
    count = len(modes.eigs)
    alone = trained.loss(surrogate.mixed(operator, ahead, trained.last, np.eye(count, dtype=bool)))
    moved = zip(
        surrogate.blocks_of(operator, ahead), surrogate.blocks_of(operator, trained.last),
        strict=True,
    )  # fmt: skip
    columns = {
        "alone": alone,
        "radius": np.abs(modes.eigs[:, 0]),
        "implied": modes.leading(end),
        "seen": np.concatenate([np.linalg.norm(a - b, axis=1) for a, b in moved]),
        "layer": [int(label.split("[")[1].split("]")[0]) for label in operator.partition.labels],
    }
    for name, values in columns.items():
        curves[f"nodes/{name}"] = np.asarray(values)
    order = np.argsort(-alone)
    masks = np.stack([~np.isin(np.arange(count), order[:k]) for k in (0, *STOPPED)])
    others = trained.loss(surrogate.mixed(operator, ahead, trained.last, masks))
    without = {str(k): float(x) for k, x in zip((0, *STOPPED), others, strict=True)}
    at = trained.at[trained.at <= end]
    masks = np.broadcast_to(np.arange(count) == order[0], (len(at), count))
    path = surrogate.mixed(operator, operator.trajectory(at), trained.last, masks)
    curves["worst/loss"], curves["worst/loss/at"] = trained.loss(path), at
    return {"worst": int(order[0]), "without": without}


def _dip(trained: TrainedSeed, modes: Modes) -> dict[str, float]:
    """The lowest point of the first epoch, and what lies near it."""
    operator, at = modes.operator, trained.at[trained.at <= trained.per_epoch]
    path = operator.trajectory(at)
    loss = trained.loss(path)
    lowest = int(np.argmin(np.where(np.isnan(loss), np.inf, loss)))
    mean = baselines.mean(trained.snapshots, trained.per_epoch)
    slow = modes.path([1], slowest=0.5 ** (20 / trained.per_epoch))
    there = at_times(path, slice(lowest, lowest + 1))
    return {
        "projection": float(trained.loss(operator.trajectory([0]))[0]),
        "slow modes": float(trained.loss(slow)[0]),
        "lowest": float(loss[lowest]),
        "iteration": int(at[lowest]),
        "to mean": float(_distance(there, mean)[0]),
        "to last": float(_distance(there, trained.last)[0]),
        "last to mean": float(_distance(single(trained.last), mean)[0]),
    }


def _paths(trained: TrainedSeed, operator: KoopmanOperator, curves: dict[str, np.ndarray]) -> None:
    """Single weights: of the three worst nodes the worst one, and three of median error."""
    at = trained.at[trained.at <= trained.ends[1]]
    truth = rows(at_times(trained.further, slice(0, len(at))))
    predicted, past = rows(operator.trajectory(at)), rows(trained.snapshots)
    error = np.abs(predicted[-1] - truth[-1])
    owner = _owners(operator, trained.last)
    order = np.argsort(-error)
    worst: list[int] = []
    for place in order:
        if owner[place] not in owner[worst] and len(worst) < 3:
            worst.append(int(place))
    moving = np.flatnonzero(np.ptp(past, axis=0) > 0)
    middle = moving[np.argsort(error[moving])][len(moving) // 2 - 1 : len(moving) // 2 + 2]
    chosen = np.array([*worst, *middle])
    kept = np.unique(np.linspace(0, len(past) - 1, 150).round().astype(int))
    for name, values, times in (
        ("recorded", past[kept], kept - len(past) + 1),
        ("true", truth, at),
        ("predicted", predicted, at),
    ):
        curves[f"paths/{name}"], curves[f"paths/{name}/at"] = values[:, chosen], times


def _owners(operator: KoopmanOperator, snapshot: PyTree) -> np.ndarray:
    """The block that each weight belongs to."""
    numbers, first = [], 0
    for block in surrogate.blocks_of(operator, snapshot):
        numbers.append(np.arange(first, first + len(block))[:, None] + np.zeros(block.shape))
        first += len(block)
    return rows(single(surrogate.assemble(operator, numbers)))[0]


def _spectrum(modes: Modes, name: str, curves: dict[str, np.ndarray]) -> None:
    """The largest slow modes: eigenvalue, and size in the prediction."""
    sizes = np.where(np.abs(modes.eigs) > 0.98, modes.sizes, 0).ravel()
    order = np.argsort(-sizes)[: min(200, int(np.sum(sizes > 0)))]
    eigs = modes.eigs.ravel()[order]
    # Relative to 1, so that single precision keeps their digits.
    for part, values in (("growth", np.log(np.abs(eigs))), ("angle", np.angle(eigs)),
                         ("size", sizes[order])):  # fmt: skip
        curves[f"{name}/{part}"] = values


def _sweep(trained: TrainedSeed, partition: str, dtype: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    kept = np.zeros(0)
    for rcond, operator in surrogate.cutoffs(trained.snapshots, partition, dtype, CUTOFFS):
        rank = np.asarray(operator.rank)
        if np.array_equal(rank, kept):  # the same directions: the same operator
            found.append(found[-1] | {"rcond": rcond})
            continue
        kept = rank
        few = rank.max() <= mnist.MOST_EIGENVALUES
        found.append(
            {
                "rcond": rcond,
                "rank": [int(rank.sum()), int(rank.max())],
                "radius": float(np.max(operator.spectral_radius)) if few else None,
                "loss": trained.by_horizon(trained.loss(operator.trajectory(trained.ends))),
            }
        )
    return found


def _observables(trained: TrainedSeed, operator: KoopmanOperator) -> dict[str, float]:
    """One node's operator by either choice of observables: do the spectra differ?"""
    block = surrogate.blocks_of(operator, trained.snapshots)[-1][:, -1].astype(float)
    before, after = block[:-1], block[1:]
    identity = after.T @ np.linalg.pinv(before.T, rcond=1e-9)
    projections = np.linalg.lstsq(before, after, rcond=1e-9)[0]
    gap = spectrum.distance(np.linalg.eigvals(identity), np.linalg.eigvals(projections))
    return {"distance": gap, "weights": len(identity)}


def _part(part: str) -> Callable[[str, int, tuple[int, ...]], list[CausesConfig]]:
    return lambda dataset, seed, _horizons: [CausesConfig(dataset or "mnist", seed, part)]


# In the order of `PARTS`.
SERIES: tuple[Series, ...] = (
    Series(
        "causes", "the report's operators taken apart", 70, run, _part("operators"),
        tuple(range(10)),
    ),
    Series("cutoffs", "the cutoff swept over ten decades", 80, run, _part("cutoffs"), SWEPT_SEEDS),
)  # fmt: skip
