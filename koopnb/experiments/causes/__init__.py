"""Why predictions deteriorate: the report's operators taken apart, and repaired."""

from koopnb.experiments.causes.experiment import (
    EXPERIMENT,
    HORIZONS,
    STOPPED,
    SWEPT,
    SWEPT_SEEDS,
    TOGETHER,
    WINDOWS,
    CausesConfig,
    run,
)

__all__ = [
    "EXPERIMENT", "HORIZONS", "STOPPED", "SWEPT", "SWEPT_SEEDS", "TOGETHER", "WINDOWS",
    "CausesConfig", "run",
]  # fmt: skip
