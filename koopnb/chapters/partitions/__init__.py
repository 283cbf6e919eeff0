"""Partitions: what their operators see, cost and predict.

``records`` are those of the series "partitions", ``timed`` is the one of the series "fits".
"""

from koopnb.chapters.partitions.costs import benchmark, costs, counted, network_cost
from koopnb.chapters.partitions.losses import accuracy, lowest, quasi_nodes, widths_and_seeds
from koopnb.chapters.partitions.views import patterns, staircase

__all__ = [
    "accuracy",
    "benchmark",
    "costs",
    "counted",
    "lowest",
    "network_cost",
    "patterns",
    "quasi_nodes",
    "staircase",
    "widths_and_seeds",
]
