"""A series whose runs cost nothing, for tests of what is done with runs and records."""

import dataclasses
import os
import time

import numpy as np

from koopnb.experiments.protocol import Measured, Series, recorded


@dataclasses.dataclass(frozen=True)
class TrialConfig:
    """Settings of every kind that configurations have."""

    dataset: str = "digits"
    seed: int = 0
    rate: float = 1.0
    sizes: tuple[int, ...] = (1, 2)


RAN: list[TrialConfig] = []  # what was run, in order; tests empty it


@recorded(lambda _: TRIAL)
def run(config: TrialConfig, *, progress: bool = False) -> Measured:
    """Numbers that tell how often it was called, one curve and one array."""
    RAN.append(config)
    time.sleep(float(os.environ.get("TRIAL_SECONDS", 0)))
    curve = {"loss": np.arange(3.0) + len(RAN), "loss/at": np.array([10, 20, 40])}
    return {"call": len(RAN), "rate": config.rate}, curve | {"ranks": np.array([7.0, 8.0])}


TRIAL = Series(
    "trial", "nothing at all", 1, run,
    lambda dataset, seed, _horizons: [TrialConfig(dataset or "digits", seed)], (0, 1),
    datasets=("digits", "mnist"), horizons=True, also=(("mnist", (5,)),),
)  # fmt: skip
