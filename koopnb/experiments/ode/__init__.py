"""The paper's published example: networks that solve an ODE, trained to the end and predicted."""

from koopnb.experiments.ode.clock import speed_up, time_one_network
from koopnb.experiments.ode.configuration import COLLOCATION_KINDS, UNTUNED_OPTIMIZERS, OdeConfig
from koopnb.experiments.ode.experiment import SERIES, run
from koopnb.experiments.ode.forecasts import fit_one
from koopnb.experiments.ode.summaries import (
    error_interval,
    error_over,
    errors_at_horizon,
    loss_over,
    losses_over,
    ratio,
    ratio_interval,
)
from koopnb.experiments.ode.trainings import (
    advance,
    equidistant_times,
    fresh_networks,
    networks_of_rows,
    rows_of_weights,
    train_networks,
)

__all__ = [
    "COLLOCATION_KINDS", "SERIES", "UNTUNED_OPTIMIZERS", "OdeConfig", "advance",
    "equidistant_times", "error_interval", "error_over", "errors_at_horizon", "fit_one",
    "fresh_networks", "loss_over", "losses_over", "networks_of_rows", "ratio", "ratio_interval",
    "rows_of_weights", "run", "speed_up", "time_one_network", "train_networks",
]  # fmt: skip
