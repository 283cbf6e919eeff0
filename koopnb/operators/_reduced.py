r"""Operators of blocks on their own range, and the powers that predictions need."""

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from koopnb.operators._solvers import (
    SMALL,
    Plan,
    Scalar,
    Subspace,
    eig,
    orthonormal,
    roots,
    solve,
    svd,
    total,
)
from koopnb.operators.partition import Pieces

SQUARES, SQUARED_RANK = 12, 64


class Reduced(eqx.Module):
    r"""Operators K = decoder^T encoder of one group of blocks, on their own range.

    With F = U S V* cut at the rank r: encoder U*, decoder (F' V S^-1)^T, ``fitted`` the
    compression U* F' V S^-1 of K, ``matrix`` A the same with its eigenvalues clipped
    (``clipped`` of them), ``squares`` A, A^2, A^4 and so on, ``start`` U* x for the last
    snapshot x, ``errors`` E E* with E = U* F' - fitted U* F. ``dropped`` is the largest singular
    value that was cut, ``rest`` a bound of all of them together, as a root of a sum of squares.
    Rows beyond a block's own ``rank`` are zero.
    """

    encoder: tuple[Float[Array, "*blocks r _"], ...]
    decoder: tuple[Float[Array, "*blocks r _"], ...]
    squares: Float[Array, "*blocks squares r r"]
    fitted: Float[Array, "*blocks r r"]
    errors: Float[Array, "*blocks r r"]
    sigma: Float[Array, "*blocks r"]
    dropped: Float[Array, "*blocks"]
    rest: Float[Array, "*blocks"]
    start: Float[Array, "*blocks r"]
    last: tuple[Float[Array, "*blocks _"], ...]
    rank: Int[Array, "*blocks"]
    clipped: Int[Array, "*blocks"]
    constant: Bool[Array, "*blocks"]

    @property
    def matrix(self) -> Float[Array, "*blocks r r"]:
        return self.squares[..., 0, :, :]


def reduced_operator(
    pieces: Pieces,
    subspace: Subspace,
    constant: Bool[Array, ""],
    plan: Plan,
    rcond: Scalar,
    max_modulus: Scalar | None,
) -> Reduced:
    """The operator of one block from its singular subspace: O(m n r)."""
    held = constant & (total(jnp.sum(jnp.abs(piece[-1])) for piece in pieces) > 0)
    return jax.lax.cond(
        held,
        lambda: _hold(pieces, constant, plan),
        lambda: _move(pieces, subspace, constant, plan, rcond, max_modulus),
    )


def _move(
    pieces: Pieces,
    subspace: Subspace,
    constant: Bool[Array, ""],
    plan: Plan,
    rcond: Scalar,
    max_modulus: Scalar | None,
) -> Reduced:
    x = [piece.astype(plan.work) for piece in pieces]
    n, m = x[0].shape[0], sum(piece.shape[1] for piece in x)
    keep = subspace.sigma[: plan.rank] > rcond * subspace.sigma[0]
    count = jnp.sum(keep, dtype=jnp.int32)
    cut = jnp.where(jnp.arange(len(subspace.sigma)) < count, 0, subspace.sigma)
    route = _from_right if subspace.left is None else _from_left
    encoder, decoder, states, weights, sigma = route(x, subspace, plan, keep)
    fitted = states[:, 1:] @ weights
    errors = states[:, 1:] - fitted @ states[:, :-1]
    matrix, clipped = fitted, jnp.zeros((), jnp.int32)
    if max_modulus is not None:
        factor, clipped = _clip(fitted, max_modulus)
        matrix = fitted @ factor
        decoder = [factor.T.astype(plan.work) @ image for image in decoder]
    return Reduced(
        encoder=tuple(code.astype(plan.dtype) for code in encoder),
        decoder=tuple(image.astype(plan.dtype) for image in decoder),
        squares=_squares(matrix),
        fitted=fitted,
        errors=errors @ errors.T,
        sigma=jnp.where(keep, sigma, 0 * subspace.sigma[0]),  # what is no number stays so
        dropped=jnp.max(cut),
        rest=jnp.sqrt(min(m, n - 1) - count) * jnp.max(cut),
        start=states[:, -1],
        last=tuple(piece[-1].astype(plan.dtype) for piece in pieces),
        rank=count,
        clipped=clipped,
        constant=constant,
    )


