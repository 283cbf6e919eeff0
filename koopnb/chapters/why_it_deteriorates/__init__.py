"""Why operators deteriorate: growth, decay and turning, nodes, the dip, cutoffs and repairs.

``records`` and ``sweeps`` are the records of the series "causes" and "cutoffs".
"""

from koopnb.chapters.why_it_deteriorates.cutoffs import cutoffs, cutoffs_told
from koopnb.chapters.why_it_deteriorates.dip import dip
from koopnb.chapters.why_it_deteriorates.nodes import kept_still, nodes, weights
from koopnb.chapters.why_it_deteriorates.overview import growth, observables, setting, turning
from koopnb.chapters.why_it_deteriorates.repairs import repaired, repairs
from koopnb.chapters.why_it_deteriorates.switches import cause, combinations, switches

__all__ = [
    "cause",
    "combinations",
    "cutoffs",
    "cutoffs_told",
    "dip",
    "growth",
    "kept_still",
    "nodes",
    "observables",
    "repaired",
    "repairs",
    "setting",
    "switches",
    "turning",
    "weights",
]
