"""Finite-section Koopman operators of recorded weights: fit, then predict at any horizon."""

import functools
import operator
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int, PyTree

from koopnb import solvers
from koopnb.partition import Partition, make_partition
from koopnb.solvers import Plan, Reduced, Subspace


class KoopmanOperator(eqx.Module):
    r"""Operators K = F' F⁺, one a block, and the snapshot they start from.

    F holds the snapshots but the last as columns, F' those but the first, F⁺ the
    pseudoinverse cut at ``rcond`` and ``rank``. K is kept in factors, so a block of m weights
    and rank r costs O(m r) memory, and any horizon the same O(m r) time.

    Blocks are numbered as in ``partition.labels``. Where blocks differ in rank, what is listed
    per eigenvalue is padded with zeros, which are the rest of K's spectrum.
    """

    groups: tuple[Reduced, ...]
    rcond: tuple[float, ...] = eqx.field(static=True)
    plans: tuple[Plan, ...] = eqx.field(static=True)
    partition: Partition = eqx.field(static=True)
    outside: tuple[Any, ...] = eqx.field(static=True)
    treedef: Any = eqx.field(static=True)
    dtypes: tuple[Any, ...] = eqx.field(static=True)
    window: int = eqx.field(static=True)

    @property
    def solver(self) -> tuple[str, ...]:
        """The solver used for each group of blocks."""
        return tuple(plan.solver for plan in self.plans)

    @property
    def rank(self) -> Int[Array, " blocks"]:
        """Rank used for each block: at most the rank asked for, 0 for an all-zero block."""
        return jnp.concatenate([group.rank for group in self.groups])

    @property
    def eigs(self) -> Complex[Array, "blocks r"]:
        """Eigenvalues of each block's K, largest modulus first, padded with zeros."""
        return self._spectra()[0]

    @property
    def residuals(self) -> Float[Array, "blocks r"]:
        """Residual of each eigenpair, in the order of ``eigs``: see ``spectrum.residuals``."""
        return self._spectra()[1]

    @property
    def spectral_radius(self) -> Float[Array, " blocks"]:
        """Largest modulus of each block's eigenvalues."""
        return jnp.max(jnp.abs(self.eigs), axis=1, initial=0)

    def predict(self, steps: int | Int[Array, ""]) -> PyTree:
        r"""K^steps applied to the last snapshot: a pytree like one snapshot.

        At 0 steps this is the last snapshot's orthogonal projection on the range of F kept
        (K sees nothing else of it: K^s of the projection is K^s of the snapshot, s >= 1).

        Args:
            steps: horizon in recorded snapshots (in windows, where ``window`` > 1), >= 0.
        """
        return self._predict(self._check([steps])[0])

    def trajectory(self, steps: Sequence[int] | Int[Array, " steps"]) -> PyTree:
        """``predict`` at many horizons: leaves with a leading axis of length len(steps)."""
        return self._predict(self._check(steps))

    def finite(self, steps: Sequence[int] | Int[Array, " steps"]) -> Bool[Array, "steps blocks"]:
        """Whether the predictions at these horizons are finite, block by block."""
        with jax.enable_x64(True):
            groups = self.partition.split(self._arrays(self.trajectory(steps)))
            return jnp.concatenate(
                [
                    functools.reduce(operator.and_, [jnp.isfinite(p).all(-1) for p in pieces])
                    for pieces in groups
                ],
                axis=1,
            )

    def _arrays(self, tree: PyTree) -> PyTree:
        return eqx.filter(tree, eqx.is_array)

    def _check(self, steps: Any) -> Array:
        if isinstance(steps, jax.core.Tracer):
            return steps
        listed = [s if isinstance(s, jax.core.Tracer) else _horizon(s) for s in steps]
        if any(isinstance(s, jax.core.Tracer) for s in listed):
            return jnp.stack(listed)
        return np.asarray(listed, np.int64)

    def _predict(self, steps: Array) -> PyTree:
        with jax.enable_x64(True):
            leaves = _trajectory(self, steps)
        return _restore(leaves, self.outside, self.treedef)

    def _spectra(self) -> tuple[Array, Array]:
        with jax.enable_x64(True):
            return _spectra(self)


