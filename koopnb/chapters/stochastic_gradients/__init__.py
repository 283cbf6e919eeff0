"""Figures, tables and sentences of the chapter on stochastic gradients."""

from koopnb.chapters.stochastic_gradients.gradients import noise, stages
from koopnb.chapters.stochastic_gradients.initial_weights import networks
from koopnb.chapters.stochastic_gradients.passages import escapes, reservation
from koopnb.chapters.stochastic_gradients.random_field import field, mean_of_field
from koopnb.chapters.stochastic_gradients.robustness import floor, starts
from koopnb.chapters.stochastic_gradients.where_it_fails import failures, limit

__all__ = [
    "escapes", "failures", "field", "floor", "limit", "mean_of_field", "networks", "noise",
    "reservation", "stages", "starts",
]  # fmt: skip
