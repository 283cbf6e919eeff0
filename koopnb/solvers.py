r"""Singular subspaces of blocks of snapshots by several routes, and the operators they give.

Everything here is pure and compiled: no choice depends on values. One block's snapshots come in
pieces of shape (n, width), F holds the first n - 1 of them as columns, F' the last n - 1.
"""

import functools
import operator
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from koopnb.partition import Pieces

SOLVERS = ("auto", "gram", "svd", "randomized")
OVERSAMPLE = 8
KRYLOV_STEPS = 4
SQUARES, SQUARED_RANK = 12, 64


def _in_turn(decomposition: Callable[[Array], tuple[Array, ...]]) -> Callable[..., Any]:
    """A dense decomposition whose large batches run matrix after matrix.

    XLA hands a batch to several threads, each of which calls a LAPACK with threads of its own:
    on a busy machine they wait for each other for minutes.
    """
    sequential = jax.custom_batching.sequential_vmap(decomposition)

    def run(x: Float[Array, "a b"]) -> tuple[Array, ...]:
        return (sequential if min(x.shape) > 64 else decomposition)(x)

    return run


eigh = _in_turn(lambda x: tuple(jnp.linalg.eigh(x)))
eig = _in_turn(lambda x: tuple(jnp.linalg.eig(x)))
svd = _in_turn(lambda x: tuple(jnp.linalg.svd(x, full_matrices=False))[:2])
orthonormal = _in_turn(lambda x: (jnp.linalg.qr(x)[0],))


def total(terms: Iterable[Array]) -> Array:
    """The sum over the pieces of a block."""
    return functools.reduce(operator.add, terms)


class Plan(NamedTuple):
    """What is static in the fit of one group of blocks.

    ``rank`` is the size of every reduced matrix; a block's own rank may be smaller.
    """

    solver: str
    dtype: Any
    rank: int


class Subspace(eqx.Module):
    """Leading singular triplets of F, one block: either side's vectors suffice.

    On the side ``time`` they are V (n - 1, k), on the side ``weight`` U (m, k).
    """

    side: str = eqx.field(static=True)
    vectors: Float[Array, "size k"]
    sigma: Float[Array, " k"]


class Reduced(eqx.Module):
    r"""Operators K = decoder^T encoder of one group of blocks, on their own range.

    With F = U S V* cut at the rank r: encoder U*, decoder (F' V S^-1)^T, ``fitted`` the
    compression U* F' V S^-1 of K, ``matrix`` A the same with its eigenvalues clipped
    (``clipped`` of them), ``squares`` A, A^2, A^4 and so on, ``start`` U* x for the last
    snapshot x, ``errors`` E E* with E = U* F' - fitted U* F. Rows beyond a block's own ``rank``
    are zero.
    """

    encoder: tuple[Float[Array, "blocks r _"], ...]
    decoder: tuple[Float[Array, "blocks r _"], ...]
    squares: Float[Array, "blocks squares r r"]
    fitted: Float[Array, "blocks r r"]
    errors: Float[Array, "blocks r r"]
    sigma: Float[Array, "blocks r"]
    start: Float[Array, "blocks r"]
    last: tuple[Float[Array, "blocks _"], ...]
    rank: Int[Array, " blocks"]
    clipped: Int[Array, " blocks"]
    constant: Bool[Array, " blocks"]

    @property
    def matrix(self) -> Float[Array, "blocks r r"]:
        return self.squares[..., 0, :, :]


def floor(solver: str, m: int, n: int, dtype: Any) -> float:
    """Relative singular value below which a solver returns round-off.

    A Gram matrix, held in float64, squares singular values: sqrt(max(m, n) eps64). The others
    are as good as their dtype: sqrt(max(m, n)) eps.
    """
    if solver == "gram":
        return float(np.sqrt(max(m, n) * np.finfo(np.float64).eps))
    return float(np.sqrt(max(m, n)) * jnp.finfo(dtype).eps)


def default_rcond(m: int, n: int, rank: int | None, dtype: Any) -> float:
    """The cutoff where none is given: JAX's for a pseudoinverse, 10 max(m, n) eps.

    A rank asked for already bounds what is kept; then only round-off is cut: the same with the
    square root of max(m, n).
    """
    size = max(m, n) if rank is None else float(np.sqrt(max(m, n)))
    return 10 * size * float(jnp.finfo(dtype).eps)


def choose(m: int, n: int, rank: int | None, rcond: float) -> str:
    """The solver that ``solver="auto"`` takes for blocks of m weights and n pairs.

    ``randomized`` where a rank well below both is asked for, ``gram`` where the cutoff is well
    above what squaring spoils, else ``svd``.
    """
    if rank is not None and 8 * (rank + OVERSAMPLE) <= min(m, n):
        return "randomized"
    return "gram" if rcond >= 10 * floor("gram", m, n, None) else "svd"


