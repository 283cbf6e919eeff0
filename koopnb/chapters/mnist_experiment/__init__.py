"""The MNIST experiment, and the same on digits: many seeds beside the report's one.

``report``, ``paper``, ``several``, ``others`` and ``clock`` are the records of the series
"mnist", "paper", "routes", "optimizers" and "costs".
"""

from koopnb.chapters.mnist_experiment.clock import (
    costs_in_parts,
    what_a_jump_reaches,
    whole_costs,
)
from koopnb.chapters.mnist_experiment.comparison import every_arm, fits, long_run, losses
from koopnb.chapters.mnist_experiment.other_optimizers import learning, optimizers
from koopnb.chapters.mnist_experiment.overview import setting, summary
from koopnb.chapters.mnist_experiment.report_figures import (
    beside_the_report,
    comparable,
    report_figure,
)
from koopnb.chapters.mnist_experiment.rounding import forms, parting, routes_told
from koopnb.chapters.mnist_experiment.verdicts import (
    optimizer_verdicts,
    verdict_lines,
    verdicts,
)

__all__ = [
    "beside_the_report",
    "comparable",
    "costs_in_parts",
    "every_arm",
    "fits",
    "forms",
    "learning",
    "long_run",
    "losses",
    "optimizer_verdicts",
    "optimizers",
    "parting",
    "report_figure",
    "routes_told",
    "setting",
    "summary",
    "verdict_lines",
    "verdicts",
    "what_a_jump_reaches",
    "whole_costs",
]