class Factors(NamedTuple):
    """Rows of U* and of (F' V S^-1)^T in pieces, states U* [x_1 ... x_n], V S^-1, and S."""

    encoder: list[Float[Array, "r _"]]
    decoder: list[Float[Array, "r _"]]
    states: Float[Array, "r n"]
    weights: Float[Array, "pairs r"]
    sigma: Float[Array, " r"]


def _from_right(
    x: list[Float[Array, "n _"]], space: Subspace, plan: Plan, keep: Bool[Array, " r"]
) -> Factors:
    """Factors where V alone is known.

    As F V S^-1 alone, U would carry round-off of the largest singular value. A small s, divided
    by once more in the decoder, multiplies that by (s_1 / s)^2. So its rows are made orthonormal;
    but not the many of a large Gram matrix, whose own accuracy is no better.
    """
    assert space.right is not None
    r, sigma = plan.rank, space.sigma[: plan.rank]
    weights = space.right[:, :r].astype(jnp.float64) * _inverse(sigma, keep)[None]
    both = jnp.concatenate([_rows(weights, plan, (0, 1)), _rows(weights, plan, (1, 0))])
    images = [both @ piece for piece in x]
    encoder, decoder = [image[:r] for image in images], [image[r:] for image in images]
    inverse = jnp.eye(r)
    if space.products is None or r <= SMALL:
        encoder, inverse = orthonormal(encoder, keep)
    if space.products is None:
        states = _states(encoder, x)
    else:
        states = inverse @ (weights.T @ space.products)
    return Factors(encoder, decoder, states, weights, sigma)


def _from_left(
    x: list[Float[Array, "n _"]], space: Subspace, plan: Plan, keep: Bool[Array, " r"]
) -> Factors:
    """Factors where U is known. V follows from what it sees, unless it is known too."""
    assert space.left is not None
    r, sigma = plan.rank, space.sigma[: plan.rank]
    edges = np.cumsum([piece.shape[1] for piece in x])[:-1]
    left = (space.left[:, :r] * keep[None]).astype(plan.work)
    encoder = [part.T for part in jnp.split(left, edges)]
    states = _states(encoder, x)
    if plan.solver == "randomized":  # of a subspace that is nearly the leading one: turned into it
        if plan.work == jnp.float64:
            turn, sigma, _ = svd(states[:, :-1])
        else:
            turn, sigma = roots(states[:, :-1] @ states[:, :-1].T)
        turn = turn * keep[None]
        encoder = [turn.T.astype(plan.work) @ code for code in encoder]
        states = turn.T @ states
    inverse = _inverse(sigma, keep)
    if space.right is None or plan.solver == "randomized":
        (rows,), _ = orthonormal([states[:, :-1] * inverse[:, None]], keep)
        weights = rows.T * inverse[None]
    else:
        weights = space.right[:, :r].astype(jnp.float64) * inverse[None]
    decoder = [_rows(weights, plan, (1, 0)) @ piece for piece in x]
    return Factors(encoder, decoder, states, weights, sigma)


def _inverse(sigma: Float[Array, " r"], keep: Bool[Array, " r"]) -> Float[Array, " r"]:
    return jnp.where(keep, 1 / jnp.where(keep, sigma, 1), 0)


def _rows(
    coefficients: Float[Array, "pairs r"], plan: Plan, pad: tuple[int, int]
) -> Float[Array, "r n"]:
    """Rows that combine all n snapshots: as F does with a zero at the end, as F' at the start."""
    return jnp.pad(coefficients.astype(plan.work).T, ((0, 0), pad))


def _states(
    encoder: list[Float[Array, "r _"]], x: list[Float[Array, "n _"]]
) -> Float[Array, "r n"]:
    found = total(code @ piece.T for code, piece in zip(encoder, x, strict=True))
    return found.astype(jnp.float64)


def _clip(
    matrix: Float[Array, "r r"], max_modulus: Scalar
) -> tuple[Float[Array, "r r"], Int[Array, ""]]:
    """D with the eigenvectors of A, such that A D has A's eigenvalues pulled onto the disc."""
    eigs, vectors = eig(matrix)
    modulus = jnp.abs(eigs)
    outside = modulus > max_modulus
    gain = jnp.where(outside, max_modulus / jnp.where(outside, modulus, 1), 1)
    change = solve(vectors.T, (vectors * (gain - 1)[None]).T).T.real
    identity = jnp.eye(len(matrix))
    count = jnp.sum(outside, dtype=jnp.int32)
    return jnp.where(count > 0, identity + change, identity), count


