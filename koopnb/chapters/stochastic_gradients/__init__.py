"""Figures, tables and sentences of the chapter on stochastic gradients."""

from koopnb.chapters.stochastic_gradients.escapes import escapes, reservation
from koopnb.chapters.stochastic_gradients.failures import failures, limit
from koopnb.chapters.stochastic_gradients.field import field, mean_of_field
from koopnb.chapters.stochastic_gradients.gradients import noise, stages
from koopnb.chapters.stochastic_gradients.networks import networks
from koopnb.chapters.stochastic_gradients.starts import floor, starts

__all__ = [
    "escapes", "failures", "field", "floor", "limit", "mean_of_field", "networks", "noise",
    "reservation", "stages", "starts",
]  # fmt: skip
