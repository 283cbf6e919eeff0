"""What every Koopman prediction is compared with: averages and a straight line.

A snapshot pytree has the time axis leading on every leaf, n snapshots.
"""

import operator
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree


def mean(snapshots: PyTree, last: int) -> PyTree:
    r"""The mean of the last snapshots, $\frac{1}{k}\sum_{i=n-k+1}^{n} x_i$.

    Args:
        snapshots: the record.
        last: k, from 1 to n.

    Raises:
        ValueError: ``last`` out of range.

    Source: Polyak and Juditsky, SIAM J. Control Optim. 30 (1992), eq. (3).
    """
    last = _count("last", last, 1, snapshots)
    return jax.tree.map(lambda leaf: jnp.mean(leaf[-last:], axis=0), snapshots)


def ema(snapshots: PyTree, half_life: float) -> PyTree:
    r"""The exponential moving average, $\sum_i w_i x_i$ with $w_i \propto 2^{-(n-i)/h}$.

    Args:
        snapshots: the record.
        half_life: h > 0, in recorded steps.

    Raises:
        ValueError: a half-life that is not positive.
    """
    if not half_life > 0:
        raise ValueError(f"half_life={half_life}: it must be above 0 recorded steps.")
    length = _length(snapshots)
    weights = 0.5 ** (np.arange(length)[::-1] / half_life)
    weights = weights / weights.sum()

    def average(leaf: jax.Array | np.ndarray) -> jax.Array:
        every = jnp.asarray(leaf)
        return jnp.tensordot(jnp.asarray(weights, every.dtype), every, axes=1)

    return jax.tree.map(average, snapshots)


def linear(snapshots: PyTree, steps: Sequence[int] | np.ndarray, last: int) -> PyTree:
    r"""Least-squares line through the last k snapshots, continued: $\bar x + (s + c) \dot x$.

    Args:
        snapshots: the record.
        steps: horizons s >= 0 in recorded steps after the last snapshot.
        last: k, from 2 to n.

    Returns:
        A pytree with the leading axis len(steps).

    Raises:
        ValueError: ``last`` out of range.
    """
    last = _count("last", last, 2, snapshots)
    times = np.arange(last) - (last - 1) / 2
    ahead = np.asarray(steps, float) + (last - 1) / 2
    slope_weights = times / np.sum(times**2)

    def extrapolate(leaf: jax.Array | np.ndarray) -> jax.Array:
        recent = jnp.asarray(leaf[-last:])
        slope = jnp.tensordot(jnp.asarray(slope_weights, recent.dtype), recent, axes=1)
        shape = (-1,) + (1,) * slope.ndim
        return (
            jnp.mean(recent, axis=0)[None]
            + jnp.asarray(ahead, recent.dtype).reshape(shape) * slope[None]
        )

    return jax.tree.map(extrapolate, snapshots)


def _length(snapshots: PyTree) -> int:
    return len(jax.tree.leaves(snapshots)[0])


def _count(name: str, count: int, least: int, snapshots: PyTree) -> int:
    count, length = operator.index(count), _length(snapshots)
    if not least <= count <= length:
        raise ValueError(
            f"{name}={count}: it must be between {least} and the {length} recorded snapshots."
        )
    return count
