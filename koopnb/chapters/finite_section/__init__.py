"""Chapter 05: figures, tables and sentences on the matrix that stands in for an operator."""

from koopnb.chapters.finite_section.arithmetic import (
    algorithms,
    cutoff,
    cutoffs,
    formed,
    formula,
    powers,
    where_it_exists,
)
from koopnb.chapters.finite_section.modes import bent, delays, spectrum_draws
from koopnb.chapters.finite_section.noise import biases, noise, too_few, too_few_numbers
from koopnb.chapters.finite_section.residuals import believe, over_seeds

__all__ = [
    "algorithms",
    "believe",
    "bent",
    "biases",
    "cutoff",
    "cutoffs",
    "delays",
    "formed",
    "formula",
    "noise",
    "over_seeds",
    "powers",
    "spectrum_draws",
    "too_few",
    "too_few_numbers",
    "where_it_exists",
]
