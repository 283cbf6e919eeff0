"""Chapter 01: gradient descent beside its flow, where it ends, and beads in sticky world."""

from koopnb.chapters.gradient_flow.beads import choice, film, positions
from koopnb.chapters.gradient_flow.ends import destinations, limits, stuck
from koopnb.chapters.gradient_flow.flow import arrivals, fitted, landscape, order

__all__ = [
    "arrivals",
    "choice",
    "destinations",
    "film",
    "fitted",
    "landscape",
    "limits",
    "order",
    "positions",
    "stuck",
]
