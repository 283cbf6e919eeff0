"""What each statement on mini-batches turns on: one entry of a record moves it across its bound."""

import copy

import pytest

from koopnb.evidence.statements import CLAIMS
from koopnb.experiments.record import Record

BY_KEY = {claim.key: claim for claim in CLAIMS["noise"]}
ROW = {"passed": 10, "predicted": 10.0}
METRICS = {
    "field": {"bias": 1.0},
    "noise": {"power": -1.0, "worst_ratio": 1.0, "kurtosis": {"1": 0.0, "256": 0.0},
              "top_ten": 0.1},
    "escape": {
        "settings": [
            {"rate": rate, "batch": batch, "passed": 0}
            for rate in (0.02, 0.1) for batch in (4, 8, 32)
        ],
        "small_steps": 1.0,
    },
    "inflection": {"passed": 1.0, "power": -1 / 3},
    "starts": {"deep": [0, 0, 0]},
    "parabola": {"steps": [0.02, 0.05, 1.5], "fresh": [9.0, 1.0, 1.0], "reshuffled": [1.0, 9.0],
                 "worst_ratio": 1.0},
    "tails": {side: [{"batch": 4} | ROW, {"batch": 16} | ROW] for side in ("out", "in")},
    "reshuffled": [{"epoch": 16} | ROW, {"epoch": 64, "passed": 0, "predicted": 10.0}],
    "limit": {"power": 0.0},
    "networks": {"mini-batches": 0.5, "same data": 0.3, "same iterations": 0.3},
}  # fmt: skip


def holds(key, *where, value):
    """Whether a claim holds on the record with one entry changed."""
    metrics = copy.deepcopy(METRICS)
    inner = metrics
    for name in where[:-1]:
        inner = inner[name]
    inner[where[-1]] = value
    claim = BY_KEY[key]
    one = Record("noise", {"walks": 100, "starts": 100}, metrics, {}, {})
    return claim.low <= claim.measure(one) <= claim.high


CASES = [
    ("bias", ("field", "bias"), 4.4, 4.6),
    ("share-hot", ("escape", "settings", 3, "passed"), 95, 94),
    ("share-cold", ("escape", "settings", 5, "passed"), 95, 94),
    ("limit", ("limit", "power"), 0.09, 0.5),
    ("crossed", ("inflection", "passed"), 0.96, 0.94),
    ("deep-best", ("starts", "deep", 1), 80, 79),
    ("deep-cold", ("starts", "deep", 2), 80, 79),
    ("deep-hot", ("starts", "deep", 0), 80, 79),
    ("same-data", ("networks", "same data"), 0.29, 0.31),
    ("same-iterations", ("networks", "same iterations"), 0.29, 0.31),
    ("slope", ("noise", "power"), -1.05, -1.07),
    ("variance-ratio", ("noise", "worst_ratio"), 0.81, 0.79),
    ("exact", ("parabola", "worst_ratio"), 1.24, 1.26),
    ("kurtosis-1", ("noise", "kurtosis", "1"), 0.9, 1.1),
    ("kurtosis-256", ("noise", "kurtosis", "256"), 0.9, 1.1),
    ("top-ten", ("noise", "top_ten"), 0.09, 0.11),
    ("rate-small", ("escape", "small_steps"), 1.14, 1.16),
    ("variance-small", ("parabola", "fresh", 1), 0.86, 0.84),
    ("variance-large", ("parabola", "fresh", 2), 1.14, 1.16),
    ("variance-reshuffled", ("parabola", "reshuffled", 0), 0.86, 0.84),
    ("escape-reshuffled", ("reshuffled", 0, "passed"), 9, 8),
    ("tail", ("tails", "out", 1, "passed"), 27, 28),  # 1.5 times Garwood's limit, 18.39
    ("tail", ("tails", "in", 1, "predicted"), 10.0, 40.0),
    ("cube-root", ("inflection", "power"), -0.38, -0.4),
]


@pytest.mark.parametrize(("key", "where", "holding", "failing"), CASES)
def test_a_statement_turns_on_its_own_number(key, where, holding, failing):
    assert holds(key, *where, value=holding)
    assert not holds(key, *where, value=failing)


def test_every_statement_has_a_case():
    assert {key for key, *_ in CASES} == set(BY_KEY)
