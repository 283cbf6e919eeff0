r"""What an operator's eigenvalues say: rates, how far each can be trusted, how spectra differ."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Complex, Float, PyTree

from koopnb.checks import Integer, integer
from koopnb.operators import _solvers
from koopnb.operators._eigen import in_own_precision
from koopnb.operators._reduced import Reduced
from koopnb.operators.koopman import KoopmanOperator
from koopnb.operators.snapshots import is_array, to_session_precision


def pseudospectrum(
    operator: KoopmanOperator, points: ArrayLike
) -> Float[Array | np.ndarray, "blocks points"]:
    r"""How well any linear observable could have the eigenvalue z, for every block.

    $$\tau(z) = \min_g
        \sqrt{\frac{\sum_t |g(x_{t+1}) - z\, g(x_t)|^2}{\sum_t |g(x_t)|^2}}$$

    over observables g = l^T U* x of the subspace kept. The ε-pseudospectrum is where τ(z) < ε.
    It follows from the snapshots alone: clipping does not change it. At an eigenvalue it is at
    most that eigenvalue's residual. Infinite for a block of rank 0.

    Args:
        operator: what ``fit`` returned.
        points: complex numbers z, (points,).

    Raises:
        ValueError: points that are not one-dimensional.

    Source: Colbrook and Townsend, Comm. Pure Appl. Math. 77 (2024), residual DMD for pseudospectra.
    """
    if np.ndim(points) != 1:
        raise ValueError(
            f"points of shape {np.shape(points)}: must be one-dimensional; ravel a grid, and give "
            "the result its shape."
        )
    with jax.enable_x64(True):
        z = jnp.asarray(points, jnp.complex128)
        found = jnp.concatenate([_least_residuals(group, z) for group in operator.groups])
    return to_session_precision(found)


@jax.jit
def _least_residuals(
    fit: Reduced, points: Complex[Array, " points"]
) -> Float[Array, "blocks points"]:
    def one(fitted: Array, errors: Array, sigma: Array) -> Array:
        keep = sigma > 0
        inverse = jnp.where(keep, 1 / jnp.where(keep, sigma, 1), 0)
        matrix = inverse[:, None] * fitted * sigma[None]
        values, vectors = _solvers.eigh(inverse[:, None] * errors * inverse[None])
        rest = vectors * jnp.sqrt(jnp.maximum(values, 0))[None]

        # Padding is no observable: its singular values are put above all others.
        above = 2 + 2 * jnp.max(jnp.abs(points)) + jnp.linalg.norm(matrix) + jnp.linalg.norm(rest)

        def least(z: Array) -> Array:
            moved = matrix - jnp.diag(jnp.where(keep, z, above))
            both = jnp.concatenate([moved, rest + 0j], axis=1)
            return _solvers.singular_values(both)[-1]

        found = jax.lax.map(least, points, batch_size=256)
        return jnp.where(jnp.any(keep), found, jnp.inf)

    return jax.vmap(one)(fit.fitted, fit.errors, fit.sigma)


def continuous_eigs(eigs: ArrayLike, dt: float = 1.0) -> Complex[Array | np.ndarray, "..."]:
    r"""Continuous-time eigenvalues $\log(λ) / dt$, per unit of time.

    Args:
        eigs: eigenvalues of a step.
        dt: time a step takes, in the unit wanted (iterations, epochs, seconds); positive.

    >>> round(float(continuous_eigs(0.9, dt=0.1).real), 2)
    -1.05
    """
    if not dt > 0:
        raise ValueError(f"dt={dt}: the time of a step must be positive.")
    return in_own_precision(lambda x: jnp.log(x + 0j) / dt, eigs)


def growth_rates(eigs: ArrayLike, dt: float = 1.0) -> Float[Array | np.ndarray, "..."]:
    """Exponential growth rates log|λ| / dt per unit of time; negative where a mode decays."""
    return continuous_eigs(eigs, dt).real


def half_lives(eigs: ArrayLike, dt: float = 1.0) -> Float[Array | np.ndarray, "..."]:
    """Times after which modes are halved, in units of dt: negative where they double instead.

    >>> float(half_lives(0.5, dt=3.0))
    3.0
    """
    return in_own_precision(lambda rate: -jnp.log(2.0) / rate, growth_rates(eigs, dt))


def distance(first: ArrayLike | Sequence[complex], second: ArrayLike | Sequence[complex]) -> float:
    r"""Optimal matching distance of two spectra, as multisets of complex numbers.

    $$d(a, b) = \min_π \max_i |a_i - b_{π(i)}|$$

    Every eigenvalue of either is matched with exactly one of the other, so multiplicities
    count and no pairing by real part or modulus is needed.

    Raises:
        ValueError: different numbers of eigenvalues.

    Source: Bhatia, Matrix Analysis (1997), section VI.3.

    >>> distance(np.array([0.9j, -0.9j, 0.45j]), np.array([0.45j, 0.9j, -0.9j]))
    0.0
    """
    import scipy.sparse.csgraph  # here: it adds a warnings filter

    a, b = np.ravel(np.asarray(first)), np.ravel(np.asarray(second))
    if len(a) != len(b):
        raise ValueError(
            f"got {len(a)} and {len(b)} eigenvalues: every one needs a partner; pad the shorter "
            "spectrum with the zeros of its operator, or keep the leading ones of both."
        )
    gaps = np.abs(a[:, None] - b[None])
    candidates = np.unique(gaps)
    low, high = 0, len(candidates) - 1
    while low < high:
        middle = (low + high) // 2
        allowed = scipy.sparse.csr_array(gaps <= candidates[middle])
        match = scipy.sparse.csgraph.maximum_bipartite_matching(allowed)
        low, high = (low, middle) if np.all(match >= 0) else (middle + 1, high)
    return float(candidates[low]) if len(a) else 0.0


class HeldOut(NamedTuple):
    """Errors on snapshots an operator has not seen, for every start and block.

    ``error`` is |K^h x_t - x_{t+h}|, ``change`` is |x_{t+h} - x_t|. A ratio of 1 is no better
    than predicting no change.
    """

    error: Float[Array | np.ndarray, "starts blocks"]
    change: Float[Array | np.ndarray, "starts blocks"]


def held_out(operator: KoopmanOperator, snapshots: PyTree, steps: Integer = 1) -> HeldOut:
    """h-step prediction errors from every snapshot of a record that has one h steps later.

    Args:
        operator: what ``fit`` returned.
        snapshots: a record with its structure, window means if it was fitted to those.
        steps: h, from 1 to len(record) - 1.

    Raises:
        ValueError: a horizon the record is too short for.
    """
    arrays = eqx.filter(snapshots, is_array)
    count = len(jax.tree.leaves(arrays)[0])
    steps = integer("steps", steps, 1, "the horizon of the check, in snapshots")
    if steps >= count:
        raise ValueError(
            f"steps={steps} on {count} held-out snapshots: none has a later one to compare with; "
            f"use steps <= {count - 1}."
        )
    with jax.enable_x64(True):
        arrays = jax.tree.map(jnp.asarray, arrays)
        before = jax.tree.map(lambda x: x[:-steps], arrays)
        after = jax.tree.map(lambda x: x[steps:], arrays)
        predicted = jax.vmap(lambda x: eqx.filter(operator.propagate(x, steps), is_array))(before)
        found = HeldOut(_distances(operator, predicted, after), _distances(operator, before, after))
    return to_session_precision(found)


def _distances(operator: KoopmanOperator, a: PyTree, b: PyTree) -> Float[Array, "starts blocks"]:
    wide = (jax.tree.map(lambda x: x.astype(jnp.float64), tree) for tree in (a, b))
    groups = operator.partition.split(jax.tree.map(jnp.subtract, *wide))
    squares = [_solvers.total(jnp.sum(piece**2, axis=-1) for piece in pieces) for pieces in groups]
    return jnp.sqrt(jnp.concatenate(squares, axis=-1))
