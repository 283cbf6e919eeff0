"""What the trainings of one record have in common."""

from dataclasses import dataclass

import optax

from koopnb.operators.partition import PARTITIONS

# The paper gives no learning rates. None of these was tuned.
UNTUNED_OPTIMIZERS = {
    "adadelta": (optax.adadelta, 1.0),
    "adam": (optax.adam, 1e-3),
    "adagrad": (optax.adagrad, 1e-2),
}
COLLOCATION_KINDS = ("fixed", "jittered")


@dataclass(frozen=True)
class OdeConfig:
    """One record's settings. The lengths are the paper's, in iterations.

    With ``points`` "fixed" every iteration takes the same collocation points; with "jittered" it
    draws one anew within each of ``collocation`` cells of equal width. Which of them the paper
    took is not known. ``networks`` train for ``burn_in`` iterations and then for ``record``
    more, each of which leaves a snapshot. Predictions are judged every ``stride`` iterations up
    to ``horizon``. Averages use the last ``averaged`` snapshots.
    """

    optimizer: str = "adadelta"
    points: str = "fixed"
    seed: int = 0
    networks: int = 25
    burn_in: int = 35_000
    record: int = 10_000
    horizon: int = 2_500
    collocation: int = 200
    partitions: tuple[str, ...] = ("weight", "node", "layer", "network")
    precisions: tuple[str, ...] = ("float32", "float64")
    averaged: int = 1_000
    stride: int = 125

    def __post_init__(self) -> None:
        choices = (("optimizer", tuple(UNTUNED_OPTIMIZERS)), ("points", COLLOCATION_KINDS))
        for name, allowed in choices:
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}={getattr(self, name)!r}: must be one of {allowed}.")
        unknown = [name for name in self.partitions if name not in PARTITIONS]
        if unknown or "quasi-node" in self.partitions:
            raise ValueError(
                f"partitions={self.partitions}: choose from weight, node, layer and network."
            )
        if self.horizon < 1 or self.horizon % self.stride:
            raise ValueError(
                f"horizon={self.horizon}: give a positive multiple of stride={self.stride}."
            )
        if not 2 <= self.averaged <= self.record:
            raise ValueError(
                f"averaged={self.averaged}: averages need 2 to record={self.record} snapshots."
            )
