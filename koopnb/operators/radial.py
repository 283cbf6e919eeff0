"""The radial control: weights that only grow or shrink, all by the same factor.

A network that separates its classes lowers its training loss without learning anything: larger
weights are larger logits, and these a lower loss. A prediction shows that it knows a direction
only where it is better than growth alone.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PyTree

from koopnb.operators.snapshots import is_array, rows

# From 0.5 to 4, evenly in the logarithm, neighbours 2.5 percent apart; 1 is among them.
FACTORS = 2.0 ** (np.arange(-28, 57) / 28)


def scaled(params: PyTree, factors: Sequence[float] | Float[np.ndarray, " factors"]) -> PyTree:
    """A path of the same weights times every factor, biases too; its arrays lead with factors.

    >>> scaled({"w": np.array([1.0, -2.0])}, [1.0, 2.0])["w"].tolist()
    [[1.0, -2.0], [2.0, -4.0]]
    """

    def multiply(leaf: Any) -> Any:
        if not is_array(leaf):
            return leaf
        every = jnp.asarray(leaf)
        column = jnp.asarray(factors, every.dtype).reshape(-1, *[1] * every.ndim)
        return column * every[None]

    return jax.tree.map(multiply, params)


class Scaling(NamedTuple):
    """The best of `FACTORS`, the weights times it, and the losses of all of them."""

    factor: float
    params: PyTree
    losses: Float[np.ndarray, " factors"]


def best(params: PyTree, losses: Callable[[PyTree], Float[np.ndarray, " factors"]]) -> Scaling:
    """The factor of `FACTORS` with the lowest loss, the smallest among equals.

    ``losses`` takes all scaled weights at once, a path as `scaled` makes it.
    """
    path = scaled(params, FACTORS)
    values = losses(path)
    place = int(np.argmin(values))
    chosen = jax.tree.map(lambda leaf: leaf[place] if is_array(leaf) else leaf, path)
    return Scaling(float(FACTORS[place]), chosen, values)


def norms(path: PyTree) -> Float[np.ndarray, " times"]:
    """The norm of all weights together, along a path."""
    return np.linalg.norm(rows(path), axis=1)
