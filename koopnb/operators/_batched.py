"""What runs compiled, over all blocks at once: the stages of a fit, and predictions.

Call these with 64-bit types enabled (``jax.enable_x64``): small matrices are in float64.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Complex, Float, Int, PyTree

from koopnb.operators import _eigen, _reduced, _solvers
from koopnb.operators._reduced import Reduced
from koopnb.operators._solvers import Plan, Scalar, Subspace
from koopnb.operators.partition import Partition, Pieces

Groups = tuple[Reduced, ...]
Plans = tuple[Plan, ...]


def _pieces_of(leaves: list[Array], part: Partition) -> tuple[Pieces, ...]:
    return part.split(part.treedef.unflatten(leaves))


def _each(function: Callable[..., Any], pieces: Pieces, *others: PyTree) -> Any:
    """A function of one block's pieces (n, width) for all blocks of pieces (n, blocks, width).

    Large blocks run one after another: each is enough work for every core, and only one of them
    takes memory.
    """
    n, count = pieces[0].shape[:2]

    def block(index: int | Array) -> Any:
        here = (jax.lax.dynamic_index_in_dim(piece, index, 1, keepdims=False) for piece in pieces)
        return function(tuple(here), *jax.tree.map(lambda x: x[index], others))

    if count == 1:
        return jax.tree.map(lambda x: x[None], block(0))
    if min(n, sum(piece.shape[2] for piece in pieces)) > 64:
        return jax.lax.map(block, jnp.arange(count))
    return jax.vmap(function, in_axes=(1, *(0 for _ in others)))(pieces, *others)


@functools.partial(jax.jit, static_argnames=("part", "plans"))
def decompose_blocks(
    leaves: list[Array], part: Partition, plans: Plans, cuts: tuple[Scalar, ...]
) -> tuple[Subspace, ...]:
    """The singular subspaces of every group of blocks; zeros for blocks that never moved."""

    def one(pieces: Pieces, constant: Bool[Array, ""], plan: Plan, cut: Scalar) -> Subspace:
        found = functools.partial(_solvers.decompose, pieces, plan, cut)
        nothing = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(found))
        return jax.lax.cond(constant, lambda: nothing, found)

    return tuple(
        _each(functools.partial(one, plan=plan, cut=cut), pieces, _reduced.is_constant(pieces))
        for pieces, plan, cut in zip(_pieces_of(leaves, part), plans, cuts, strict=True)
    )


@functools.partial(jax.jit, static_argnames=("part", "plans"))
def reduce_blocks(
    leaves: list[Array],
    part: Partition,
    plans: Plans,
    subspaces: tuple[Subspace, ...],
    cuts: tuple[Scalar, ...],
    max_modulus: Scalar | None,
) -> tuple[Groups, Bool[Array, ""]]:
    """The operators those subspaces give, and whether all of them are finite."""
    fits = []
    blocks = _pieces_of(leaves, part)
    for pieces, plan, space, cut in zip(blocks, plans, subspaces, cuts, strict=True):
        one = functools.partial(
            _reduced.reduced_operator, plan=plan, rcond=cut, max_modulus=max_modulus
        )
        fits.append(_each(one, pieces, space, _reduced.is_constant(pieces)))
    sound = [jnp.isfinite(x).all() for f in fits for x in (f.fitted, f.matrix, f.start, f.sigma)]
    return tuple(fits), jnp.stack(sound).all()


@functools.partial(jax.jit, static_argnames=("part", "plans"))
def fit_blocks(
    leaves: list[Array],
    part: Partition,
    plans: Plans,
    cuts: tuple[Scalar, ...],
    max_modulus: Scalar | None,
) -> tuple[Groups, Bool[Array, ""]]:
    """Both stages at once, for ranks that are known beforehand."""
    subspaces = decompose_blocks(leaves, part, plans, cuts)
    return reduce_blocks(leaves, part, plans, subspaces, cuts, max_modulus)


@functools.partial(jax.jit, static_argnames=("part",))
def encode_blocks(groups: Groups, arrays: PyTree, part: Partition) -> list[Float[Array, "_ _"]]:
    """U* x of a snapshot x, for every group."""
    return [
        _solvers.total(
            jnp.einsum("brw,bw->br", code.astype(jnp.float64), piece.astype(jnp.float64))
            for code, piece in zip(group.encoder, pieces, strict=True)
        )
        for group, pieces in zip(groups, part.split(arrays), strict=True)
    ]


@functools.partial(jax.jit, static_argnames=("part", "plans", "dtypes", "from_now"))
def advance_blocks(
    groups: Groups,
    starts: list[Float[Array, "_ _"]],
    steps: Int[Array, "*steps"],
    part: Partition,
    plans: Plans,
    dtypes: tuple[Any, ...],
    from_now: bool,
) -> list[Float[Array, "..."]]:
    """Leaves of K^s x for every s, from U* x: one product of decoder and powers a group.

    ``from_now`` says whether a horizon may be 0, which asks for projections.
    """
    single, steps = steps.ndim == 0, steps.reshape(-1)
    merged = []
    for plan, group, start in zip(plans, groups, starts, strict=True):
        states = jax.vmap(_reduced.powers, in_axes=(0, 0, None))(
            group.squares, start, jnp.maximum(steps - 1, 0)
        ).astype(plan.dtype)
        pieces = [jnp.einsum("brl,brw->lbw", states, image) for image in group.decoder]
        if from_now:
            now, held = (steps == 0)[:, None, None], group.constant[:, None, None]
            bases = zip(group.encoder, group.decoder, strict=True)
            projected = [
                jnp.einsum("br,brw->bw", start.astype(plan.dtype), jnp.where(held, image, code))
                for code, image in bases
            ]
            pieces = [
                jnp.where(now, still[None], moved)
                for still, moved in zip(projected, pieces, strict=True)
            ]
        merged.append(tuple(pieces))
    leaves = jax.tree.leaves(part.merge(merged))
    leaves = [leaf.astype(dtype) for leaf, dtype in zip(leaves, dtypes, strict=True)]
    return [leaf[0] for leaf in leaves] if single else leaves


@functools.partial(jax.jit, static_argnames=("plans",))
def analyse_blocks(
    groups: Groups, plans: Plans
) -> tuple[Complex[Array, "blocks r"], Complex[Array, "blocks r"], Float[Array, "blocks r"]]:
    """Eigenvalues, amplitudes and residuals of all blocks, padded to one width."""
    width = max(plan.rank for plan in plans)
    listed = []
    for plan, group in zip(plans, groups, strict=True):
        found = _eigen.eigenpairs(group)
        amplitudes = jnp.einsum("bik,bi->bk", found.left, group.start)
        kind = jnp.promote_types(plan.dtype, jnp.complex64)
        columns = ((found.eigs, kind), (amplitudes, kind), (found.residuals, plan.dtype))
        pad = ((0, 0), (0, width - plan.rank))
        listed.append([jnp.pad(x, pad).astype(dtype) for x, dtype in columns])
    eigs, amplitudes, residuals = (jnp.concatenate(parts) for parts in zip(*listed, strict=True))
    return eigs, amplitudes, residuals


@functools.partial(jax.jit, static_argnames=("plans", "part"))
def modes_of_blocks(groups: Groups, plans: Plans, part: Partition) -> list[Complex[Array, "..."]]:
    """Leaves of the eigenvectors of every block's K, the i-th of all blocks together."""
    width = max(plan.rank for plan in plans)
    merged = []
    for plan, group in zip(plans, groups, strict=True):
        right = jax.vmap(_solvers.inv)(_eigen.eigenpairs(group).left.transpose(0, 2, 1))
        pad = ((0, width - plan.rank), (0, 0), (0, 0))
        kind = jnp.promote_types(plan.dtype, jnp.complex64)
        merged.append(
            tuple(
                jnp.pad(jnp.einsum("brk,brw->kbw", right, image + 0j), pad).astype(kind)
                for image in group.decoder
            )
        )
    return jax.tree.leaves(part.merge(merged))


@functools.partial(jax.jit, static_argnames=("plans",))
def consistency_of_blocks(groups: Groups, plans: Plans) -> Float[Array, " blocks"]:
    """The forward-backward consistency index of every block."""
    return jnp.concatenate(
        [
            _eigen.consistency_index(group).astype(plan.dtype)
            for plan, group in zip(plans, groups, strict=True)
        ]
    )


@functools.partial(jax.jit, static_argnames=("plans",))
def sensitivity_of_blocks(
    groups: Groups, plans: Plans
) -> tuple[Float[Array, " blocks"], Float[Array, " blocks"]]:
    """Condition and round-off of every block; see ``_eigen.sensitivity``."""
    each = []
    for plan, group in zip(plans, groups, strict=True):
        work, kept = (float(jnp.finfo(dtype).eps) for dtype in (plan.work, plan.dtype))
        one = functools.partial(
            _eigen.sensitivity, work=work, kept=kept, squared=plan.solver == "gram"
        )
        each.append(jax.vmap(one)(group))
    condition, roundoff = (jnp.concatenate(parts) for parts in zip(*each, strict=True))
    return condition, roundoff