def _hold(pieces: Pieces, constant: Bool[Array, ""], plan: Plan) -> Reduced:
    """Gives a block that never moved back to the bit: K = x x* / |x|^2, started at x."""
    last = [piece[-1].astype(plan.dtype) for piece in pieces]
    norm2 = total(jnp.sum(x.astype(jnp.float64) ** 2) for x in last)
    first = (jnp.arange(plan.rank) == 0).astype(jnp.float64)
    once, row = jnp.diag(first), first[:, None].astype(plan.dtype)
    return Reduced(
        encoder=tuple(row * (x / norm2).astype(plan.dtype)[None] for x in last),
        decoder=tuple(row * x[None] for x in last),
        squares=_squares(once),
        fitted=once,
        errors=jnp.zeros_like(once),
        sigma=first * np.sqrt(pieces[0].shape[0] - 1),  # of the encoded snapshots, all 1
        dropped=jnp.zeros(()),
        rest=jnp.zeros(()),
        start=first,
        last=tuple(last),
        rank=jnp.ones((), jnp.int32),
        clipped=jnp.zeros((), jnp.int32),
        constant=constant,
    )


def is_constant(pieces: Pieces) -> Bool[Array, " blocks"]:
    """Whether every snapshot equals the last one; pieces are (time, blocks, width)."""

    def same(times: slice) -> Bool[Array, " blocks"]:
        each = [jnp.all(piece[times] == piece[-1:], axis=(0, 2)) for piece in pieces]
        return jnp.all(jnp.stack(each), axis=0)

    # The ends differ almost always: the pass over everything is rarely needed.
    ends = same(slice(0, 1))
    return jax.lax.cond(jnp.any(ends), lambda: same(slice(None)), lambda: ends)


def truncate(fit: Reduced, rcond: float) -> Reduced:
    """The operators that a higher cutoff gives, from the same singular subspaces.

    Singular vectors do not depend on the cutoff: factors lose rows, A its last rows and columns.
    Not for clipped eigenvalues, whose eigenvectors do depend on it.
    """
    keep = fit.sigma > rcond * fit.sigma[:, :1]
    most = max(int(keep.sum(axis=1).max()), 1)
    keep = keep[:, :most]
    both = keep[:, :, None] & keep[:, None]
    gone = jnp.where(fit.sigma > rcond * fit.sigma[:, :1], 0, fit.sigma)
    dropped = jnp.maximum(jnp.max(gone, axis=1), fit.dropped)
    return dataclasses.replace(
        fit,
        encoder=tuple(jnp.where(keep[..., None], x[:, :most], 0) for x in fit.encoder),
        decoder=tuple(jnp.where(keep[..., None], x[:, :most], 0) for x in fit.decoder),
        squares=jax.vmap(_squares)(jnp.where(both, fit.fitted[:, :most, :most], 0)),
        fitted=jnp.where(both, fit.fitted[:, :most, :most], 0),
        errors=jnp.where(both, fit.errors[:, :most, :most], 0),
        sigma=jnp.where(keep, fit.sigma[:, :most], 0),
        dropped=dropped,
        rest=jnp.sqrt(fit.rest**2 + jnp.sum(gone**2, axis=1)),
        start=jnp.where(keep, fit.start[:, :most], 0),
        rank=jnp.sum(keep, axis=1, dtype=jnp.int32),
    )


def _squares(matrix: Float[Array, "r r"]) -> Float[Array, "squares r r"]:
    """A, A^2, A^4, ...: kept where they are small, so that a prediction need not form them."""
    count = SQUARES if len(matrix) <= SQUARED_RANK else 1
    return jax.lax.scan(lambda p, _: (p @ p, p), matrix, length=count)[1]


def powers(
    squares: Float[Array, "squares r r"], start: Float[Array, " r"], exponents: Int[Array, " steps"]
) -> Float[Array, "r steps"]:
    """A^e z for many e at once, by repeated squaring: right for a defective A too."""
    out = jnp.broadcast_to(start[:, None], (len(start), len(exponents)))

    def apply(i: Array, out: Array) -> Array:
        bit = (exponents >> i) & 1 == 1
        return jax.lax.cond(
            jnp.any(bit), lambda: jnp.where(bit[None], squares[i] @ out, out), lambda: out
        )

    def body(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        left, power, out = carry
        power = power @ power
        return left >> 1, power, jnp.where((left & 1 == 1)[None], power @ out, out)

    out = jax.lax.fori_loop(0, len(squares), apply, out)
    carry = (exponents >> len(squares), squares[-1], out)
    return jax.lax.while_loop(lambda c: jnp.any(c[0] > 0), body, carry)[2]
