"""Recorded weights: checked, flattened, and averaged over windows.

Snapshots are a pytree whose array leaves all lead with the same time axis. What is not an array
(an activation function, say) takes no part and comes back as it was.
"""

import dataclasses
import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from koopnb.checks import Integer, integer


def is_array(leaf: Any) -> bool:
    """Whether a leaf is an array with a time axis, of JAX or NumPy."""
    return eqx.is_array(leaf) or isinstance(leaf, np.ndarray)


@dataclasses.dataclass(frozen=True)
class Layout:
    """What is static about snapshots: hashable, and enough to rebuild the tree from leaves."""

    treedef: Any
    outside: tuple[Any, ...]  # None for an array, (leaf,) for what is not one
    paths: tuple[str, ...]
    dtypes: tuple[Any, ...]

    def restore(self, leaves: list[Any]) -> PyTree:
        """The tree, with these in place of its arrays."""
        arrays = iter(leaves)
        return self.treedef.unflatten(x[0] if x else next(arrays) for x in self.outside)

    def template(self, shapes: list[tuple[int, ...]]) -> PyTree:
        """The shapes of one snapshot, None in place of what is not an array."""
        arrays = iter(
            jax.ShapeDtypeStruct(shape, dtype)
            for shape, dtype in zip(shapes, self.dtypes, strict=True)
        )
        return self.treedef.unflatten(None if x else next(arrays) for x in self.outside)


def flatten(snapshots: PyTree) -> tuple[list[Any], Layout]:
    """The arrays of a record and its layout.

    Raises:
        ValueError: no arrays, fewer than two snapshots, leaves of unequal length, or a dtype
            that is not real floating point. The message names the leaf.
    """
    flat, treedef = jax.tree_util.tree_flatten_with_path(snapshots)
    outside = tuple(None if is_array(leaf) else (leaf,) for _, leaf in flat)
    named = [(jax.tree_util.keystr(path) or "snapshots", x) for path, x in flat if is_array(x)]
    if not named:
        raise ValueError(
            "snapshots hold no array: pass a pytree of arrays, each leading with the time axis."
        )
    for path, leaf in named:
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise ValueError(
                f"leaf {path} has dtype {leaf.dtype}: snapshots must be real floating point "
                "(float16, bfloat16, float32 or float64); convert it, or split a complex leaf into "
                "its real and imaginary parts."
            )
        if leaf.ndim < 1:
            raise ValueError(f"leaf {path} is a scalar: it needs a leading time axis.")
    first, n = named[0][0], named[0][1].shape[0]
    for path, leaf in named:
        if leaf.shape[0] != n:
            raise ValueError(
                f"leaf {path} has {leaf.shape[0]} snapshots and leaf {first} has {n}: every leaf "
                "needs the same leading time axis."
            )
    if n < 2:
        raise ValueError(
            f"got {n} snapshot{'s' * (n != 1)}: an operator needs at least two, one pair."
        )
    paths, leaves = zip(*named, strict=True)
    layout = Layout(treedef, outside, paths, tuple(jnp.dtype(leaf.dtype) for leaf in leaves))
    return list(leaves), layout


def rows(path: PyTree) -> Float[np.ndarray, "times weights"]:
    """All weights of a path side by side, in double precision; its arrays lead with time."""
    leaves = [np.asarray(leaf, np.float64) for leaf in jax.tree.leaves(path) if is_array(leaf)]
    return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)


def refuse_non_finite(leaves: list[Any], layout: Layout) -> None:
    """Raises a ValueError that names the first leaf and step that are not finite, if any."""
    for leaf, path in zip(leaves, layout.paths, strict=True):
        values = np.asarray(leaf)
        bad = np.argwhere(~np.isfinite(values.astype(np.float64)))
        if len(bad):
            raise ValueError(
                f"leaf {path} is {values[tuple(bad[0])]} at step {bad[0][0]}: snapshots must be "
                "finite; drop the steps from there on, or train with a lower learning rate."
            )


def to_session_precision(tree: PyTree) -> PyTree:
    """Results as a session without 64-bit JAX arrays can use them: those come as NumPy's."""
    if jax.dtypes.canonicalize_dtype(np.float64) == np.float64:
        return tree

    def convert(x: Any) -> Any:
        wide = eqx.is_array(x) and x.dtype in ("float64", "complex128")
        return np.asarray(x) if wide and not isinstance(x, jax.core.Tracer) else x

    return jax.tree.map(convert, tree)


@functools.partial(jax.jit, static_argnames=("window", "dtype"))
def window_means(leaves: list[Array], window: int, dtype: Any) -> list[Array]:
    """Means over consecutive snapshots; what does not fill a window is dropped at the start."""

    def mean(leaf: Array) -> Array:
        count = leaf.shape[0] // window
        kept = leaf[leaf.shape[0] - count * window :].astype(dtype)
        parts = kept.reshape(count, window, *leaf.shape[1:])
        first = parts[:, :1]  # taken off first, so that the mean of equal numbers is that number
        return first[:, 0] + jnp.mean(parts - first, axis=1)

    return [mean(leaf) for leaf in leaves]


