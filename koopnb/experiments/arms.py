"""The operators of the MNIST experiment, in the report's arithmetic and in the paper's."""

import dataclasses
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import PyTree

from koopnb.checks import Refusal
from koopnb.experiments import explicit
from koopnb.experiments.explicit import ExplicitOperator
from koopnb.operators.koopman import KoopmanOperator, fit
from koopnb.operators.partition import PARTITIONS

ARITHMETICS = ("report", "paper")
EXPLICIT = ("weight", "quasi-node", "node")  # blocks whose matrices fit into memory
FACTORED = " in factors"  # what the name of an arm gets that repeats an explicit one


@dataclass(frozen=True)
class Arm:
    """One operator: how it is fitted, as `koopnb.fit` takes it.

    ``cutoff`` "jax" is 10 max(m, n - 1) eps for a block of m weights and n snapshots, "matlab"
    max(m, n - 1) eps with the widest block's m: pinv's default in either language. ``solver``
    "pinv" is no solver of `koopnb.fit`: K is formed and multiplied as the paper's program does,
    see `explicit`; then ``partition``, ``q`` and MATLAB's cutoff are all that counts.
    """

    name: str
    partition: str
    q: int | None = None
    dtype: str = "float32"
    cutoff: str = "jax"
    solver: str = "auto"
    rank: int | None = None
    window: int = 1
    max_modulus: float | None = None

    def __post_init__(self) -> None:
        if self.partition not in PARTITIONS:
            raise Refusal(f"partition={self.partition!r}: must be one of {PARTITIONS}.")
        if self.cutoff not in ("jax", "matlab"):
            raise Refusal(f"cutoff={self.cutoff!r}: must be 'jax' or 'matlab'.")

    @property
    def explicit(self) -> bool:
        """Whether the matrix K itself is formed."""
        return self.solver == "pinv"

    def form(self, snapshots: PyTree) -> ExplicitOperator:
        """The operator on a record, as explicit matrices; MATLAB's cutoff."""
        cut = matlab_rcond(snapshots, self.partition, self.q)
        return explicit.fit(snapshots, partition=self.partition, q=self.q, rcond=cut)

    def fit(self, snapshots: PyTree) -> KoopmanOperator:
        """The operator on a record, in factors."""
        cut = None
        if self.cutoff == "matlab":
            cut = matlab_rcond(snapshots, self.partition, self.q)
        return fit(
            snapshots, partition=self.partition, q=self.q, rank=self.rank, window=self.window,
            rcond=cut, max_modulus=self.max_modulus, dtype=self.dtype,
            solver=self.solver,
        )  # fmt: skip


def matlab_rcond(snapshots: PyTree, partition: str, q: int | None) -> float:
    """max(m, n - 1) eps with m the weights of the partition's widest block."""
    leaves = jax.tree.leaves(snapshots)
    fan_in = [leaf[0].size // leaf.shape[1] for leaf in leaves]
    widths = {
        "weight": 1,
        "quasi-node": q,
        "node": max(fan_in) + 1,
        "layer": max(leaf[0].size + leaf.shape[1] for leaf in leaves if leaf.ndim > 2),
        "network": sum(leaf[0].size for leaf in leaves),
    }
    return max(widths[partition] or 1, len(leaves[0]) - 1) * float(np.finfo(float).eps)


def arms(dataset: str = "mnist", arithmetic: str = "report") -> tuple[Arm, ...]:
    """The operators of the chapter, in the report's arithmetic or in the paper's.

    The report's is single precision with JAX's cutoff; its own two, node and layer, are computed
    as it did, by a singular value decomposition. A bounded operator on ten window means comes
    with them. The paper's is double precision with MATLAB's cutoff. Single weights, quasi-nodes
    and nodes have explicit matrices there, as in its program; quasi-nodes and nodes also the
    factors that `koopnb.fit` gives, evaluated as accurately as double precision can. The matrix
    of a layer would take gigabytes, so layers and networks have factors alone: the network's on
    MNIST by way of the Gram matrix, which keeps every direction as MATLAB's cutoff does. A
    quasi-node is a row of the image.

    Raises:
        Refusal: an unknown arithmetic.
    """
    if arithmetic not in ARITHMETICS:
        raise Refusal(f"arithmetic={arithmetic!r}: must be one of {ARITHMETICS}.")
    q, window = (28, 187) if dataset == "mnist" else (8, 18)
    cuts = {"weight": None, "quasi-node": q, "node": None, "layer": None, "network": None}
    if arithmetic == "paper":
        solvers = dict.fromkeys(EXPLICIT, "pinv") | (
            {"network": "gram"} if dataset == "mnist" else {}
        )
        theirs = [
            Arm(f"{name}-64", name, width, "float64", "matlab", solvers.get(name, "svd"))
            for name, width in cuts.items()
        ]
        accurate = [
            dataclasses.replace(arm, name=arm.name + FACTORED, solver="svd")
            for arm in theirs
            if arm.explicit and arm.partition != "weight"
        ]
        return (*theirs, *accurate)
    single = (
        Arm(name, name, width, solver="svd" if name in ("node", "layer") else "auto")
        for name, width in cuts.items()
    )
    return (*single, Arm("bounded", "network", rank=8, window=window, max_modulus=1.0))
