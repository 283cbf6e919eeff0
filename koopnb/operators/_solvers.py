"""Singular subspaces of blocks of snapshots, by several routes.

All of it is pure and compiled: nothing but shapes decides what is done. One block's snapshots come
in pieces of shape (n, width), side by side; F holds the first n - 1 of them as columns.
"""

import functools
import operator
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from koopnb.operators.partition import Pieces

Scalar = Float[Array, ""] | float

SOLVERS = ("auto", "gram", "svd", "randomized")
OVERSAMPLE, STEPS = 4, 4  # of the Krylov spaces for a rank
PROBE, PROBE_STEPS = 24, 7  # of those for an unknown rank, which is then checked
SMALL = 128  # rows whose Gram matrix is formed in float64 at hardly any cost


def _in_turn(function: Callable[..., Any]) -> Callable[..., Any]:
    """Dense linear algebra whose batches run matrix after matrix.

    jaxlib hands the matrices of a batch to XLA's threads and waits for them on one of those. Two
    batches at once on two cores then wait for each other: for minutes, or for ever.
    """
    return jax.custom_batching.sequential_vmap(function)


def dithered(x: Float[Array, "n m"]) -> Float[Array, "n m"]:
    """The matrix with signs of the size of its rounding error, always the same ones.

    Where rows or columns repeat exactly, so does the rounding error of an orthogonal
    factorisation, step after step, until it is less than any normal number. XLA takes such
    numbers for zero, LAPACK then divides by them, and everything is lost. Signs of eps times the
    root mean square of the matrix have a norm of at most 2 eps s_1, below ``floor``.
    """
    row, column = (jax.lax.broadcasted_iota(jnp.uint32, x.shape, axis) for axis in (0, 1))
    mixed = row * np.uint32(0x9E3779B1) ^ column * np.uint32(0x85EBCA77)
    mixed = (mixed ^ mixed >> np.uint32(15)) * np.uint32(0x2C1B3C6D)
    top = jnp.max(jnp.abs(x))
    size = top * jnp.sqrt(jnp.mean((x / jnp.where(top > 0, top, 1)) ** 2)) * jnp.finfo(x.dtype).eps
    return x + jnp.where(mixed >> np.uint32(31) == 1, size, -size)


eigh = _in_turn(lambda x: tuple(jnp.linalg.eigh(x)))
eig = _in_turn(lambda x: tuple(jnp.linalg.eig(x)))
svd = _in_turn(lambda x: tuple(jnp.linalg.svd(dithered(x), full_matrices=False)))
triangle = _in_turn(lambda x: jnp.linalg.qr(dithered(x), mode="r"))
singular_values = _in_turn(lambda x: jnp.linalg.svd(x, compute_uv=False))
inv = _in_turn(jnp.linalg.inv)
solve = _in_turn(jnp.linalg.solve)
cholesky = _in_turn(jnp.linalg.cholesky)


def total(terms: Iterable[Array]) -> Array:
    """The sum over the pieces of a block."""
    return functools.reduce(operator.add, terms)


class Plan(NamedTuple):
    """What is static in the fit of one group of blocks.

    ``rank`` is the size of every reduced matrix; a block's own rank may be smaller. Factors are
    kept in ``dtype``; products with the snapshots are formed in ``work``. ``probe`` says that the
    Gram solver may stop at the leading singular values, where those are all.
    """

    solver: str
    dtype: Any
    rank: int
    work: Any
    probe: bool = False


class Subspace(eqx.Module):
    """Leading singular triplets of F = U S V*, one block.

    ``right`` is V (n - 1, k), ``left`` the first columns of U (m, l); a route gives either or
    both. ``products`` is F* [x_1 ... x_n] in float64, where the solver went by way of it.
    """

    sigma: Float[Array, "*blocks k"]
    right: Float[Array, "*blocks pairs k"] | None = None
    left: Float[Array, "*blocks m l"] | None = None
    products: Float[Array, "*blocks pairs n"] | None = None


def floor(solver: str, m: int, n: int, work: Any) -> float:
    """Relative singular value below which a solver returns round-off.

    A Gram matrix, held in float64, squares singular values: sqrt(max(m, n) eps64). The others
    are as good as the precision that they work in: sqrt(max(m, n)) eps, at least 3 eps.
    """
    if solver == "gram":
        return float(np.sqrt(max(m, n) * np.finfo(np.float64).eps))
    return float(np.sqrt(max(m, n, 9)) * jnp.finfo(work).eps)


def resolved(solver: str, m: int, n: int, work: Any) -> float:
    """Relative singular value from which on a solver's directions are good to three digits.

    Directions have relative errors of about eps / s in the precision worked in, and of
    sqrt(max(m, n)) eps64 / s^2 where they come from a Gram matrix; s is their singular value
    over the largest.
    """
    plain = 1e3 * float(jnp.finfo(work).eps)
    if solver != "gram":
        return plain
    return max(plain, float(np.sqrt(1e3 * np.sqrt(max(m, n)) * np.finfo(np.float64).eps)))


