"""Where jumps work: batch size, horizon and optimizer, with and without weight decay."""

from koopnb.experiments.regimes.experiment import (
    DECAY,
    SERIES,
    RegimesConfig,
    decayed,
    grid,
    kept,
    run,
    train,
)

__all__ = ["DECAY", "SERIES", "RegimesConfig", "decayed", "grid", "kept", "run", "train"]
