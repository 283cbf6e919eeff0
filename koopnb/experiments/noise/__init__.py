"""Mini-batches: a network's gradient noise, and the walks and trainings that noise drives."""

from koopnb.experiments.noise.experiment import SERIES, NoiseConfig, run
from koopnb.experiments.noise.failures import normal_tilts
from koopnb.experiments.noise.gradients import Field, field, standardized, trained
from koopnb.experiments.noise.walks import (
    DEEP,
    INFLECTION,
    PAST,
    SHALLOW,
    START,
    STEP,
    TILT,
    TOP,
    temperature,
    tilts,
)

__all__ = [
    "DEEP",
    "INFLECTION",
    "PAST",
    "SERIES",
    "SHALLOW",
    "START",
    "STEP",
    "TILT",
    "TOP",
    "Field",
    "NoiseConfig",
    "field",
    "normal_tilts",
    "run",
    "standardized",
    "temperature",
    "tilts",
    "trained",
]  # fmt: skip
