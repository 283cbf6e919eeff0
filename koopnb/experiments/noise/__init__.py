"""Mini-batches: a network's gradient noise, and walks and trainings that it drives."""

from koopnb.experiments.noise.experiment import EXPERIMENT, NoiseConfig, run
from koopnb.experiments.noise.gradients import Field, field, standardized, trained
from koopnb.experiments.noise.walks import (
    DEEP,
    INFLECTION,
    SHALLOW,
    START,
    STEP,
    TILT,
    TOP,
    temperature,
    tilts,
)

__all__ = [
    "DEEP", "EXPERIMENT", "INFLECTION", "SHALLOW", "START", "STEP", "TILT", "TOP", "Field",
    "NoiseConfig", "field", "run", "standardized", "temperature", "tilts", "trained",
]  # fmt: skip
