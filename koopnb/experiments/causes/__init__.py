"""Why predictions deteriorate: the report's operators taken apart, and repaired."""

from koopnb.experiments.causes.experiment import (
    HORIZONS,
    SERIES,
    STOPPED,
    SWEPT,
    SWEPT_SEEDS,
    TOGETHER,
    WINDOWS,
    CausesConfig,
    run,
)

__all__ = [
    "HORIZONS", "SERIES", "STOPPED", "SWEPT", "SWEPT_SEEDS", "TOGETHER", "WINDOWS",
    "CausesConfig", "run",
]  # fmt: skip
