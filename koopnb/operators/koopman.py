"""Finite-section Koopman operators of recorded weights: fit, then predict at any horizon."""

import functools
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int, PyTree

from koopnb.checks import Integer
from koopnb.operators import _batched, _eigen, _planning
from koopnb.operators._reduced import Reduced
from koopnb.operators._solvers import Plan
from koopnb.operators.partition import Partition, make_partition
from koopnb.operators.snapshots import (
    Layout,
    flatten,
    horizon,
    horizons,
    integer,
    is_array,
    refuse_non_finite,
    to_session_precision,
    window_means,
)


class KoopmanOperator(eqx.Module):
    r"""Operators K = F' F⁺, one a block, and the snapshot they start from.

    K is kept in factors: a block of m weights and rank r takes O(m r) memory, a prediction
    O(m r + r^3 log(steps)) time. Blocks are numbered as in ``partition.labels``; what is listed
    per eigenvalue is padded with zeros up to the largest rank.

    Made by ``fit``. ``groups`` holds the factors, ``plans`` and ``rcond`` the solver, precision
    and cutoff used, for every shape of block; ``asked`` is the rank that was asked for.
    """

    groups: tuple[Reduced, ...]
    rcond: tuple[float, ...] = eqx.field(static=True)
    asked: int | None = eqx.field(static=True)
    plans: tuple[Plan, ...] = eqx.field(static=True)
    partition: Partition = eqx.field(static=True)
    layout: Layout = eqx.field(static=True)
    window: int = eqx.field(static=True)

    @property
    def solver(self) -> tuple[str, ...]:
        """The solver used for each shape of block."""
        return tuple(plan.solver for plan in self.plans)

    @property
    def rank(self) -> Int[Array, " blocks"]:
        """Rank used for each block: at most the rank asked for, 0 for an all-zero block."""
        return jnp.concatenate([group.rank for group in self.groups])

    @property
    def shortfall(self) -> Int[Array, " blocks"]:
        """Directions of the rank asked for that a block lacks, because they are below the cutoff.

        0 without a rank, and for constant blocks, which one direction holds to the bit.
        """
        if self.asked is None:
            return jnp.zeros_like(self.rank)
        return jnp.concatenate(
            [
                jnp.where(group.constant, 0, plan.rank - group.rank)
                for plan, group in zip(self.plans, self.groups, strict=True)
            ]
        )

    @property
    def condition(self) -> Float[Array | np.ndarray, " blocks"]:
        """Largest over smallest singular value of what was kept of each block's F.

        0 for a constant block, whose operator needs no decomposition.
        """
        return self._sensitivity()[0]

    @property
    def roundoff(self) -> Float[Array | np.ndarray, " blocks"]:
        """What rounding may do to one step ahead, in steps; see ``_eigen.sensitivity``.

        Where it is above 1, not the snapshots but the order of the arithmetic may decide where a
        block goes. It says nothing of later steps: for those there is ``scores.rounding``.
        """
        return self._sensitivity()[1]

    @property
    def clipped(self) -> Int[Array, " blocks"]:
        """Eigenvalues of each block that ``max_modulus`` pulled onto its disc."""
        return jnp.concatenate([group.clipped for group in self.groups])

    @property
    def eigs(self) -> Complex[Array | np.ndarray, "blocks r"]:
        """Eigenvalues of each block's K, largest modulus first."""
        return self._analyse()[0]

    @property
    def amplitudes(self) -> Complex[Array | np.ndarray, "blocks r"]:
        """Amplitude of each of ``modes`` in the last snapshot."""
        return self._analyse()[1]

    @property
    def residuals(self) -> Float[Array | np.ndarray, "blocks r"]:
        """Residual of each eigenvalue over the snapshots; see ``_eigen.eigenpairs``."""
        return self._analyse()[2]

    @property
    def spectral_radius(self) -> Float[Array | np.ndarray, " blocks"]:
        """Largest modulus of each block's eigenvalues."""
        return _eigen.spectral_radius(self.eigs)

    @property
    def consistency(self) -> Float[Array | np.ndarray, " blocks"]:
        """Forward-backward consistency index; see ``_eigen.consistency_index``."""
        with jax.enable_x64(True):
            found = _batched.consistency_of_blocks(self.groups, self.plans)
        return to_session_precision(found)

    @property
    def modes(self) -> PyTree:
        r"""Eigenvectors φ_i of K, as a pytree of complex leaves that lead with i.

        With λ of ``eigs`` and a of ``amplitudes``, every block's prediction at s >= 1 steps is
        $\sum_i φ_i λ_i^{s-1} a_i$ (exact modes in the sense of Tu et al., J. Comput. Dyn. 1
        (2014), without their factor 1/λ). Meaningless where K is defective.
        """
        with jax.enable_x64(True):
            leaves = _batched.modes_of_blocks(self.groups, self.plans, self.partition)
        return self.layout.restore(to_session_precision(leaves))

    def predict(self, steps: Integer) -> PyTree:
        """K^steps applied to the last snapshot: a pytree like one snapshot.

        At 0 steps this is the last snapshot's orthogonal projection on the range of F that was
        kept. K sees nothing else of it, so later predictions follow from the projection.

        Args:
            steps: horizon, >= 0, in recorded snapshots; in windows, where ``window`` > 1.

        Raises:
            ValueError: a negative horizon, or one that is not an integer.
        """
        return self._advance([group.start for group in self.groups], horizon(steps))

    def trajectory(self, steps: Sequence[Integer] | np.ndarray | Int[Array, " steps"]) -> PyTree:
        """``predict`` at many horizons at once: leaves lead with an axis of length len(steps)."""
        return self._advance([group.start for group in self.groups], horizons(steps))

    def propagate(self, snapshot: PyTree, steps: Integer) -> PyTree:
        """K^steps applied to another snapshot of the same structure and shapes; see ``predict``."""
        arrays = eqx.filter(snapshot, is_array)
        self.partition.refuse_other_shapes(arrays)
        with jax.enable_x64(True):
            starts = _batched.encode_blocks(self.groups, arrays, self.partition)
        return self._advance(starts, horizon(steps))

    def finite(
        self, steps: Sequence[Integer] | np.ndarray | Int[Array, " steps"]
    ) -> Bool[Array, "steps blocks"]:
        """Whether the predictions at these horizons are finite, block by block."""
        with jax.enable_x64(True):
            groups = self.partition.split(eqx.filter(self.trajectory(steps), is_array))
            each = [[jnp.isfinite(piece).all(-1) for piece in pieces] for pieces in groups]
            return jnp.concatenate([jnp.stack(parts).all(0) for parts in each], axis=1)

    def _advance(self, starts: list[Array], steps: Array | np.ndarray) -> PyTree:
        with jax.enable_x64(True):
            leaves = _batched.advance_blocks(
                self.groups,
                starts,
                steps,
                self.partition,
                self.plans,
                self.layout.dtypes,
                from_now=isinstance(steps, jax.core.Tracer) or not np.all(steps),
            )
        return self.layout.restore(to_session_precision(leaves))

    def _sensitivity(self) -> tuple[Any, Any]:
        with jax.enable_x64(True):
            found = _batched.sensitivity_of_blocks(self.groups, self.plans)
        return to_session_precision(found)

    def _analyse(self) -> tuple[Any, Any, Any]:
        with jax.enable_x64(True):
            found = _batched.analyse_blocks(self.groups, self.plans)
        return to_session_precision(found)


