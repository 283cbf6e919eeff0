r"""Operators of blocks on their own range, and the powers that predictions need."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from koopnb.partition import Pieces
from koopnb.solvers import (
    SMALL,
    Plan,
    Scalar,
    Subspace,
    eig,
    orthonormal_rows,
    roots,
    solve,
    svd,
    total,
)

SQUARES, SQUARED_RANK = 12, 64


class Reduced(eqx.Module):
    r"""Operators K = decoder^T encoder of one group of blocks, on their own range.

    With F = U S V* cut at the rank r: encoder U*, decoder (F' V S^-1)^T, ``fitted`` the
    compression U* F' V S^-1 of K, ``matrix`` A the same with its eigenvalues clipped
    (``clipped`` of them), ``squares`` A, A^2, A^4 and so on, ``start`` U* x for the last
    snapshot x, ``errors`` E E* with E = U* F' - fitted U* F. Rows beyond a block's own ``rank``
    are zero.
    """

    encoder: tuple[Float[Array, "*blocks r _"], ...]
    decoder: tuple[Float[Array, "*blocks r _"], ...]
    squares: Float[Array, "*blocks squares r r"]
    fitted: Float[Array, "*blocks r r"]
    errors: Float[Array, "*blocks r r"]
    sigma: Float[Array, "*blocks r"]
    start: Float[Array, "*blocks r"]
    last: tuple[Float[Array, "*blocks _"], ...]
    rank: Int[Array, "*blocks"]
    clipped: Int[Array, "*blocks"]
    constant: Bool[Array, "*blocks"]

    @property
    def matrix(self) -> Float[Array, "*blocks r r"]:
        return self.squares[..., 0, :, :]


def reduce(
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
    r = plan.rank
    sigma = subspace.sigma[:r]
    keep = sigma > rcond * subspace.sigma[0]
    encoder, states, right, sigma = _encoded(x, subspace, plan, sigma, keep)
    weights = right * _inverse(sigma, keep)[None]
    fitted = states[:, 1:] @ weights
    errors = states[:, 1:] - fitted @ states[:, :-1]
    later = jnp.pad(weights.astype(plan.work).T, ((0, 0), (1, 0)))
    decoder = [later @ piece for piece in x]
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
        start=states[:, -1],
        last=tuple(piece[-1].astype(plan.dtype) for piece in pieces),
        rank=jnp.sum(keep, dtype=jnp.int32),
        clipped=clipped,
        constant=constant,
    )


def _inverse(sigma: Float[Array, " r"], keep: Bool[Array, " r"]) -> Float[Array, " r"]:
    return jnp.where(keep, 1 / jnp.where(keep, sigma, 1), 0)


def _encoded(
    x: list[Float[Array, "n _"]], space: Subspace, plan: Plan,
    sigma: Float[Array, " r"], keep: Bool[Array, " r"],
) -> tuple[
    list[Float[Array, "r _"]], Float[Array, "r n"], Float[Array, "pairs r"], Float[Array, " r"]
]:  # fmt: skip
    """Encoder U*, states U* [x_1 ... x_n], V and singular values of the directions kept.

    U comes from the decomposition, or is made orthonormal: as F V / s alone it would carry
    round-off of the largest singular value, which a small s, divided by once more in the
    decoder, multiplies by (s_1 / s)^2.
    """
    edges = np.cumsum([piece.shape[1] for piece in x])[:-1]
    if space.left is not None:
        left = (space.left[:, : plan.rank] * keep[None]).astype(plan.work)
        encoder = [part.T for part in jnp.split(left, edges)]
    else:
        right = _right(space, plan.rank)
        weights = right * _inverse(sigma, keep)[None]
        rows = jnp.pad(weights.astype(plan.work).T, ((0, 0), (0, 1)))
        encoder = [rows @ piece for piece in x]
        # A Gram matrix of many directions is used where none of them is small.
        if space.products is None or plan.rank <= SMALL:
            whole = orthonormal_rows(jnp.concatenate(encoder, axis=1), keep)
            encoder = jnp.split(whole, edges, axis=1)
        if space.products is not None:
            return encoder, weights.T @ space.products, right, sigma
    states = total(code @ piece.T for code, piece in zip(encoder, x, strict=True))
    states = states.astype(jnp.float64)
    if plan.solver == "randomized":  # of a subspace that is nearly the leading one: turned into it
        if plan.work == jnp.float64:
            turn, sigma, _ = svd(states[:, :-1])
        else:
            turn, sigma = roots(states[:, :-1] @ states[:, :-1].T)
        turn = turn * keep[None]
        encoder = [turn.T.astype(plan.work) @ code for code in encoder]
        states = turn.T @ states
    if space.right is None or plan.solver == "randomized":
        rows = states[:, :-1] * _inverse(sigma, keep)[:, None]
        return encoder, states, orthonormal_rows(rows, keep).T, sigma
    return encoder, states, _right(space, plan.rank), sigma


def _right(space: Subspace, rank: int) -> Float[Array, "pairs r"]:
    assert space.right is not None
    return space.right[:, :rank].astype(jnp.float64)


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
    return dataclasses.replace(
        fit,
        encoder=tuple(jnp.where(keep[..., None], x[:, :most], 0) for x in fit.encoder),
        decoder=tuple(jnp.where(keep[..., None], x[:, :most], 0) for x in fit.decoder),
        squares=jax.vmap(_squares)(jnp.where(both, fit.fitted[:, :most, :most], 0)),
        fitted=jnp.where(both, fit.fitted[:, :most, :most], 0),
        errors=jnp.where(both, fit.errors[:, :most, :most], 0),
        sigma=jnp.where(keep, fit.sigma[:, :most], 0),
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