def default_rcond(m: int, n: int, dtype: Any) -> float:
    """The cutoff where neither it nor a rank is given: JAX's for a pseudoinverse."""
    return 10 * max(m, n) * float(jnp.finfo(dtype).eps)


def choose(m: int, n: int, rank: int | None, rcond: float) -> str:
    """The solver that ``solver="auto"`` begins with for blocks of m weights and n pairs.

    ``randomized`` where a rank well below both is asked for, ``gram`` where the cutoff is well
    above what squaring spoils, else ``svd``.
    """
    if rank is not None and 8 * (rank + OVERSAMPLE) <= min(m, n):
        return "randomized"
    return "gram" if rcond >= 10 * floor("gram", m, n, None) else "svd"


def may_probe(m: int, n: int) -> bool:
    """Whether leading eigenpairs of a Gram matrix are much cheaper than all of them."""
    return min(m, n) >= 4 * PROBE * PROBE_STEPS


def decompose(pieces: Pieces, plan: Plan, cut: Scalar) -> Subspace:
    """Singular values, largest first, and vectors of F for one block.

    ===========  ===========================================  ========================
    solver       time                                         memory beyond snapshots
    ===========  ===========================================  ========================
    gram         O(m n min(m, n))                             O(min(m, n)^2)
    svd          the same, with a constant ten times larger   O(m n)
    randomized   O(m n r)                                     O((m + n) r)
    ===========  ===========================================  ========================

    Any of them takes O(m n) where it works in a finer precision than that of the snapshots.
    """
    n, m = pieces[0].shape[0] - 1, sum(piece.shape[1] for piece in pieces)
    if plan.solver == "svd":
        x = _joined(pieces, plan.work)[:-1]
        if m >= 2 * n:  # F = QR has the singular values and V of R: U is formed of what is kept
            right, sigma, _ = svd(triangle(x.T).T)
            return Subspace(sigma.astype(jnp.float64), right)
        right, sigma, left = svd(x)
        return Subspace(sigma.astype(jnp.float64), right, left.T)
    if plan.solver == "randomized":
        return _randomized(pieces, plan, cut)
    if m < n:
        gram = _square(_joined(pieces, jnp.float64)[:-1], over=0)
        left, sigma = _eigenpairs(gram, plan, cut)
        return Subspace(sigma, left=left)
    products = total(_time_gram(piece) for piece in pieces)[:-1]
    right, sigma = _eigenpairs(products[:, :-1], plan, cut)
    return Subspace(sigma, right, products=products)


def _joined(pieces: Pieces, dtype: Any) -> Float[Array, "n m"]:
    return jnp.concatenate([piece.astype(dtype) for piece in pieces], axis=-1)


