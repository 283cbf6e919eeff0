"""Chapter 09, the paper's own networks: its figures, tables and sentences, section by section."""

from koopnb.chapters.ode_networks.against_line import (
    closer_than_line,
    line,
    line_table,
    line_window,
)
from koopnb.chapters.ode_networks.forecasts import every_arm, forecasts, horizon, rattle, selection
from koopnb.chapters.ode_networks.losses import (
    distances_table,
    solutions,
    worth,
    worth_compared,
    worth_table,
)
from koopnb.chapters.ode_networks.setting import limit, setting, training
from koopnb.chapters.ode_networks.variations import cutoff, cutoff_table, noise, noise_table
from koopnb.chapters.ode_networks.verdict import claims, clock, summary, training_gain

__all__ = [
    "claims", "clock", "closer_than_line", "cutoff", "cutoff_table", "distances_table",
    "every_arm", "forecasts", "horizon", "limit", "line", "line_table", "line_window", "noise",
    "noise_table", "rattle", "selection", "setting", "solutions", "summary", "training",
    "training_gain", "worth", "worth_compared", "worth_table",
]  # fmt: skip
