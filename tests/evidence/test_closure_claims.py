"""What decides each statement of chapters 04 and 05: one entry of a record moves it."""

import copy

import pytest

from koopnb.evidence.statements.closure import CLOSURE
from koopnb.evidence.statements.sections import SECTIONS
from koopnb.experiments.record import Record
from koopnb.experiments.sections import arithmetic, records

BY_KEY = {claim.key: claim for claim in (*CLOSURE, *SECTIONS)}


def biases(plain, repaired):
    """Bias and half its interval by method: of least squares, and of both repairs."""
    means = (plain, repaired, repaired)
    return {name: [mean, 0.001] for name, mean in zip(records.METHODS, means, strict=True)}


GAPS = dict.fromkeys(("batches", "schedule", "momentum", "adadelta"), 0.5)
MEMORY = {"momentum": [[1.0] * 3, [0.1] * 3], "adadelta": [[1.0] * 3, [2.0] * 3]}
METRICS = {
    "linearity": {"operator": 0.0, "map": 50.0},
    "spectrum": 1e-15,
    "leak": 1e-15,
    "double well": {"errors": [[0.2, 0.5, 1.0], [1e-9, 0.1, 0.95]]},
    "van der Pol": {"errors": [[0.2, 0.5, 1.0], [1e-6, 0.1, 0.2]]},
    "norm growth": {"Gaussian": 1.0, "Lebesgue": 100.0, "Cauchy": 4.0},
    "identity": 0.0,
    "two futures": {"descent": 0.0} | GAPS,
    "with memory": MEMORY,
    "formula": {
        dtype: [1e-12 if pairs <= arithmetic.WIDTH else 1.0 for pairs in arithmetic.PAIRS]
        for dtype in arithmetic.DTYPES
    },
    "one step": {
        "fitted": [1e-14] * len(records.COUNTS),
        "fresh": [0.9] * len(records.COUNTS),
    },
    "cutoff": {
        "smooth": {"float64": [1e-9, 0.1], "float32": [0.01, 0.1]},
        "noisy": {"float64": [9.0, 0.3], "float32": [9.0, 0.3]},
    },
    "spectra": {
        "well separated": dict.fromkeys(arithmetic.METHODS, 1e-12),
        "close together": {"snapshots": 1e-8, "SVD": 1e-12},
    },
    "formed": {"1e-04": 1e-10, "1e-12": 1e-4},
    "powers": {"900": [0.01, 20.0]},
    "bias": {
        "measurement noise": biases(-0.04, 0.001),
        "process noise": biases(-0.003, 0.02),
    },
    "delays": {"imaginary": 0.0, "gap": 1e-15},
    "bent": {"error": 1e-9},
    "believed": {"by_residual": 0.001, "by_modulus": 1.0, "margin": 3.0},
}


def holds(key, *where, value=None):
    """Whether a claim holds, with one entry of the record changed if a value is given."""
    metrics = copy.deepcopy(METRICS)
    if where:
        inner = metrics
        for name in where[:-1]:
            inner = inner[name]
        inner[where[-1]] = value
    claim = BY_KEY[key]
    return claim.low <= claim.measure(Record("", {}, metrics, {}, {})) <= claim.high


@pytest.mark.parametrize(
    ("key", "where", "failing"),
    [
        ("operator-linear", ("linearity", "operator"), 1e-9),
        ("operator-linear", ("linearity", "operator"), 1.0),
        ("closed-spectrum", ("spectrum",), 1e-9),
        ("well-one-step", ("double well", "errors", -1, 0), 1e-3),
        ("well-never-closes", ("double well", "errors", -1, 2), 0.89),
        ("cycle-never-closes", ("van der Pol", "errors", 0, 2), 0.04),
        ("leak", ("leak",), 1e-8),
        ("both-integrable", ("norm growth", "Gaussian"), 1.002),
        ("neither-integrable", ("norm growth", "Lebesgue"), 1.9),
        ("neither-integrable", ("norm growth", "Cauchy"), 1.9),
        ("same-operator", ("identity",), 1e-16),
        ("weights-no-state", ("two futures", "schedule"), 0.09),
        ("weights-no-state", ("two futures", "descent"), 0.41),
        ("velocity-helps", ("with memory", "momentum", 1, 1), 1.1),
        ("formula-right", ("formula", "float64", 0), 1e-7),
        ("formula-wrong", ("formula", "float32", -1), 0.09),
        ("few-fit", ("one step", "fitted", 0), 1e-8),
        ("few-forecast", ("one step", "fresh", 0), 0.09),
        ("smooth-precision", ("cutoff", "smooth", "float32", 0), 9e-9),
        ("noisy-everything", ("cutoff", "noisy", "float32", 0), 0.9),
        ("noisy-cutoff", ("cutoff", "noisy", "float64", 1), 0.6),
        ("one-spectrum", ("spectra", "well separated", "companion"), 1e-6),
        ("squared-condition", ("spectra", "close together", "SVD"), 1e-9),
        ("formed-vectors", ("formed", "1e-04"), 1e-6),
        ("powers", ("powers", "900", 1), 9.0),
        ("noise-inwards", ("bias", "measurement noise", "least squares", 1), 0.031),
        ("noise-repaired", ("bias", "measurement noise", "total least squares", 0), 0.005),
        ("noise-outwards", ("bias", "process noise", "forward-backward", 1), 0.018),
        ("one-moment", ("delays", "imaginary"), 1e-9),
        ("two-moments", ("delays", "gap"), 1e-9),
        ("bent-path", ("bent", "error"), 0.01),
        ("residual-right", ("believed", "by_residual"), 0.03),
        ("residual-clear", ("believed", "margin"), 1.4),
        ("modulus-wrong", ("believed", "by_modulus"), 0.01),
    ],
)
def test_a_statement_turns_on_its_own_number(key, where, failing):
    assert holds(key)
    assert not holds(key, *where, value=failing)


@pytest.mark.parametrize("column", [1, 2])
def test_accumulators_help_where_they_do_at_both_horizons(column):
    assert not holds("accumulators-help")
    both = [0.5, 0.5, 0.5]
    assert holds("accumulators-help", "with memory", "adadelta", 1, value=both)
    both[column] = 1.5
    assert not holds("accumulators-help", "with memory", "adadelta", 1, value=both)


@pytest.mark.parametrize("lost", ["inf", "nan"])
def test_what_is_lost_altogether_counts_as_infinitely_wrong(lost):
    """JSON has no number for it."""
    assert holds("powers", "powers", "900", 1, value=lost)
    assert holds("noisy-everything", "cutoff", "noisy", "float32", 0, value=lost)
    assert not holds("noisy-cutoff", "cutoff", "noisy", "float32", value=[lost, lost])
