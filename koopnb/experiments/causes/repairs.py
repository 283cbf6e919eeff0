"""Ways to fit the same record that may keep its operator from deteriorating."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from koopnb.experiments import mnist
from koopnb.experiments.causes.surrogate import Modes
from koopnb.operators import snapshots
from koopnb.operators.koopman import fit
from koopnb.operators.snapshots import is_array

HORIZONS = (1, 2, 10)
STRIDE = 4
REPAIRS = (
    "none",
    "rank 8",
    "every 4th snapshot",
    "every 4th, 4 delays",
    "window means",
    "windows, 2 delays",
    "windows, 4 delays",
    "bounded",
    "bounded, not turning",
    "centred",
    "centred, bounded",
    "windows, bounded",
)


@dataclass(frozen=True)
class TrainedSeed:
    """What every part of the experiment looks at: one trained seed and its test loss."""

    snapshots: PyTree
    further: PyTree
    last: PyTree
    per_epoch: int
    window: int
    loss: Callable[[PyTree], np.ndarray]

    @property
    def ends(self) -> np.ndarray:
        """The iterations at which the horizons end."""
        return self.per_epoch * np.array(HORIZONS)

    @property
    def at(self) -> np.ndarray:
        """The further iterations that were kept."""
        return mnist.points(self.per_epoch, HORIZONS[-1])

    def by_horizon(self, losses: np.ndarray) -> dict[str, float]:
        """One loss for each horizon, by its epochs."""
        return {str(t): float(x) for t, x in zip(HORIZONS, losses, strict=True)}


def single(tree: PyTree) -> PyTree:
    """A snapshot as a path of length one."""
    return jax.tree.map(lambda leaf: leaf[None] if is_array(leaf) else leaf, tree)


def at_times(tree: PyTree, index: Any) -> PyTree:
    """A path at some of its times."""
    return jax.tree.map(lambda leaf: leaf[index] if is_array(leaf) else leaf, tree)


def losses(trained: TrainedSeed, modes: Modes, partition: str) -> dict[str, dict[str, float]]:
    """The loss of every way to fit the same record, at the horizons."""
    every = trained.snapshots
    leaves, layout = snapshots.flatten(every)
    with jax.enable_x64(True):
        windows = layout.restore(snapshots.window_means(leaves, trained.window, jnp.float32))
    thinned = at_times(every, slice((len(leaves[0]) - 1) % STRIDE, None, STRIDE))
    mean = jax.tree.map(lambda x: jnp.mean(x, 0) if is_array(x) else x, every)
    centred = jax.tree.map(lambda x, m: x - m[None] if is_array(x) else x, every, mean)

    def ahead(record_: PyTree, period: int = 1, delays: int = 1, **how: Any) -> PyTree:
        seen = _delayed(record_, delays) if delays > 1 else record_
        operator = fit(seen, partition=partition, **how)
        path = operator.trajectory(np.round(trained.ends / period).astype(int))
        return _present(path) if delays > 1 else path

    def back(path: PyTree) -> PyTree:
        return jax.tree.map(lambda x, m: x + m[None] if is_array(x) else x, path, mean)

    step = trained.window
    paths = {
        "none": lambda: modes.operator.trajectory(trained.ends),
        "rank 8": lambda: ahead(every, rank=8),
        "every 4th snapshot": lambda: ahead(thinned, STRIDE),
        "every 4th, 4 delays": lambda: ahead(thinned, STRIDE, 4),
        "window means": lambda: ahead(windows, step),
        "windows, 2 delays": lambda: ahead(windows, step, 2),
        "windows, 4 delays": lambda: ahead(windows, step, 4),
        "bounded": lambda: modes.path(trained.ends, growth=False),
        "bounded, not turning": lambda: modes.path(trained.ends, growth=False, turning=False),
        "centred": lambda: back(ahead(centred)),
        "centred, bounded": lambda: back(ahead(centred, max_modulus=1.0)),
        "windows, bounded": lambda: ahead(windows, step, rank=8, max_modulus=1.0),
    }
    return {name: trained.by_horizon(trained.loss(paths[name]())) for name in REPAIRS}


def _delayed(tree: PyTree, count: int) -> PyTree:
    """Delay coordinates behind the output axis, so that a node keeps all its delays."""
    seen = snapshots.delays(tree, count)
    return jax.tree.map(lambda x: jnp.moveaxis(x, 1, 2) if is_array(x) else x, seen)


def _present(path: PyTree) -> PyTree:
    """The newest of the delays."""
    return jax.tree.map(lambda x: x[:, :, -1] if is_array(x) else x, path)
