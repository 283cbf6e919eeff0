"""Chapter 03: momentum beside its equation, what inertia carries past, and Newton's world."""

from koopnb.chapters.momentum.beads import Motions, choice, film, newton
from koopnb.chapters.momentum.methods import best_beta, fitted, orders, regimes, settings
from koopnb.chapters.momentum.passing import passing, shallow, thresholds

__all__ = [
    "Motions",
    "best_beta",
    "choice",
    "film",
    "fitted",
    "newton",
    "orders",
    "passing",
    "regimes",
    "settings",
    "shallow",
    "thresholds",
]