def decompose(pieces: Pieces, plan: Plan) -> Subspace:
    """Singular values, largest first, and one side's vectors of F for one block.

    ===========  ===========================================  ========================
    solver       time                                         memory beyond snapshots
    ===========  ===========================================  ========================
    gram         O(m n min(m, n))                             O(min(m, n)^2)
    svd          the same, with a constant ten times larger   O(m n)
    randomized   O(m n r)                                     O((m + n) r)
    ===========  ===========================================  ========================
    """
    n, m = pieces[0].shape[0] - 1, sum(piece.shape[1] for piece in pieces)
    if plan.solver == "svd":
        v, sigma = svd(_joined(pieces, plan.dtype)[:-1])
        return Subspace("time", v, sigma.astype(jnp.float64))
    if plan.solver == "randomized":
        return _randomized(pieces, plan)
    if m < n:
        x = _joined(pieces, jnp.float64)[:-1]
        vectors, sigma = _roots(x.T @ x)
        return Subspace("weight", vectors, sigma)
    vectors, sigma = _roots(total(_gram(piece) for piece in pieces)[:-1, :-1])
    return Subspace("time", vectors, sigma)


def _joined(pieces: Pieces, dtype: Any) -> Float[Array, "n m"]:
    return jnp.concatenate([piece.astype(dtype) for piece in pieces], axis=-1)