def _horizon(steps: Any) -> int:
    try:
        if isinstance(steps, bool | np.bool_):
            raise TypeError
        steps = operator.index(steps)
    except TypeError:
        raise ValueError(f"steps={steps!r}: a horizon is an integer >= 0.") from None
    if steps < 0:
        raise ValueError(f"steps={steps}: a horizon must be >= 0; K has no inverse in general.")
    return steps


def _restore(leaves: Sequence[Array], outside: tuple[Any, ...], treedef: Any) -> PyTree:
    arrays = iter(leaves)
    return treedef.unflatten(next(arrays) if x is None else x[0] for x in outside)


@jax.jit
def _trajectory(op: KoopmanOperator, steps: Int[Array, "..."]) -> list[Array]:
    single, steps = steps.ndim == 0, steps.reshape(-1)
    groups = []
    for plan, group in zip(op.plans, op.groups, strict=True):
        states = jax.vmap(solvers.powers, in_axes=(0, 0, None))(
            group.matrix, group.start, jnp.maximum(steps - 1, 0)
        ).astype(plan.dtype)
        start = group.start.astype(plan.dtype)
        pieces = []
        for code, image, last in zip(group.encoder, group.decoder, group.last, strict=True):
            out = jnp.einsum("brl,brw->lbw", states, image)
            project = jnp.where(
                group.constant[:, None], last, jnp.einsum("br,brw->bw", start, code)
            )
            now = (steps == 0)[:, None, None]
            out = jax.lax.cond(
                jnp.any(now), lambda o, p, n: jnp.where(n, p, o), lambda o, p, n: o, out, project, now
            )
            pieces.append(out)
        groups.append(tuple(pieces))
    leaves = jax.tree.leaves(op.partition.merge(groups))
    leaves = [leaf.astype(dtype) for leaf, dtype in zip(leaves, op.dtypes, strict=True)]
    return [leaf[0] for leaf in leaves] if single else leaves


@jax.jit
def _spectra(op: KoopmanOperator) -> tuple[Array, Array]:
    listed = []
    width = max(plan.rank for plan in op.plans)
    for plan, group in zip(op.plans, op.groups, strict=True):
        eigs, left = jax.vmap(solvers.eig)(group.matrix.transpose(0, 2, 1))
        order = jnp.argsort(-jnp.abs(eigs), axis=1)
        eigs = jnp.take_along_axis(eigs, order, axis=1)
        left = jnp.take_along_axis(left, order[:, None], axis=2)
        error = jnp.einsum("bik,bij,bjk->bk", left, group.errors + 0j, left.conj()).real
        size = jnp.einsum("bik,bi->bk", jnp.abs(left) ** 2, group.sigma**2)
        residual = jnp.sqrt(jnp.maximum(error, 0) / jnp.where(size > 0, size, 1))
        pad = ((0, 0), (0, width - plan.rank))
        real = jnp.finfo(plan.dtype).dtype
        listed.append(
            (
                jnp.pad(eigs, pad).astype(jnp.result_type(real, jnp.complex64)),
                jnp.pad(residual, pad).astype(real),
            )
        )
    eigs, residuals = (jnp.concatenate(parts) for parts in zip(*listed, strict=True))
    return eigs, residuals