def _time_gram(x: Float[Array, "n w"]) -> Float[Array, "n n"]:
    """x x* in float64, of a slab of columns at a time: no float64 copy of x is made."""
    n, width = x.shape
    slab = max(4096, 2**21 // n)
    count = width // slab

    def add(i: Array, sum_: Array) -> Array:
        part = jax.lax.dynamic_slice(x, (0, i * slab), (n, slab)).astype(jnp.float64)
        return sum_ + _square(part, over=1)

    rest = _square(x[:, count * slab :].astype(jnp.float64), over=1)
    return jax.lax.fori_loop(0, count, add, rest) if count else rest


def _square(x: Float[Array, "a b"], over: int) -> Float[Array, "k k"]:
    """x* x over axis 0 or x x* over axis 1: of halves, because it is symmetric."""

    def product(left: Array, right: Array) -> Array:
        return jax.lax.dot_general(left, right, (((over,), (over,)), ((), ())))

    size = x.shape[1 - over]
    if size < 256:
        return product(x, x)
    first, second = jnp.split(x, [size // 2], axis=1 - over)
    mixed = product(second, first)
    return jnp.block([[product(first, first), mixed.T], [mixed, product(second, second)]])


def roots(gram: Float[Array, "k k"]) -> tuple[Float[Array, "k k"], Float[Array, " k"]]:
    """Left singular vectors and singular values of X, largest first, from X X*."""
    values, vectors = eigh(gram)
    return vectors[:, ::-1], jnp.sqrt(jnp.maximum(values[::-1], 0))


def _eigenpairs(
    gram: Float[Array, "k k"], plan: Plan, cut: Scalar
) -> tuple[Float[Array, "k k"], Float[Array, " k"]]:
    """Singular vectors and values of F from its Gram matrix; zeros for what is surely cut.

    Far fewer than all are kept as a rule. So leading ones come first, and are taken if the
    cutoff lies among them and those above it are exact; else everything is decomposed.
    """
    if not plan.probe:
        return roots(gram)
    basis = _krylov(lambda v: gram @ v, (len(gram), PROBE), PROBE_STEPS)
    image = gram @ basis
    turn, sigma = roots(basis.T @ image)
    vectors = basis @ turn
    keep = sigma > cut * sigma[0]
    residual = jnp.linalg.norm(image @ turn - vectors * sigma[None] ** 2, axis=0)
    defect = jnp.where(keep, residual / jnp.where(keep, sigma, 1) ** 2, 0)
    enough = (jnp.sum(keep) <= len(sigma) // 2) & (jnp.max(defect) < 1e-6)
    rest = len(gram) - len(sigma)
    leading = (jnp.pad(vectors, ((0, 0), (0, rest))), jnp.pad(sigma, (0, rest)))
    return jax.lax.cond(enough, lambda: leading, lambda: roots(gram))


def _randomized(pieces: Pieces, plan: Plan, cut: Scalar) -> Subspace:
    """Leading singular triplets from products with the snapshots alone."""
    x = [piece.astype(plan.work) for piece in pieces]
    n, m = x[0].shape[0] - 1, sum(piece.shape[1] for piece in x)
    width = min(plan.rank + OVERSAMPLE, n, m)

    def rows(v: Float[Array, "n l"]) -> Float[Array, "l n+1"]:
        return jnp.pad(v.astype(plan.work).T, ((0, 0), (0, 1)))

    def apply(v: Float[Array, "n l"]) -> Float[Array, "n l"]:
        # As an einsum: with a transpose, XLA lays the large product out the slow way.
        test = rows(v)
        return total(jnp.einsum("nm,lm->nl", piece, test @ piece) for piece in x)[:-1]

    basis = _krylov(apply, (n, width), min(STEPS, min(n, m) // width))
    combine = rows(basis)
    image = jnp.concatenate([combine @ piece for piece in x], axis=1)
    if plan.work == jnp.float64:
        turn, sigma, left = svd(image)
        return Subspace(sigma, basis @ turn, left.T)
    turn, sigma = roots(_time_gram(image))  # exact enough in float64, and several times faster
    seen = sigma > cut * sigma[0]  # below it rows are noise, and parallel
    inverse = jnp.where(seen, 1 / jnp.where(seen, sigma, 1), 0)
    nearly = (turn * inverse[None]).astype(plan.work).T[: plan.rank] @ image
    (left,), _ = orthonormal([nearly], seen[: plan.rank])
    return Subspace(sigma, basis @ turn, left.T)


def orthonormal(
    pieces: list[Float[Array, "r _"]], keep: Bool[Array, " r"]
) -> tuple[list[Float[Array, "r _"]], Float[Array, "r r"]]:
    """Nearly orthonormal rows made orthonormal, each against those before it, and how.

    Rows lie in pieces side by side and come by falling singular values s. As F v / s, those of a
    small s carry round-off of the large ones, eps s_1 / s of it. What is taken from them must not
    be given to the large ones: so Cholesky's triangle L, not a symmetric root. Returned are
    L^-1 times the rows, and L^-1; zero where a row is not kept.

    Source: Golub and Van Loan, Matrix Computations (2013), section 5.2, for the triangle's
    relation to Gram-Schmidt.
    """
    pieces = [jnp.where(keep[:, None], piece, 0) for piece in pieces]
    few = len(keep) <= SMALL
    gram = total(
        _time_gram(piece) if few else _square(piece, over=1).astype(jnp.float64) for piece in pieces
    )
    guard = 2 * len(keep) * float(jnp.finfo(jnp.float64).eps)  # rows of noise may be parallel
    gram = gram + jnp.diag(jnp.where(keep, guard, 1.0))
    inverse = 1 / jnp.sqrt(gram) if len(keep) == 1 else inv(cholesky(gram))
    return [inverse.astype(piece.dtype) @ piece for piece in pieces], inverse


def _krylov(
    apply: Callable[[Array], Array], shape: tuple[int, int], steps: int
) -> Float[Array, "n k"]:
    """Orthonormal basis of G v, ..., G^steps v: randomized block Krylov iteration.

    Powers alone, without their span, need many more products where singular values decay
    slowly, as those of noisy training do. The test matrix is always the same one: the same
    snapshots give the same operator.

    Source: Musco and Musco, NeurIPS 2015, algorithm 2.
    """
    test = jnp.asarray(np.random.default_rng(0).standard_normal(shape))
    basis = jnp.zeros((len(test), 0))
    for _ in range(steps):
        test = apply(test).astype(jnp.float64)
        for _ in range(3):
            test = test - basis @ (basis.T @ test)
            test = _more_orthonormal(test)
        basis = jnp.concatenate([basis, test], axis=1)
    return basis


def _more_orthonormal(x: Float[Array, "n l"]) -> Float[Array, "n l"]:
    """One pass of shifted Cholesky QR: three of them make ill-conditioned columns orthonormal.

    Columns that depend on others become rounding error, normalised. QR would do, but its threads
    and XLA's get in each other's way.

    Source: Fukaya et al., SIAM J. Sci. Comput. 42 (2020).
    """
    norms = jnp.linalg.norm(x, axis=0)
    x = x / jnp.where(norms > 0, norms, 1)[None]
    gram = x.T @ x
    shift = sum(x.shape) * len(gram) * jnp.finfo(x.dtype).eps  # above the rounding of gram
    return x @ inv(cholesky(gram + shift * jnp.eye(len(gram)))).T