def _gram(x: Float[Array, "n w"]) -> Float[Array, "n n"]:
    """x x* in float64, of a slab of columns at a time: no float64 copy of x is made."""
    n, width = x.shape
    slab = max(4096, 2**21 // n)
    count = width // slab

    def add(i: Array, total: Array) -> Array:
        part = jax.lax.dynamic_slice(x, (0, i * slab), (n, slab)).astype(jnp.float64)
        return total + part @ part.T

    rest = x[:, count * slab :].astype(jnp.float64)
    total = rest @ rest.T
    return jax.lax.fori_loop(0, count, add, total) if count else total


def _roots(gram: Float[Array, "k k"]) -> tuple[Float[Array, "k k"], Float[Array, " k"]]:
    values, vectors = eigh(gram)
    return vectors[:, ::-1], jnp.sqrt(jnp.maximum(values[::-1], 0))


def _randomized(pieces: Pieces, plan: Plan) -> Subspace:
    """Randomized block Krylov iteration (Musco and Musco 2015, alg. 2).

    Subspace iteration alone needs many more passes where singular values decay slowly, as those
    of noisy training do. The test matrix has a fixed key: the same snapshots, the same operator.
    """
    x = [piece.astype(plan.dtype) for piece in pieces]
    n, m = x[0].shape[0], sum(piece.shape[1] for piece in x)
    width = min(plan.rank + OVERSAMPLE, n - 1, m)
    steps = min(KRYLOV_STEPS, min(n - 1, m) // width)
    test = jax.random.normal(jax.random.key(0), (width, n), plan.dtype).at[:, -1].set(0)
    krylov = []
    for _ in range(steps):
        sketch = total(piece @ (test @ piece).T for piece in x)[:-1]
        krylov.append(orthonormal(sketch)[0])
        test = jnp.pad(krylov[-1].T, ((0, 0), (0, 1)))
    (basis,) = orthonormal(jnp.concatenate(krylov, axis=1))
    rows = jnp.pad(basis.T, ((0, 0), (0, 1)))
    image = jnp.concatenate([rows @ piece for piece in x], axis=1)
    if plan.dtype == jnp.float64:
        left, sigma = svd(image)
    else:  # exact enough in float64, and several times faster
        left, sigma = _roots(_gram(image))
    return Subspace("time", basis @ left, sigma.astype(jnp.float64))


def reduce(
    pieces: Pieces,
    subspace: Subspace,
    plan: Plan,
    rcond: Float[Array, ""] | float,
    max_modulus: Float[Array, ""] | float | None,
    constant: Bool[Array, ""],
) -> Reduced:
    """The operator of one block from its singular subspace: O(m n r)."""
    x = [piece.astype(plan.dtype) for piece in pieces]
    r = plan.rank
    sigma, vectors = subspace.sigma[:r], subspace.vectors[:, :r].astype(jnp.float64)
    keep = sigma > rcond * subspace.sigma[0]
    inverse = jnp.where(keep, 1 / jnp.where(keep, sigma, 1), 0)
    if subspace.side == "time":
        both = _shifted(vectors * inverse, plan.dtype)
        images = [both @ piece for piece in x]
        encoder, decoder = [image[:r] for image in images], [image[r:] for image in images]
        states = total(piece @ code.T for piece, code in zip(x, encoder, strict=True))
    else:
        edges = np.cumsum([piece.shape[1] for piece in x])[:-1]
        encoder = [part.T for part in jnp.split((vectors * keep).astype(plan.dtype), edges)]
        states = total(piece @ code.T for piece, code in zip(x, encoder, strict=True))
        both = _shifted(states[:-1].astype(jnp.float64) * inverse**2, plan.dtype)
        decoder = [both[r:] @ piece for piece in x]
    # From the rounded factors, so that this is the compression of decoder^T encoder itself.
    fitted = total(
        code.astype(jnp.float64) @ image.astype(jnp.float64).T
        for code, image in zip(encoder, decoder, strict=True)
    )
    start = total(
        code.astype(jnp.float64) @ piece[-1].astype(jnp.float64)
        for code, piece in zip(encoder, x, strict=True)
    )
    wide = states.astype(jnp.float64).T
    errors = wide[:, 1:] - fitted @ wide[:, :-1]
    matrix, clipped = fitted, jnp.zeros((), jnp.int32)
    if max_modulus is not None:
        factor, clipped = _clip(fitted, max_modulus)
        matrix = fitted @ factor
        decoder = [factor.T.astype(plan.dtype) @ image for image in decoder]
    fit = Reduced(
        encoder=tuple(encoder),
        decoder=tuple(decoder),
        squares=_squares(matrix),
        fitted=fitted,
        errors=errors @ errors.T,
        sigma=sigma * keep,
        start=start,
        last=tuple(piece[-1] for piece in x),
        rank=jnp.sum(keep, dtype=jnp.int32),
        clipped=clipped,
        constant=constant,
    )
    return _hold_constant(fit, n=pieces[0].shape[0])


def _shifted(coefficients: Float[Array, "pairs r"], dtype: Any) -> Float[Array, "2*r n"]:
    """Rows that combine all n snapshots: the first r as F does, the last r as F' does."""
    rows = coefficients.astype(dtype).T
    return jnp.concatenate([jnp.pad(rows, ((0, 0), (0, 1))), jnp.pad(rows, ((0, 0), (1, 0)))])


def _clip(
    matrix: Float[Array, "r r"], max_modulus: Float[Array, ""] | float
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


def _hold_constant(fit: Reduced, n: int) -> Reduced:
    """Gives a block that never moved back to the bit: K = x x* / |x|^2, started at x."""
    first = (jnp.arange(len(fit.start)) == 0).astype(jnp.float64)
    last = [x.astype(jnp.float64) for x in fit.last]
    norm2 = total(jnp.sum(x**2) for x in last)
    held = fit.constant & (norm2 > 0)
    safe = jnp.where(norm2 > 0, norm2, 1)
    once = jnp.diag(first)
    exact = dict(
        encoder=tuple(first[:, None] * (x / safe)[None] for x in last),
        decoder=tuple(first[:, None] * x[None] for x in last),
        squares=jnp.broadcast_to(once, fit.squares.shape),
        fitted=once,
        errors=jnp.zeros_like(once),
        sigma=first * np.sqrt(n - 1),  # of the encoded snapshots, all 1
        start=first,
        last=fit.last,
        rank=jnp.ones_like(fit.rank),
        clipped=jnp.zeros_like(fit.clipped),
        constant=fit.constant,
    )
    return jax.tree.map(
        lambda old, new: jnp.where(held, new.astype(old.dtype), old), fit, Reduced(**exact)
    )


def is_constant(pieces: Pieces) -> Bool[Array, " blocks"]:
    """Whether every snapshot equals the last one; pieces are (time, blocks, width)."""

    def same(times: slice) -> Bool[Array, " blocks"]:
        each = [jnp.all(piece[times] == piece[-1:], axis=(0, 2)) for piece in pieces]
        return jnp.all(jnp.stack(each), axis=0)

    # The ends differ almost always: the pass over everything is rarely needed.
    ends = same(slice(0, 1))
    return jax.lax.cond(jnp.any(ends), lambda: same(slice(None)), lambda: ends)


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
        return jnp.where((exponents >> i) & 1 == 1, squares[i] @ out, out)

    def body(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        left, power, out = carry
        power = power @ power
        return left >> 1, power, jnp.where(left & 1 == 1, power @ out, out)

    out = jax.lax.fori_loop(0, len(squares), apply, out)
    carry = (exponents >> len(squares), squares[-1], out)
    return jax.lax.while_loop(lambda c: jnp.any(c[0] > 0), body, carry)[2]
