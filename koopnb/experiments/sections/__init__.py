"""The finite section on records whose answers are known.

``arithmetic`` is about formulas, cutoffs and rounding, ``records`` about snapshots, noise and
delays, and ``experiment`` makes the records.
"""

from koopnb.experiments.sections.experiment import SERIES, SectionsConfig, run

__all__ = ["SERIES", "SectionsConfig", "run"]