def fit(
    snapshots: PyTree,
    *,
    partition: str = "network",
    q: Integer | None = None,
    rank: Integer | None = None,
    rcond: float | None = None,
    window: Integer = 1,
    max_modulus: float | None = None,
    dtype: Any = None,
    solver: str = "auto",
) -> KoopmanOperator:
    r"""Fits K = F' F⁺ to every block of recorded weights.

    F holds the snapshots but the last as columns, F' those but the first, F⁺ is the
    pseudoinverse cut at ``rcond`` and ``rank``. No m × m matrix is formed.

    ============  =================================================================
    partition     time of all blocks, for M weights, n snapshots, rank r
    ============  =================================================================
    weight        O(M n)
    quasi-node    O(M n min(n, q))
    node          O(M n min(n, fan-in + 1))
    layer         O(M n min(n, weights a layer))
    network       O(M n min(n, M)); O(M n r) where a small rank is asked for
    ============  =================================================================

    Memory beyond the snapshots is O(M r), and for one block at a time min(n, m)^2 ("gram"),
    m n ("svd") or (m + n) r ("randomized").

    Args:
        snapshots: pytree whose arrays lead with the same time axis, n >= 2. NumPy or JAX,
            real. What is not an array is returned as it is. K is linear and has no constant
            term, and training tends to weights that are not zero: where nothing else in a
            block is constant, a leaf ``np.ones((n, 1))`` makes K affine ("network" only).
        partition: "weight", "quasi-node", "node", "layer" or "network"; see
            ``partition.make_partition``.
        q: weights a block, for "quasi-node".
        rank: upper bound of every block's rank. None: what ``rcond`` keeps.
        rcond: singular values of F at or below rcond times the largest are cut, in [0, 1),
            and never less than sqrt(max(m, n)) eps, below which a solver returns round-off; for
            "gram" that is sqrt(max(m, n) eps) with eps of float64.
            None: 10 max(m, n - 1) eps, JAX's default for a pseudoinverse (MATLAB's is a tenth),
            with m the weights of a block and eps of the dtype computed in. With a ``rank``:
            eps of the snapshots' own dtype, which is more than rounding them explains; what of
            that rank is not resolved in the precision asked for is then sought in double.
        window: K acts on means over blocks of so many consecutive snapshots; snapshots that do
            not fill a window are dropped at the start. Horizons then count windows.
        max_modulus: eigenvalues beyond this modulus are pulled onto the disc along their
            radius, eigenvectors kept. 1: no prediction grows. For a defective eigenvalue
            beyond it there is no such operator, and the result depends on round-off.
        dtype: float32 or float64 to compute in, None for that of the snapshots (float32 for
            float16 and bfloat16), and to keep factors in. Predictions have the snapshots'
            dtypes; small matrices are in float64 always. The session's precision stays as it is.
        solver: "gram", "svd", "randomized" (needs a rank), or "auto": "randomized" for a rank
            far below m and n, "gram" for a cutoff well above its rounding, else "svd". The one
            taken is in ``solver``.

    Returns:
        A ``KoopmanOperator``. Constant blocks predict themselves, to the bit. Under ``jax.jit``
        values cannot be looked at: without a rank, matrices are as large as the rank could
        be; with a rank and no ``rcond``, directions that the solver does not resolve are cut and
        not sought in double precision; and snapshots that are not finite give predictions
        that are not, without an error.

    Raises:
        ValueError: see the messages; the leaf and the step are named where there is one.

    Warns:
        UserWarning: a block of less than the rank asked for; ``shortfall`` says which.

    Source: Dogra and Redman, NeurIPS 2020, eq. (6) to (8), for K = F' F⁺ of weights; Sirovich
    1987 for the method of snapshots; Tu et al., J. Comput. Dyn. 1 (2014), for K's factors.

    >>> import numpy as np
    >>> record = {"w": np.array([[8.0, 1.0], [4.0, 1.0], [2.0, 1.0]], np.float32)}
    >>> operator = fit(record)
    >>> operator.predict(2)["w"].round(3).tolist()
    [0.5, 1.0]
    >>> operator.eigs.real.round(3).tolist()
    [[1.0, 0.5]]
    """
    leaves, layout = flatten(snapshots)
    n = leaves[0].shape[0]
    window = integer("window", window, 1, "the snapshots a mean is over")
    if n // window < 2:
        raise ValueError(
            f"window={window} on {n} snapshots leaves {n // window} window means and an operator "
            f"needs two: use window <= {n // 2}, or record more."
        )
    _planning.check(rcond, max_modulus, solver)
    max_modulus = None if max_modulus is None else float(max_modulus)
    part = _partition(layout, tuple(tuple(leaf.shape[1:]) for leaf in leaves), partition, q)
    pairs = n // window - 1
    rank = _planning.rank_of(rank, solver, [min(m, pairs) for m in part.widths], pairs)
    compute = _planning.compute_dtype(dtype, layout)
    traced = any(isinstance(leaf, jax.core.Tracer) for leaf in leaves)
    unit = max(float(jnp.finfo(kind).eps) for kind in (compute, *layout.dtypes))
    request = _planning.Request(rank, rcond, solver, compute, unit, not traced)
    plans, cuts = zip(*(_planning.plan(request, m, pairs) for m in part.widths), strict=True)
    with jax.enable_x64(True):
        arrays = [jnp.asarray(leaf) for leaf in leaves]
        if window > 1:
            arrays = window_means(arrays, window, compute)
        if rank is None and not traced:
            # The numerical ranks are looked at: they decide the size of what follows.
            subspaces = _batched.decompose_blocks(arrays, part, plans, cuts)
            ranks = map(_planning.padded_rank, subspaces, cuts, plans)
            plans = tuple(plan._replace(rank=r) for plan, r in zip(plans, ranks, strict=True))
            groups, sound = _batched.reduce_blocks(
                arrays, part, plans, subspaces, cuts, max_modulus
            )
        else:
            groups, sound = _batched.fit_blocks(arrays, part, plans, cuts, max_modulus)
            if not traced and sound:
                groups, plans, cuts = _refined(
                    arrays, part, request, groups, plans, cuts, max_modulus, pairs
                )
    if not traced and not sound:
        refuse_non_finite(leaves, layout)
        raise ValueError(
            f"the fit overflowed {compute} though every snapshot is finite: scale the snapshots, "
            "or use dtype='float64'."
        )
    operator = KoopmanOperator(groups, cuts, rank, plans, part, layout, window)
    if rank is not None and rcond is None and not traced:
        _planning.warn_of_shortfall(rank, operator.rank, operator.shortfall, part.labels)
    return operator


def _refined(
    arrays: list[Array], part: Partition, request: _planning.Request, groups: _batched.Groups,
    plans: _batched.Plans, cuts: tuple[float, ...], max_modulus: float | None, pairs: int,
) -> tuple[_batched.Groups, _batched.Plans, tuple[float, ...]]:  # fmt: skip
    """Groups of blocks fitted again where the first plan did not resolve what was asked for."""
    found = []
    for i, (group, plan, cut) in enumerate(zip(groups, plans, cuts, strict=True)):
        finer, lower = _planning.finer(request, plan, group, part.widths[i], pairs)
        if finer != plan:
            (group,), _ = _batched.fit_blocks(arrays, part.only(i), (finer,), (lower,), max_modulus)
            cut = lower
        found.append((group, finer, cut))
    return tuple(tuple(column) for column in zip(*found, strict=True))  # type: ignore[return-value]


@functools.lru_cache(maxsize=64)
def _partition(
    layout: Layout, shapes: tuple[tuple[int, ...], ...], name: str, q: Integer | None
) -> Partition:
    return make_partition(layout.template(list(shapes)), name, q)
