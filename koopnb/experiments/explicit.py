r"""Operators as explicit matrices, K = F' pinv(F), as the paper's program forms and applies them.

Nothing here is shared with `koopnb.fit`: NumPy's decomposition, products of whole matrices. Memory
is m^2 a block, so layers and networks are out of reach.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, PyTree

from koopnb.checks import Refusal
from koopnb.operators.partition import Partition, make_partition
from koopnb.operators.snapshots import Layout, flatten, horizons

WIDEST = 2_000  # weights of a block whose matrix is formed
SINGLE = 64  # weights of a block up to which all blocks of a group are handled at once


class ExplicitOperator(NamedTuple):
    """Matrices and last snapshots of every group of blocks, in double precision.

    It has those attributes of a ``KoopmanOperator`` that a record keeps. Predictions are rounded
    to single precision at the end, as the weights of a network are.
    """

    matrices: tuple[Float[np.ndarray, "blocks m m"], ...]
    last: tuple[Float[np.ndarray, "blocks m"], ...]
    rank: Int[np.ndarray, " blocks"]
    rcond: tuple[float, ...]
    partition: Partition
    layout: Layout
    solver: tuple[str, ...] = ("pinv",)

    @property
    def spectral_radius(self) -> Float[np.ndarray, " blocks"]:
        """Largest modulus of each block's eigenvalues."""
        each = [np.abs(np.linalg.eigvals(group)).max(axis=1) for group in self.matrices]
        return np.concatenate(each)

    def trajectory(self, steps: Sequence[int] | np.ndarray) -> PyTree:
        """K^s applied to the last snapshot for every s of ``steps``, by repeated squaring."""
        return self._path(_powers, steps)

    def walk(self, steps: Sequence[int] | np.ndarray) -> PyTree:
        """The same, as K (K (K x)): one product of matrix and state a step."""
        return self._path(_steps, steps)

    def _path(self, method: Callable[..., np.ndarray], steps: Sequence[int] | np.ndarray) -> PyTree:
        steps = np.asarray(horizons(steps))
        groups = []
        with np.errstate(over="ignore", invalid="ignore"):
            for matrices, last, index in zip(
                self.matrices, self.last, self.partition.groups, strict=True
            ):
                if matrices.shape[1] <= SINGLE:
                    path = method(matrices, last, steps)
                else:  # one after another: the squares of one block are enough to hold
                    one = [slice(i, i + 1) for i in range(len(last))]
                    each = [method(matrices[i], last[i], steps) for i in one]
                    path = np.concatenate(each, axis=1)
                pieces = self.partition.units[index[0]].pieces
                parts = np.split(path, np.cumsum(pieces)[:-1], axis=-1)
                groups.append(tuple(jnp.asarray(part.astype(np.float32)) for part in parts))
        return self.layout.restore(jax.tree.leaves(self.partition.merge(groups)))


def fit(
    snapshots: PyTree, *, partition: str, q: int | None = None, rcond: float
) -> ExplicitOperator:
    """Forms K of every block from a record, in double precision, cut at ``rcond``.

    Raises:
        Refusal: blocks so wide that their matrices would not fit into memory.
    """
    leaves, layout = flatten(snapshots)
    shapes = [tuple(leaf.shape[1:]) for leaf in leaves]
    part = make_partition(layout.template(shapes), partition, q)
    if max(part.widths) > WIDEST:
        raise Refusal(
            f"partition={partition!r} has blocks of {max(part.widths)} weights, whose matrix would "
            f"have their square of entries: explicit operators go up to {WIDEST}; use koopnb.fit."
        )
    split = part.split(part.treedef.unflatten([np.asarray(leaf) for leaf in leaves]))
    matrices, last, ranks = [], [], []
    for pieces in split:
        x = np.concatenate([np.asarray(piece, np.float64) for piece in pieces], axis=-1)
        blocks = np.moveaxis(x, 0, -1)  # (blocks, m, n), snapshots as columns
        found, rank = zip(*(_matrix(block, rcond) for block in blocks), strict=True)
        matrices.append(np.stack(found))
        ranks.append(np.array(rank))
        last.append(blocks[..., -1])
    return ExplicitOperator(
        tuple(matrices), tuple(last), np.concatenate(ranks), (rcond,) * len(split), part, layout
    )


def _matrix(block: Float[np.ndarray, "m n"], rcond: float) -> tuple[np.ndarray, int]:
    """F' pinv(F), with the pseudoinverse formed first, and the rank that its cutoff keeps.

    A block that never moves has x x* / |x|^2, without a decomposition.
    """
    before, after, last = block[:, :-1], block[:, 1:], block[:, -1]
    if not np.ptp(block, axis=1).any():
        return np.outer(last, last) / max(last @ last, np.finfo(float).tiny), int(last.any())
    u, sigma, v = np.linalg.svd(before, full_matrices=False)
    keep = sigma > rcond * sigma[0]
    inverse = (v[keep].T / sigma[keep]) @ u[:, keep].T
    return after @ inverse, int(keep.sum())


def _powers(
    matrices: Float[np.ndarray, "blocks m m"],
    last: Float[np.ndarray, "blocks m"],
    steps: Int[np.ndarray, " steps"],
) -> Float[np.ndarray, "steps blocks m"]:
    out = np.repeat(last[:, :, None], len(steps), axis=2)
    square, left = matrices, steps.copy()
    while np.any(left):
        odd = left & 1 == 1
        out[:, :, odd] = square @ out[:, :, odd]
        left >>= 1
        square = square @ square if np.any(left) else square
    return np.moveaxis(out, 2, 0)


def _steps(
    matrices: Float[np.ndarray, "blocks m m"],
    last: Float[np.ndarray, "blocks m"],
    steps: Int[np.ndarray, " steps"],
) -> Float[np.ndarray, "steps blocks m"]:
    out = np.repeat(last[None], len(steps), axis=0)
    state = last[..., None]
    for step in range(1, int(steps.max(initial=0)) + 1):
        state = matrices @ state
        out[steps == step] = state[..., 0]
    return out