def fit(
    snapshots: PyTree,
    *,
    partition: str = "network",
    q: int | None = None,
    rank: int | None = None,
    rcond: float | None = None,
    window: int = 1,
    max_modulus: float | None = None,
    dtype: Any = None,
    solver: str = "auto",
) -> KoopmanOperator:
    flat, treedef = jax.tree_util.tree_flatten_with_path(snapshots)
    leaves = [leaf for _, leaf in flat if eqx.is_array(leaf) or isinstance(leaf, np.ndarray)]
    outside = tuple(
        None if eqx.is_array(leaf) or isinstance(leaf, np.ndarray) else (leaf,) for _, leaf in flat
    )
    paths = [jax.tree_util.keystr(path) for (path, _), x in zip(flat, outside, strict=True) if not x]
    n = _check_snapshots(leaves, paths)
    dtypes = tuple(jnp.dtype(leaf.dtype) for leaf in leaves)
    rank, window = _check_integer("rank", rank), _check_integer("window", window)
    if rcond is not None and not 0 <= rcond < 1:
        raise ValueError(f"rcond={rcond}: must be in [0, 1), relative to the largest singular value.")
    if max_modulus is not None and not max_modulus > 0:
        raise ValueError(f"max_modulus={max_modulus}: must be positive; 1 keeps predictions bounded.")
    if solver not in solvers.SOLVERS:
        raise ValueError(f"solver={solver!r}: must be one of {', '.join(solvers.SOLVERS)}.")
    if n // window < 2:
        raise ValueError(
            f"window={window} on {n} snapshots leaves {n // window} window means: at least two are "
            f"needed; use window <= {n // 2}."
        )
    compute = _check_dtype(dtype, dtypes)
    single = iter(jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype) for leaf in leaves)
    template = treedef.unflatten(None if x else next(single) for x in outside)
    part = make_partition(template, partition, q)
    pairs = n // window - 1
    limits = tuple(min(width, pairs) for width in part.widths)
    if rank is not None and rank > max(limits):
        raise ValueError(
            f"rank={rank}: no block has more than {max(limits)} (the smaller of weights a block and "
            "snapshots but one); ask for less, or for None to keep all above rcond."
        )
    if solver == "randomized" and rank is None:
        raise ValueError("solver='randomized' needs a rank; give rank, or use 'gram' or 'svd'.")
    cuts, plans = [], []
    for width, limit in zip(part.widths, limits, strict=True):
        cut = solvers.default_rcond(width, pairs, rank, compute) if rcond is None else float(rcond)
        route = solvers.choose(width, pairs, rank, cut) if solver == "auto" else solver
        if route == "gram":
            cut = max(cut, solvers.gram_floor(width, pairs))
        cuts.append(cut)
        plans.append(Plan(route, compute, limit if rank is None else min(rank, limit)))
    with jax.enable_x64(True):
        leaves = [jnp.asarray(leaf) for leaf in leaves]
        if window > 1:
            leaves = _window_means(leaves, window, compute)
        traced = any(isinstance(leaf, jax.core.Tracer) for leaf in leaves)
        if rank is None and not traced:  # the numerical ranks decide the size of what follows
            subspaces = _decompose(leaves, part, tuple(plans))
            plans = [
                plan._replace(rank=_padded_rank(space.sigma, cut, plan.rank))
                for plan, space, cut in zip(plans, subspaces, cuts, strict=True)
            ]
            groups, sound = _reduce(leaves, part, tuple(plans), subspaces, tuple(cuts), max_modulus)
        else:
            groups, sound = _at_once(leaves, part, tuple(plans), tuple(cuts), max_modulus)
    if not traced and not bool(sound):
        _explain(leaves, paths)
    return KoopmanOperator(
        groups, tuple(cuts), tuple(plans), part, outside, treedef, dtypes, window
    )


def _check_snapshots(leaves: list[Any], paths: list[str]) -> int:
    if not leaves:
        raise ValueError(
            "snapshots hold no array: pass a pytree of arrays, each with the same leading time axis."
        )
    for leaf, path in zip(leaves, paths, strict=True):
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise ValueError(
                f"leaf {path or 'snapshots'} has dtype {leaf.dtype}: snapshots must be real floating "
                "point (float16, bfloat16, float32, float64); convert it, or split a complex one "
                "into real and imaginary parts."
            )
        if leaf.ndim < 1:
            raise ValueError(
                f"leaf {path or 'snapshots'} is a scalar: it needs a leading time axis."
            )
    n = leaves[0].shape[0]
    for leaf, path in zip(leaves, paths, strict=True):
        if leaf.shape[0] != n:
            raise ValueError(
                f"leaf {path} has {leaf.shape[0]} snapshots, leaf {paths[0]} has {n}: every leaf "
                "needs the same leading time axis."
            )
    if n < 2:
        raise ValueError(f"got {n} snapshots: an operator needs at least two, one pair.")
    return n


def _check_integer(name: str, value: Any) -> Any:
    if value is None and name == "rank":
        return None
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        value = operator.index(value)
    except TypeError:
        raise ValueError(f"{name}={value!r}: must be an integer >= 1.") from None
    if value < 1:
        raise ValueError(f"{name}={value}: must be at least 1.")
    return value


