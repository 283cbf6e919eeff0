"""The paper's published example: networks that solve an ODE, trained to the end and predicted."""

from koopnb.experiments.ode.experiment import (
    OPTIMIZERS,
    POINTS,
    SERIES,
    OdeConfig,
    advance,
    fit_one,
    flatten,
    grid,
    interval,
    ratio,
    run,
    seconds,
    start,
    train,
    unflatten,
)

__all__ = [
    "OPTIMIZERS", "POINTS", "SERIES", "OdeConfig", "advance", "fit_one", "flatten", "grid",
    "interval", "ratio", "run", "seconds", "start", "train", "unflatten",
]  # fmt: skip
