"""Singular subspaces of blocks of snapshots, by four routes, and what follows from them."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from koopnb.partition import Pieces

SOLVERS = ("auto", "gram", "svd", "randomized")
OVERSAMPLE = 8
POWER_STEPS = 2


def _one_by_one(decomposition: Callable[[Array], tuple[Array, ...]]) -> Callable[..., Any]:
    """A dense decomposition whose large batches run matrix after matrix.

    XLA hands a batch to several threads, each of which calls a LAPACK with threads of its own:
    on a busy machine they wait for each other for minutes.
    """
    in_turn = jax.custom_batching.sequential_vmap(decomposition)

    def run(x: Float[Array, "a b"]) -> tuple[Array, ...]:
        return (in_turn if min(x.shape) > 64 else decomposition)(x)

    return run


eigh = _one_by_one(lambda x: tuple(jnp.linalg.eigh(x)))
eig = _one_by_one(lambda x: tuple(jnp.linalg.eig(x)))
svd = _one_by_one(lambda x: tuple(jnp.linalg.svd(x, full_matrices=False))[:2])


class Plan(NamedTuple):
    """What is static in the fit of one group of blocks.

    ``rank`` is the size of every reduced matrix; a block's own rank may be smaller.
    """

    solver: str
    dtype: Any
    rank: int


class Subspace(eqx.Module):
    """Leading singular triplets of F, one block: either side's vectors suffice.

    ``time`` vectors are V (n - 1, k), ``weight`` vectors are U (m, k).
    """

    side: str = eqx.field(static=True)
    vectors: Float[Array, "size k"]
    sigma: Float[Array, " k"]


class Reduced(eqx.Module):
    """Operators K = decoder^T encoder of one group of blocks, on their own range.

    With F = U S V* cut at the rank: encoder U*, decoder (F' V S^-1)^T, ``matrix``
    A = U* F' V S^-1 (the r × r compression of K), ``start`` U* x for the last snapshot x,
    ``errors`` E E* with E = U* F' - A U* F. Rows beyond a block's ``rank`` are zero.
    """

    encoder: tuple[Float[Array, "blocks r width"], ...]
    decoder: tuple[Float[Array, "blocks r width"], ...]
    matrix: Float[Array, "blocks r r"]
    start: Float[Array, "blocks r"]
    last: tuple[Float[Array, "blocks width"], ...]
    sigma: Float[Array, "blocks r"]
    errors: Float[Array, "blocks r r"]
    rank: Int[Array, " blocks"]
    constant: Bool[Array, " blocks"]
    clipped: Int[Array, " blocks"]


def gram_floor(m: int, n: int) -> float:
    """Relative singular value below which a Gram matrix in float64 holds only round-off."""
    return float(np.sqrt(max(m, n) * np.finfo(np.float64).eps))


def default_rcond(m: int, n: int, rank: int | None, dtype: Any) -> float:
    """The cutoff where none is given: JAX's for a pseudoinverse, 10 max(m, n) eps.

    A rank already bounds what is kept; then only round-off is cut, 10 sqrt(max(m, n)) eps.
    """
    size = max(m, n) if rank is None else float(np.sqrt(max(m, n)))
    return 10 * size * float(jnp.finfo(dtype).eps)


def choose(m: int, n: int, rank: int | None, rcond: float) -> str:
    """The solver that ``solver="auto"`` takes for blocks of m weights and n pairs."""
    least = min(m, n)
    if rank is not None and 4 * (rank + OVERSAMPLE) <= least and m * n >= 2_000_000:
        return "randomized"
    return "gram" if rcond >= 10 * gram_floor(m, n) else "svd"


def decompose(pieces: Pieces, plan: Plan) -> Subspace:
    """Singular values and one side's vectors of F (m, n - 1) for one block, largest first.

    Args:
        pieces: the block's snapshots, (n, width) each, side by side.
        plan: its solver and dtype, and for ``randomized`` its rank.
    """
    n, m = pieces[0].shape[0] - 1, sum(piece.shape[1] for piece in pieces)
    if plan.solver == "svd":
        v, sigma = svd(_joined(pieces, plan.dtype)[:-1])
        return Subspace("time", v, sigma.astype(jnp.float64))
    if plan.solver == "randomized":
        return _randomized(pieces, plan)
    # The Gram matrix on the smaller side. Squaring halves the digits, so float64 throughout.
    if m < n:
        x = _joined(pieces, jnp.float64)[:-1]
        values, vectors = eigh(x.T @ x)
    else:
        values, vectors = eigh(_gram([piece[:-1] for piece in pieces]))
    sigma = jnp.sqrt(jnp.maximum(values[::-1], 0))
    return Subspace("weight" if m < n else "time", vectors[:, ::-1], sigma)


def _joined(pieces: Pieces, dtype: Any) -> Float[Array, "n m"]:
    return jnp.concatenate([piece.astype(dtype) for piece in pieces], axis=-1)


def _gram(pieces: Sequence[Float[Array, "n _"]]) -> Float[Array, "n n"]:
    total: Any = 0
    for piece in pieces:
        wide = piece.astype(jnp.float64)
        total = total + wide @ wide.T
    return total


def _randomized(pieces: Pieces, plan: Plan) -> Subspace:
    """Randomized range finder with power steps (Halko, Martinsson, Tropp 2011, alg. 4.4).

    The test matrix has a fixed key: the same snapshots give the same operator.
    """
    x = [piece.astype(plan.dtype) for piece in pieces]
    n = x[0].shape[0]
    width = min(plan.rank + OVERSAMPLE, n - 1, sum(piece.shape[1] for piece in x))
    test = jax.random.normal(jax.random.key(0), (width, n), plan.dtype).at[:, -1].set(0)
    for _ in range(POWER_STEPS):
        sketch = sum(piece @ (test @ piece).T for piece in x)  # (n, width)
        q, _ = jnp.linalg.qr(sketch[:-1])
        test = jnp.pad(q.T, ((0, 0), (0, 1)))
    image = jnp.concatenate([test @ piece for piece in x], axis=1)
    left, sigma = svd(image)
    return Subspace("time", test[:, :-1].T @ left, sigma.astype(jnp.float64))


def reduce(
    pieces: Pieces,
    subspace: Subspace,
    plan: Plan,
    rcond: Float[Array, ""],
    max_modulus: Float[Array, ""] | None,
    constant: Bool[Array, ""],
) -> Reduced:
    """The operator of one block from its singular subspace."""
    x = [piece.astype(plan.dtype) for piece in pieces]
    r = plan.rank
    sigma, vectors = subspace.sigma[:r], subspace.vectors[:, :r].astype(jnp.float64)
    keep = sigma > rcond * subspace.sigma[0]
    inverse = jnp.where(keep, 1 / jnp.where(keep, sigma, 1), 0)
    if subspace.side == "time":
        coefficients = vectors * inverse  # V S^-1
        both = _shifted(coefficients, plan.dtype)
        images = [both @ piece for piece in x]  # one pass for both
        encoder, decoder = [i[:r] for i in images], [i[r:] for i in images]
        states = sum(piece @ code.T for piece, code in zip(x, encoder, strict=True))
    else:
        edges = np.cumsum([piece.shape[1] for piece in x])[:-1]
        encoder = [part.T for part in jnp.split((vectors * keep).astype(plan.dtype), edges)]
        states = sum(piece @ code.T for piece, code in zip(x, encoder, strict=True))
        both = _shifted(states[:-1].astype(jnp.float64) * inverse**2, plan.dtype)
        decoder = [both[r:] @ piece for piece in x]
    # From the rounded factors, so that matrix is the compression of decoder^T encoder itself.
    matrix = sum(
        code.astype(jnp.float64) @ image.astype(jnp.float64).T
        for code, image in zip(encoder, decoder, strict=True)
    )
    start = sum(
        code.astype(jnp.float64) @ piece[-1].astype(jnp.float64)
        for code, piece in zip(encoder, x, strict=True)
    )
    clipped = jnp.zeros((), jnp.int32)
    if max_modulus is not None:
        factor, clipped = _clip(matrix, max_modulus)
        matrix = matrix @ factor
        decoder = [factor.T.astype(plan.dtype) @ image for image in decoder]
    wide = states.astype(jnp.float64).T
    errors = wide[:, 1:] - matrix @ wide[:, :-1]
    return _hold_constant(
        Reduced(
            encoder=tuple(encoder),
            decoder=tuple(decoder),
            matrix=matrix,
            start=start,
            last=tuple(piece[-1] for piece in x),
            sigma=sigma * keep,
            errors=errors @ errors.T,
            rank=jnp.sum(keep, dtype=jnp.int32),
            constant=constant,
            clipped=clipped,
        )
    )


def _shifted(coefficients: Float[Array, "pairs r"], dtype: Any) -> Float[Array, "2*r n"]:
    """Rows that combine all n snapshots: the first r as F does, the last r as F' does."""
    rows = coefficients.astype(dtype).T
    return jnp.concatenate([jnp.pad(rows, ((0, 0), (0, 1))), jnp.pad(rows, ((0, 0), (1, 0)))])


def _clip(
    matrix: Float[Array, "r r"], max_modulus: Float[Array, ""]
) -> tuple[Float[Array, "r r"], Int[Array, ""]]:
    """D with the eigenvectors of A, such that A D has A's eigenvalues pulled onto the disc."""
    eigs, vectors = eig(matrix)
    modulus = jnp.abs(eigs)
    outside = modulus > max_modulus
    gain = jnp.where(outside, max_modulus / jnp.where(outside, modulus, 1), 1)
    change = jnp.linalg.solve(vectors.T, (vectors * (gain - 1)).T).T.real
    identity = jnp.eye(len(matrix))
    count = jnp.sum(outside, dtype=jnp.int32)
    return jnp.where(count > 0, identity + change, identity), count


def _hold_constant(fit: Reduced) -> Reduced:
    """Gives a block that never moved exactly back: K = x x* / |x|^2, started at x."""
    first = jnp.arange(len(fit.start)) == 0
    norm2 = sum(jnp.sum(x.astype(jnp.float64) ** 2) for x in fit.last)
    moved = fit.constant & (norm2 > 0)
    safe = jnp.where(norm2 > 0, norm2, 1)

    def hold(old: Array, new: Array) -> Array:
        return jnp.where(moved, new.astype(old.dtype), old)

    return Reduced(
        encoder=tuple(
            hold(code, first[:, None] * (x.astype(jnp.float64) / safe))
            for code, x in zip(fit.encoder, fit.last, strict=True)
        ),
        decoder=tuple(
            hold(image, first[:, None] * x) for image, x in zip(fit.decoder, fit.last, strict=True)
        ),
        matrix=hold(fit.matrix, jnp.diag(first)),
        start=hold(fit.start, first),
        last=fit.last,
        sigma=fit.sigma,
        errors=hold(fit.errors, jnp.zeros_like(fit.errors)),
        rank=hold(fit.rank, jnp.ones_like(fit.rank)),
        constant=fit.constant,
        clipped=hold(fit.clipped, jnp.zeros_like(fit.clipped)),
    )


def is_constant(pieces: Pieces) -> Bool[Array, " blocks"]:
    """Whether every snapshot (time, blocks, width) equals the last one, block by block."""

    def same(every: slice) -> Bool[Array, " blocks"]:
        return jnp.all(
            jnp.stack([jnp.all(piece[every] == piece[-1], axis=(0, 2)) for piece in pieces]), axis=0
        )

    # The ends differ almost always: the pass over everything is rarely needed.
    ends = same(slice(0, 1))
    return jax.lax.cond(jnp.any(ends), lambda: same(slice(None)), lambda: ends)


def powers(
    matrix: Float[Array, "r r"], start: Float[Array, " r"], exponents: Int[Array, " steps"]
) -> Float[Array, "r steps"]:
    """A^e z for many e at once, by repeated squaring: exact for defective A too."""

    def body(
        carry: tuple[Array, Array, Array],
    ) -> tuple[Array, Array, Array]:
        left, power, out = carry
        out = jnp.where(left & 1 == 1, power @ out, out)
        left = left >> 1
        power = jax.lax.cond(jnp.any(left > 0), lambda p: p @ p, lambda p: p, power)
        return left, power, out

    out = jnp.broadcast_to(start[:, None], (len(start), len(exponents)))
    return jax.lax.while_loop(lambda c: jnp.any(c[0] > 0), body, (exponents, matrix, out))[2]
