"""Chapter 04: figures, tables and sentences on observables that close, and on what a state is."""

from koopnb.chapters.koopman_theory.dictionaries import falling_errors, not_closed, slow_decay
from koopnb.chapters.koopman_theory.measures import square_integrable
from koopnb.chapters.koopman_theory.memory import accumulators, gains, two_futures
from koopnb.chapters.koopman_theory.orbits import (
    eigenvalues,
    forecasts,
    leak,
    linear,
    slow_manifold,
    two_views,
)

__all__ = [
    "accumulators",
    "eigenvalues",
    "falling_errors",
    "forecasts",
    "gains",
    "leak",
    "linear",
    "not_closed",
    "slow_decay",
    "slow_manifold",
    "square_integrable",
    "two_futures",
    "two_views",
]
