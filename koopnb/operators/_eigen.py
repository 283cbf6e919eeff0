"""Eigenvalues of fitted blocks, how far each can be trusted, and what rounding may do."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Complex, Float

from koopnb.operators import _solvers
from koopnb.operators._reduced import Reduced
from koopnb.operators.snapshots import to_session_precision


class Spectrum(NamedTuple):
    """Eigenpairs of the operators of one group of blocks, largest modulus first.

    ``left`` holds left eigenvectors as columns: l^T A = λ l^T for a block's reduced matrix A.
    The observable of an eigenvalue is g(x) = l^T U* x, with g(K x) = λ g(x).
    """

    eigs: Complex[Array, "blocks r"]
    left: Complex[Array, "blocks r r"]
    residuals: Float[Array, "blocks r"]


def eigenpairs(fit: Reduced) -> Spectrum:
    r"""Eigenvalues, eigenobservables and their residuals over the snapshots of the fit.

    The residual of (λ, g) is that of residual dynamic mode decomposition,

    $$\operatorname{res}(λ, g)^2 =
        \frac{\sum_t |g(x_{t+1}) - λ\, g(x_t)|^2}{\sum_t |g(x_t)|^2},$$

    0 where g grows exactly by λ a step. It is computed from differences, not from the
    cancelling moments of eq. (3.2). Padding has eigenvalue and residual 0.

    Source: Colbrook and Townsend, Comm. Pure Appl. Math. 77 (2024), section 3.
    """
    eigs, left = jax.vmap(_solvers.eig)(fit.matrix.transpose(0, 2, 1))
    order = jnp.argsort(-jnp.abs(eigs), axis=1)
    eigs = jnp.take_along_axis(eigs, order, axis=1)
    left = jnp.take_along_axis(left, order[:, None], axis=2)
    # Errors of the least-squares fit are orthogonal to what clipping changes.
    moved = (fit.fitted - fit.matrix) * fit.sigma[:, None]
    errors = fit.errors + moved @ moved.transpose(0, 2, 1)
    error = jnp.einsum("bik,bij,bjk->bk", left, errors + 0j, left.conj()).real
    size = jnp.einsum("bik,bi->bk", jnp.abs(left) ** 2, fit.sigma**2)
    seen = jnp.arange(eigs.shape[1])[None] < fit.rank[:, None]
    residuals = jnp.sqrt(jnp.maximum(error, 0) / jnp.where(size > 0, size, 1))
    return Spectrum(eigs, left, jnp.where(seen, residuals, 0))


def consistency_index(fit: Reduced) -> Float[Array, " blocks"]:
    r"""Forward-backward consistency index of each block, in [0, 1].

    $$I_C = λ_\max(I - K_F K_B), \quad K_F = D(X)^† D(Y), \quad K_B = D(Y)^† D(X)$$

    where D(X) and D(Y) hold the encoded snapshots U* x_t and U* x_{t+1} as rows. $\sqrt{I_C}$
    is the largest relative root mean square error, over the pairs, of the one-step
    prediction of any linear observable of U* x. It says nothing (it is 0) where the rank is
    the number of pairs, because then any data are matched.

    Source: Haseli and Cortés, IEEE Control Systems Letters 7 (2023), arXiv 2207.07719,
    definition of the consistency index and its bound.
    """

    def one(fitted: Array, errors: Array, sigma: Array) -> Array:
        scaled = fitted * sigma[None]  # D(Y)^T times the orthonormalized D(X)
        moment = errors + scaled @ scaled.T
        values, vectors = _solvers.eigh(moment)
        keep = values > len(values) * jnp.finfo(values.dtype).eps * values[-1]
        whitened = jnp.where(keep[None], vectors, 0) / jnp.sqrt(jnp.where(keep, values, 1))[None]
        cosines = _solvers.singular_values(whitened.T @ scaled)
        kept = jnp.sum(sigma > 0)
        least = jnp.where(kept > 0, cosines[jnp.maximum(kept - 1, 0)], 1)
        return jnp.clip(1 - least**2, 0, 1)

    return jax.vmap(one)(fit.fitted, fit.errors, fit.sigma)


def sensitivity(
    fit: Reduced, work: float, kept: float, squared: bool
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    r"""Condition of one block's fit, and what rounding may do to its first step.

    The condition is $κ = s_1 / s_r$, the largest over the smallest singular value kept. With
    $z = U^* x$ of the last snapshot x, $x_\perp$ what is left of it, D the decoder, S the
    singular values, R the residual of the fit and $g = 1 / (1 - (s_{r+1} / s_r)^2)$,

    $$\frac{1}{\lVert K x - x \rVert} \Bigl[ δ \lVert F \rVert \bigl(
        (1 + \lVert D \rVert) \lVert S^{-1} z \rVert
        + g \lVert D S^{-1} \rVert \lVert x_\perp \rVert
        + g \lVert R \rVert \lVert S^{-2} z \rVert \bigr)
        + δ \lVert D \rVert \lVert x \rVert + ε \sum_i \lVert D_i \rVert |z_i| \Bigr]$$

    bounds, to first order and in units of the step that K predicts, what changes of the
    snapshots of relative size δ do to K x, and keeping factors with a relative error ε. Norms are
    Frobenius norms. Eigenvalues count as fitted, before any is held within a disc. Both results
    are 0 for a constant block.

    Args:
        fit: one block.
        work: ``δ``, the rounding unit of the precision worked in.
        kept: ``ε``, that of the factors.
        squared: whether the solver went by way of a Gram matrix; δ has κ times the unit of double
            precision added then.

    Source: Golub and Pereyra, SIAM J. Numer. Anal. 10 (1973), for the derivative of the
    pseudoinverse, whose three terms those with δ ‖F‖ are; Wedin, BIT 12 (1972), for g, by which
    singular vectors turn at a cutoff.
    """
    keep = fit.sigma > 0
    inverse = jnp.where(keep, 1 / jnp.where(keep, fit.sigma, 1), 0)
    condition = fit.sigma[0] * jnp.max(inverse)
    images = [image.astype(jnp.float64) for image in fit.decoder]
    codes = [code.astype(jnp.float64) for code in fit.encoder]
    last = [x.astype(jnp.float64) for x in fit.last]
    columns = _solvers.total(jnp.sum(image**2, axis=1) for image in images)
    pairs = list(zip(images, codes, last, strict=True))
    step = jnp.sqrt(_solvers.total(jnp.sum((fit.start @ i - x) ** 2) for i, _, x in pairs))
    left = jnp.sqrt(_solvers.total(jnp.sum((x - fit.start @ c) ** 2) for _, c, x in pairs))
    size = jnp.sqrt(_solvers.total(jnp.sum(x**2) for x in last))
    residual = jnp.sqrt(jnp.maximum(jnp.trace(fit.errors), 0)) + jnp.hypot(fit.rest, left)
    gap = 1 - (fit.dropped * jnp.max(inverse)) ** 2
    turn = jnp.where(gap > 0, 1 / jnp.where(gap > 0, gap, 1), jnp.inf)
    norm = jnp.sqrt(jnp.sum(columns))
    unit = work + squared * float(jnp.finfo(jnp.float64).eps) * condition
    change = unit * jnp.linalg.norm(fit.sigma) * (
        (1 + norm) * jnp.linalg.norm(inverse * fit.start)
        + turn * jnp.sqrt(jnp.sum(columns * inverse**2)) * left
        + turn * residual * jnp.linalg.norm(inverse**2 * fit.start)
    )  # fmt: skip
    change += unit * norm * size + kept * jnp.sum(jnp.sqrt(columns) * jnp.abs(fit.start))
    moving = ~fit.constant & (step > 0)
    roundoff = jnp.where(moving, change / jnp.where(moving, step, 1), 0)
    return jnp.where(fit.constant, 0, condition), roundoff


def spectral_radius(
    eigs: Complex[Array | np.ndarray, "*blocks r"],
) -> Float[Array | np.ndarray, "*blocks"]:
    """Largest modulus over the last axis; 0 of an empty spectrum."""
    return in_own_precision(lambda x: jnp.max(jnp.abs(x), axis=-1, initial=0), eigs)


def in_own_precision(function: Callable[[Array], Array], value: ArrayLike) -> Any:
    """Applies a function in the precision of its argument, whatever the session's."""
    with jax.enable_x64(True):
        found = function(jnp.asarray(value))
    return to_session_precision(found)
