"""When finitely many observables are enough.

``dictionaries`` are polynomials for two systems that do not close, ``autonomy`` is about what a
state of training is, and ``experiment`` makes the records.
"""

from koopnb.experiments.closure.experiment import SERIES, ClosureConfig, run

__all__ = ["SERIES", "ClosureConfig", "run"]