def delays(snapshots: PyTree, count: Integer) -> PyTree:
    r"""Every snapshot together with its predecessors: the record in delay coordinates.

    $$y_t = (x_t, x_{t+1}, \dots, x_{t+d-1}), \qquad t = 1, \dots, n - d + 1$$

    A leaf of shape (n, ...) becomes (n - d + 1, d, ...), oldest snapshot first: the present is
    the last along the second axis. What is not an array stays as it is.

    Args:
        snapshots: pytree whose arrays lead with the same time axis.
        count: d, the snapshots that are seen together, from 1 to n - 1.

    Raises:
        ValueError: a count that leaves no pair of delayed snapshots, or what ``fit`` refuses.

    Source: Takens, Lecture Notes in Mathematics 898 (1981); Arbabi and Mezić, SIAM J. Appl.
    Dyn. Syst. 16 (2017), for delayed observables of a Koopman operator.

    >>> delays({"w": np.arange(4.0)}, 3)["w"].tolist()
    [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]
    """
    leaves, layout = flatten(snapshots)
    n = leaves[0].shape[0]
    count = integer("count", count, 1, "the snapshots seen together")
    if count > n - 1:
        raise ValueError(
            f"count={count} on {n} snapshots leaves {max(n - count + 1, 0)} delayed ones and an "
            f"operator needs two: use count <= {n - 1}."
        )
    seen = np.arange(n - count + 1)[:, None] + np.arange(count)[None]
    return layout.restore([leaf[seen] for leaf in leaves])


class WindowMeans(eqx.Module):
    r"""Means over windows, accumulated while training: no snapshot need be kept.

    Memory is ``capacity`` + 1 snapshots, and an update costs one pass over the weights, inside
    ``jax.lax.scan`` too. The newest ``capacity`` full windows are kept; a window that is not full
    yet is left out. ``fit(means.snapshots())`` equals ``fit(snapshots, window=window)`` where
    the record is a whole number of windows; horizons then count windows.

    >>> import jax.numpy as jnp
    >>> means = WindowMeans.start({"w": jnp.zeros(2)}, window=2, capacity=3)
    >>> for step in range(6):
    ...     means = means.update({"w": jnp.full(2, float(step))})
    >>> means.snapshots()["w"][:, 0].tolist()
    [0.5, 2.5, 4.5]
    """

    means: PyTree
    partial: PyTree
    count: Int[Array, ""]
    window: int = eqx.field(static=True)
    capacity: int = eqx.field(static=True)

    @classmethod
    def start(cls, weights: PyTree, *, window: Integer, capacity: Integer) -> "WindowMeans":
        """An empty accumulator for weights like these.

        Args:
            weights: a pytree; only shapes and dtypes of its arrays matter.
            window: snapshots a mean, >= 1.
            capacity: means kept, >= 2.

        Raises:
            ValueError: a window or capacity below that.
        """
        window = integer("window", window, 1, "the snapshots a mean is over")
        capacity = integer("capacity", capacity, 2, "the means kept, two or more for one pair")
        arrays = eqx.filter(weights, eqx.is_inexact_array)
        zeros = jax.tree.map(
            lambda x: jnp.zeros(x.shape, jnp.promote_types(x.dtype, jnp.float32)), arrays
        )
        means = jax.tree.map(lambda x: jnp.zeros((capacity, *x.shape), x.dtype), zeros)
        return cls(means, zeros, jnp.zeros((), jnp.int32), window, capacity)

    def update(self, weights: PyTree) -> "WindowMeans":
        """The accumulator after one more snapshot."""
        arrays = eqx.filter(weights, eqx.is_inexact_array)
        phase, slot = self.count % self.window, (self.count // self.window) % self.capacity
        partial = jax.tree.map(
            lambda mean, x: jnp.where(
                phase == 0, x.astype(mean.dtype), mean + (x - mean) / (phase + 1)
            ),
            self.partial,
            arrays,
        )
        full = phase == self.window - 1
        # Once a window: the pass over what is kept costs more than the mean itself.
        means = jax.lax.cond(
            full,
            lambda: jax.tree.map(lambda kept, new: kept.at[slot].set(new), self.means, partial),
            lambda: self.means,
        )
        return WindowMeans(means, partial, self.count + 1, self.window, self.capacity)

    def snapshots(self) -> PyTree:
        """The means, oldest first; under ``jax.jit`` all ``capacity`` of them, full or not."""
        full = self.count // self.window
        ordered = jax.tree.map(lambda x: _oldest_first(x, full, self.capacity), self.means)
        if isinstance(full, jax.core.Tracer) or int(full) >= self.capacity:
            return ordered
        return jax.tree.map(lambda x: x[: int(full)], self.means)


def _oldest_first(
    ring: Float[Array, "capacity ..."], full: Int[Array, ""], capacity: int
) -> Float[Array, "capacity ..."]:
    return jnp.roll(ring, -(full % capacity), axis=0)


def horizons(steps: Any) -> Array | np.ndarray:
    """Horizons as integers, each checked by `horizon`."""
    if isinstance(steps, jax.core.Tracer):
        return steps
    steps = np.asarray(steps) if isinstance(steps, jax.Array) else steps
    if np.isscalar(steps) or getattr(steps, "ndim", 1) != 1:
        raise ValueError(
            f"steps={steps!r}: a trajectory needs a sequence of horizons; for one, use predict."
        )
    listed = [horizon(step) for step in steps]
    if any(isinstance(step, jax.core.Tracer) for step in listed):
        return jnp.stack(listed)
    return np.asarray(listed, np.int64)


def horizon(steps: Any) -> Array | np.ndarray:
    """A horizon as a 64-bit integer; a traced one is left as it is.

    Raises:
        ValueError: a negative horizon, or one that is not an integer.
    """
    if isinstance(steps, jax.core.Tracer):
        return steps
    return np.asarray(
        integer("steps", steps, 0, "one horizon in snapshots; trajectory takes several"), np.int64
    )
