"""Which solver, precision, cutoff and rank every shape of block gets.

Values decide where they can be looked at: ranks that nobody asked for, and whether a cheap route
resolved what was asked of it.
"""

import functools
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from koopnb.checks import integer
from koopnb.operators import _solvers
from koopnb.operators._reduced import Reduced
from koopnb.operators._solvers import Plan, Subspace
from koopnb.operators.snapshots import Layout


class Request(NamedTuple):
    """What a caller asks of every block; None where it is left to us.

    ``dtype`` is computed in; ``unit`` is the relative rounding of the coarsest snapshots. ``seen``
    says that the result can be looked at, which is not so under ``jax.jit``.
    """

    rank: int | None
    rcond: float | None
    solver: str
    dtype: Any
    unit: float
    seen: bool


def check(rcond: float | None, max_modulus: float | None, solver: str) -> None:
    """Raises a ValueError for a cutoff, a bound or a solver that there cannot be."""
    if rcond is not None and not 0 <= rcond < 1:
        raise ValueError(
            f"rcond={rcond}: must be in [0, 1), relative to the largest singular value."
        )
    if max_modulus is not None and not 0 < max_modulus < np.inf:
        raise ValueError(
            f"max_modulus={max_modulus}: must be positive and finite; 1 keeps predictions from "
            "growing, None leaves eigenvalues as they are."
        )
    if solver not in _solvers.SOLVERS:
        raise ValueError(f"solver={solver!r}: must be one of {', '.join(_solvers.SOLVERS)}.")


def rank_of(rank: Any, solver: str, limits: list[int], pairs: int) -> int | None:
    """The rank asked for, as an integer that some block can have.

    Raises:
        ValueError: what is no rank, more than any block can have, or none where one is needed.
    """
    if rank is None:
        if solver == "randomized":
            raise ValueError(
                "solver='randomized' with rank=None: it needs a rank; give one, or use 'auto'."
            )
        return None
    rank = integer("rank", rank, 1, "an upper bound of every block's rank")
    if rank > max(limits):
        raise ValueError(
            f"rank={rank}: no block can have more than {max(limits)}, the smaller of its weights "
            f"and the {pairs} pairs of snapshots; ask for less, or for rank=None."
        )
    return rank


def plan(request: Request, m: int, pairs: int) -> tuple[Plan, float]:
    """The first plan for blocks of m weights, and the cutoff.

    For a rank it keeps what it resolves; `finer` sees what is missing, where values can be seen.
    """
    rank, rcond, solver, dtype, unit, seen = request
    plain = 1e3 * float(jnp.finfo(dtype).eps)  # resolved by any product in this precision
    of_rank = rank is not None and rcond is None
    if rcond is not None:
        cut = float(rcond)
    elif rank is None:
        cut = _solvers.default_rcond(m, pairs, dtype)
    else:
        cut = unit if seen else max(unit, plain)
    if solver == "auto":
        # The cheapest route for a rank: what it does not resolve is seen in what it returns.
        solver = _solvers.choose(m, pairs, rank, np.inf if of_rank and seen else cut)
    least = _solvers.resolved if of_rank else _solvers.floor
    cut = max(cut, least(solver, m, pairs, dtype))
    limit = min(m, pairs) if rank is None else min(rank, m, pairs)
    fine = solver == "gram" and cut < plain and not (of_rank and seen)
    work = jnp.dtype("float64") if fine else dtype
    probe = rank is None and solver == "gram" and _solvers.may_probe(m, pairs)
    return Plan(solver, dtype, limit, work, probe), cut


def finer(request: Request, first: Plan, fit: Reduced, m: int, pairs: int) -> tuple[Plan, float]:
    """The plan again, in double precision where some block's last direction is not resolved.

    A Gram matrix that nobody asked for gives way to a singular value decomposition.
    """
    asked = request.unit if request.rcond is None else float(request.rcond)
    bound = _solvers.resolved(first.solver, m, pairs, first.work)
    sigma = np.asarray(fit.sigma)
    resolved = np.asarray(fit.constant) | (sigma[:, first.rank - 1] > bound * sigma[:, 0])
    if asked >= bound or np.all(resolved):
        return first, max(asked, bound)
    to_svd = first.solver == "gram" and request.solver == "auto"
    solver = "svd" if to_svd else first.solver
    again = first._replace(solver=solver, work=jnp.dtype("float64"))
    return again, max(asked, _solvers.floor(solver, m, pairs, again.work))


def compute_dtype(dtype: Any, layout: Layout) -> Any:
    """What to compute in: the dtype asked for, else that of the snapshots.

    Raises:
        ValueError: a dtype that is not float32 or float64.
    """
    if dtype is None:
        return functools.reduce(jnp.promote_types, layout.dtypes, jnp.dtype("float32"))
    try:
        asked = jnp.dtype(dtype)
    except TypeError:
        asked = jnp.dtype(bool)
    if asked not in (jnp.dtype("float32"), jnp.dtype("float64")):
        raise ValueError(
            f"dtype={dtype!r}: fits are computed in 'float32' or 'float64'; None takes the "
            "snapshots' own."
        )
    return asked


def padded_rank(space: Subspace, cut: float, first: Plan) -> int:
    """The largest numerical rank, rounded up so that few sizes are ever compiled."""
    values = np.asarray(space.sigma)
    most = int((values > cut * values[:, :1]).sum(axis=1).max())
    return min(first.rank, max(8, -8 * (-most // 8)))


def warn_of_shortfall(
    asked: int, ranks: ArrayLike, shortfall: ArrayLike, labels: Sequence[str]
) -> None:
    """Warns the caller of `fit` of blocks that have less than the rank asked for."""
    missing, ranks = np.asarray(shortfall), np.asarray(ranks)
    if missing.any():
        block = int(missing.argmax())
        warnings.warn(
            f"rank={asked}: {np.count_nonzero(missing)} of {len(missing)} blocks have "
            f"less; {labels[block]!r} has {int(ranks[block])}, since "
            "its other singular values are within round-off. The prediction uses what there is: "
            "see .rank and .shortfall, or ask for less.",
            stacklevel=3,
        )
