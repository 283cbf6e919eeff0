"""Operators altered on purpose: without growth, decay or turning, block by block, cut anew."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Complex, PyTree

from koopnb.operators import _reduced
from koopnb.operators.koopman import KoopmanOperator, fit
from koopnb.operators.snapshots import is_array


class Modes(NamedTuple):
    r"""The prediction of every block, mode by mode: $\sum_i \phi_i a_i \lambda_i^{s-1}$.

    ``vectors`` holds $\phi_i a_i$ of each group of blocks, (modes, blocks, weights); ``eigs`` the
    eigenvalues, (blocks, modes), largest modulus first.
    """

    operator: KoopmanOperator
    vectors: tuple[Complex[np.ndarray, "modes blocks weights"], ...]
    eigs: Complex[np.ndarray, "blocks modes"]

    def groups(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Each group's place among the blocks, and its vectors."""
        first = 0
        for vectors in self.vectors:
            yield slice(first, first + vectors.shape[1]), vectors
            first += vectors.shape[1]

    @property
    def sizes(self) -> np.ndarray:
        r"""$\lVert \phi_i a_i \rVert$, (blocks, modes)."""
        return np.concatenate([np.linalg.norm(v, axis=2).T for _, v in self.groups()])

    def path(
        self, steps: Sequence[int] | np.ndarray, *, growth: bool = True, decay: bool = True,
        turning: bool = True, slowest: float = 0.0,
    ) -> PyTree:  # fmt: skip
        r"""The prediction with eigenvalues $\lambda = |\lambda| e^{i\alpha}$ that are altered.

        The first step is the operator's own; in the s - 1 others $|\lambda| > 1$ becomes 1
        without ``growth``, $0 < |\lambda| < 1$ becomes 1 without ``decay``, and $\alpha$ becomes 0
        without ``turning``. Eigenvectors stay. So without growth those are steps of the operator
        that ``max_modulus=1`` gives, and without all three they stand still.

        Args:
            steps: horizons s >= 1.
            growth, decay, turning: what is left to act.
            slowest: modes of a smaller modulus are left out.
        """
        modulus, angle = np.abs(self.eigs), np.angle(self.eigs)
        kept = (modulus > 0) & (modulus >= slowest)
        modulus = np.where(kept, modulus, 1)
        modulus = modulus if growth else np.minimum(modulus, 1)
        modulus = modulus if decay else np.maximum(modulus, 1)
        logarithm = np.log(modulus) + 1j * (angle if turning else 0)
        later = np.asarray(steps).reshape(-1, 1, 1) - 1
        with np.errstate(over="ignore", invalid="ignore"):
            factors = np.where(kept, np.exp(later * logarithm), 0)
            blocks = [
                np.einsum("sbi,ibw->sbw", factors[:, where], vectors, optimize=True).real
                for where, vectors in self.groups()
            ]
        return assemble(self.operator, blocks)

    def leading(self, steps: int) -> np.ndarray:
        r"""How far each block's leading mode grows in s steps: $\lVert v \rVert (\rho^{s-1} - 1)$.

        v is the mode's part, with its conjugate's, of the prediction after one step; 0 where
        the spectral radius rho is at most 1.
        """
        pairs = np.where(np.abs(self.eigs[:, 0].imag) > 0, 2, 1)
        first = np.concatenate([np.linalg.norm(v[0].real, axis=1) for _, v in self.groups()])
        grown = np.maximum(np.abs(self.eigs[:, 0]).astype(float), 1) ** (steps - 1) - 1
        return pairs * first * grown


def modes_of(operator: KoopmanOperator) -> Modes:
    """An operator's modes, times their amplitudes in the last snapshot."""
    amplitudes = np.asarray(operator.amplitudes).astype(complex)
    vectors, first = [], 0
    for found in blocks_of(operator, operator.modes):
        scale = amplitudes[first : first + found.shape[1]]
        vectors.append(found * scale.T[..., None])
        first += found.shape[1]
    return Modes(operator, tuple(vectors), np.asarray(operator.eigs).astype(complex))


def blocks_of(operator: KoopmanOperator, tree: PyTree) -> list[np.ndarray]:
    """The blocks of a tree, group by group: (leading axes, blocks, weights of a block)."""
    pieces = operator.partition.split(eqx.filter(tree, is_array))
    return [np.concatenate([np.asarray(p) for p in group], axis=-1) for group in pieces]


def assemble(operator: KoopmanOperator, blocks: Sequence[np.ndarray]) -> PyTree:
    """The inverse of `blocks_of`, in single precision."""
    groups = []
    for group, found in zip(operator.partition.groups, blocks, strict=True):
        pieces = operator.partition.units[group[0]].pieces
        cut = np.split(np.asarray(found, np.float32), np.cumsum(pieces)[:-1], axis=-1)
        groups.append(tuple(jnp.asarray(piece) for piece in cut))
    return operator.layout.restore(jax.tree.leaves(operator.partition.merge(groups)))


def mixed(
    operator: KoopmanOperator, chosen: PyTree, others: PyTree, masks: Bool[np.ndarray, "k blocks"]
) -> PyTree:
    """k snapshots: the masked blocks as in ``chosen``, the rest as in ``others``.

    Both are a snapshot, or a path of k of them.
    """
    blocks, first = [], 0
    for one, other in zip(blocks_of(operator, chosen), blocks_of(operator, others), strict=True):
        count = one.shape[-2]
        blocks.append(np.where(masks[:, first : first + count, None], one, other))
        first += count
    return assemble(operator, blocks)


def cutoffs(
    snapshots: PyTree, partition: str, dtype: str, rconds: Sequence[float]
) -> Iterator[tuple[float, KoopmanOperator]]:
    """One decomposition, cut at each relative singular value in turn, the highest first.

    Below the solver's floor, sqrt(max(m, n)) eps, nothing is left to keep: such cutoffs are
    left out.
    """
    finest = fit(snapshots, partition=partition, rcond=min(rconds), dtype=dtype, solver="svd")
    for rcond in sorted(rconds, reverse=True):
        if rcond < max(finest.rcond):
            return
        with jax.enable_x64(True):
            groups = tuple(_reduced.truncate(group, rcond) for group in finest.groups)
        plans = tuple(
            plan._replace(rank=group.sigma.shape[1])
            for plan, group in zip(finest.plans, groups, strict=True)
        )
        yield (
            rcond,
            dataclasses.replace(finest, groups=groups, plans=plans, rcond=(rcond,) * len(plans)),
        )