def _check_dtype(dtype: Any, dtypes: tuple[Any, ...]) -> Any:
    if dtype is None:
        return jnp.dtype(functools.reduce(jnp.promote_types, dtypes, jnp.float32))
    try:
        asked = jnp.dtype(dtype)
    except TypeError:
        asked = None
    if asked not in (jnp.dtype("float32"), jnp.dtype("float64")):
        raise ValueError(f"dtype={dtype!r}: compute in float32 or float64, or None for the data's.")
    return asked


def _padded_rank(sigma: Array, cut: float, limit: int) -> int:
    """The largest numerical rank, rounded up so that few sizes are ever compiled."""
    values = np.asarray(sigma)
    most = int((values > cut * values[:, :1]).sum(axis=1).max())
    return min(limit, max(8, -8 * (-most // 8)))


@functools.partial(jax.jit, static_argnames=("window", "dtype"))
def _window_means(leaves: list[Array], window: int, dtype: Any) -> list[Array]:
    """Means over consecutive snapshots; what does not fill a window is dropped at the start."""

    def mean(leaf: Array) -> Array:
        count = leaf.shape[0] // window
        last = leaf[leaf.shape[0] - count * window :].astype(dtype)
        parts = last.reshape(count, window, *leaf.shape[1:])
        first = parts[:, :1]  # taken off first: the mean of equal numbers is that number
        return first[:, 0] + jnp.mean(parts - first, axis=1)

    return [mean(leaf) for leaf in leaves]


@functools.partial(jax.jit, static_argnames=("part", "plans"))
def _decompose(
    leaves: list[Array], part: Partition, plans: tuple[Plan, ...]
) -> tuple[Subspace, ...]:
    groups = part.split(part.treedef.unflatten(leaves))
    return tuple(
        jax.vmap(functools.partial(solvers.decompose, plan=plan), in_axes=1)(pieces)
        for pieces, plan in zip(groups, plans, strict=True)
    )


@functools.partial(jax.jit, static_argnames=("part", "plans"))
def _reduce(
    leaves: list[Array],
    part: Partition,
    plans: tuple[Plan, ...],
    subspaces: tuple[Subspace, ...],
    cuts: tuple[float, ...],
    max_modulus: float | None,
) -> tuple[tuple[Reduced, ...], Bool[Array, ""]]:
    groups = part.split(part.treedef.unflatten(leaves))
    fits = []
    for pieces, plan, space, cut in zip(groups, plans, subspaces, cuts, strict=True):
        one = functools.partial(solvers.reduce, plan=plan, rcond=cut, max_modulus=max_modulus)
        fits.append(
            jax.vmap(lambda p, s, c, one=one: one(p, s, constant=c), in_axes=(1, 0, 0))(
                pieces, space, solvers.is_constant(pieces)
            )
        )
    sound = jnp.stack(
        [jnp.isfinite(x).all() for f in fits for x in (f.matrix, f.start, f.sigma, *f.last)]
    )
    return tuple(fits), sound.all()


@functools.partial(jax.jit, static_argnames=("part", "plans"))
def _at_once(
    leaves: list[Array],
    part: Partition,
    plans: tuple[Plan, ...],
    cuts: tuple[float, ...],
    max_modulus: float | None,
) -> tuple[tuple[Reduced, ...], Bool[Array, ""]]:
    return _reduce(leaves, part, plans, _decompose(leaves, part, plans), cuts, max_modulus)


def _explain(leaves: list[Array], paths: list[str]) -> None:
    """Raises for what made a fit non-finite: the first bad snapshot, else overflow."""
    for leaf, path in zip(leaves, paths, strict=True):
        bad = np.argwhere(~np.isfinite(np.asarray(leaf)))
        if len(bad):
            raise ValueError(
                f"leaf {path} is {np.asarray(leaf)[tuple(bad[0])]} at step {bad[0][0]}: snapshots "
                "must be finite; drop the steps from there on, or lower the learning rate."
            )
    raise ValueError(
        "the fit overflowed although every snapshot is finite: scale the snapshots, or use "
        "dtype=float64."
    )
