"""What is tried on a record of weights: what goes on, what stays, what growth alone is worth."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, Int, PyTree

from koopnb.operators import baselines, radial, scores, spectrum
from koopnb.operators.koopman import fit
from koopnb.operators.log_time import LogTime, between, predict_between

RANKS = {"operator": 5, "rank 10": 10}  # either as it is, and with eigenvalues held in the disc
TICKS, LOG_RANK = 20, 8  # of the operator in log time, like all here chosen on seeds 100 to 104
AVERAGES = ("mean", "short mean", "ema")  # beside the last weights, what stays


def predictions(
    snapshots: PyTree, steps: Int[np.ndarray, " steps"], age: float
) -> dict[str, PyTree]:
    """What goes somewhere, at horizons in snapshots: operators, and the line of the last half.

    "even steps" has as many snapshots and the rank of "log time", so that only the clock differs.
    ``age``: steps of training behind the last snapshot, in snapshots; for what runs in log time.
    """
    found = {}
    for name, rank in RANKS.items():
        found[name] = fit(snapshots, rank=rank).trajectory(steps)
        bounded = fit(snapshots, rank=rank, max_modulus=1.0)
        found[f"{name}, bounded"] = bounded.trajectory(steps)
    n = len(jax.tree.leaves(snapshots)[0])
    clock = LogTime(age, n, TICKS)
    resampled = clock.record(snapshots)
    even = between(snapshots, np.linspace(0, n - 1, TICKS))
    width = (n - 1) / (TICKS - 1)
    return found | {
        "even steps": predict_between(fit(even, rank=LOG_RANK), steps / width),
        "log time": clock.trajectory(fit(resampled, rank=LOG_RANK), steps),
        "line": baselines.linear(snapshots, steps, n // 2),
        "line in log time": baselines.linear(resampled, clock.ahead(steps), TICKS // 2),
    }


def standing(snapshots: PyTree) -> dict[str, PyTree]:
    """What stays: the last weights; means over the last half and the last tenth; an EMA."""
    n = len(jax.tree.leaves(snapshots)[0])
    return {
        "last": jax.tree.map(lambda leaf: leaf[-1], snapshots),
        "mean": baselines.mean(snapshots, n // 2),
        "short mean": baselines.mean(snapshots, n // 10),
        "ema": baselines.ema(snapshots, n / 8),
    }


def growth(
    last: PyTree,
    ahead: Mapping[str, PyTree],
    losses: Callable[[PyTree, str], Float[np.ndarray, " times"]],
    splits: Sequence[str],
) -> dict[str, Float[np.ndarray, " horizons"]]:
    """How much of a prediction is radial: the last weights, scaled to the prediction's norm.

    ``factor/operator`` and so on are the norms of the predictions ``ahead`` over that of the last
    weights, and ``norm/operator/train`` and so on the ``losses`` of the last weights times these
    factors, one a horizon.
    """
    unit = radial.norms(radial.scaled(last, [1.0]))
    factors = {name: radial.norms(path) / unit for name, path in ahead.items()}
    path = radial.scaled(last, np.concatenate(list(factors.values())))
    found = {f"factor/{name}": factor for name, factor in factors.items()}
    for split in splits:
        each = np.split(losses(path, split), len(factors))
        found |= {f"norm/{name}/{split}": x for name, x in zip(factors, each, strict=True)}
    return found


def scored(snapshots: PyTree, horizons: tuple[float, ...]) -> dict[str, Any]:
    """Every candidate score of a record, from its weights alone.

    ``held out``: median one-step error over change on the second half, of an operator fitted to
    the first. ``rehearsal`` has one number a horizon. Operators have the main arm's rank.
    """
    rank = RANKS["operator"]
    half = len(jax.tree.leaves(snapshots)[0]) // 2
    first = fit(jax.tree.map(lambda leaf: leaf[:half], snapshots), rank=rank)
    unseen = spectrum.held_out(first, jax.tree.map(lambda leaf: leaf[half:], snapshots))
    return {
        "drift": scores.drift(snapshots),
        "persistence": scores.persistence(snapshots),
        "consistency": float(fit(snapshots, rank=rank).consistency[0]),
        "held out": float(np.median(unseen.error / unseen.change)),
        "rehearsal": [scores.rehearsal(snapshots, ahead, rank=rank) for ahead in horizons],
    }
