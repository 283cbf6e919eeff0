"""Statements on gradient descent and momentum: one entry of a record moves each over its bound."""

import copy

import pytest

from koopnb.evidence.statements.descent import DESCENT
from koopnb.evidence.statements.inertia import INERTIA
from koopnb.experiments.record import Record

BY_KEY = {claim.key: claim for claim in (*DESCENT, *INERTIA)}
ARMS = dict.fromkeys(("descent", "momentum 0.9", "momentum 0.99"), (0, 100))
METRICS = {
    "flow": {"rises": 0, "imbalance": 0.0, "arrived": 1.0},
    "ends": {"deep": 0.3, "shallow": 0.5, "inflection": 0.2},
    "kept": {"below": 0.3, "above": 0.0},
    "apart": 1.5,
    "slowing": -1.0,
    "limits": 0.0,
    "identity": 0.0,
    "orders": {"one": 1.0, "other": 1.0},
    "to the ball": {"first": 1.0, "last": 1.0},
    "speed": 1.0,
    "best": 0.0,
    "overlap": 0.01,
    "counted": {
        "passes the inflection": ARMS,
        "escapes the shallow minimum": ARMS,
        "leaves the deep minimum": ARMS,
    },
}
PASSES, ESCAPES = ("counted", "passes the inflection"), ("counted", "escapes the shallow minimum")


def holds(key, where, value):
    changed = copy.deepcopy(METRICS)
    inner = changed
    for name in where[:-1]:
        inner = inner[name]
    assert where[-1] in inner
    inner[where[-1]] = value
    claim = BY_KEY[key]
    return claim.low <= claim.measure(Record("", {}, changed, {}, {})) <= claim.high


@pytest.mark.parametrize(
    ("key", "where", "holding", "failing"),
    [
        ("loss-never-rises", ("flow", "rises"), 0, 1),
        ("force-takes-the-loss", ("flow", "imbalance"), 9e-5, 2e-4),
        ("reaches-the-optimum", ("flow", "arrived"), 0.91, 0.89),
        ("misses-the-optimum", ("ends", "deep"), 0.02, 0.0),
        ("misses-the-optimum", ("ends", "deep"), 0.98, 1.0),
        ("stuck-in-minima", ("ends", "shallow"), 0.11, 0.09),
        ("stuck-at-inflections", ("ends", "inflection"), 0.11, 0.09),
        ("slows-at-inflections", ("slowing",), -1.04, -1.06),
        ("slows-at-inflections", ("slowing",), -0.96, -0.94),
        ("start-decides", ("apart",), 1.01, 0.99),
        ("step-decides", ("kept", "above"), 0.0, 0.001),
        ("smaller-steps-stay", ("kept", "below"), 0.21, 0.19),
        ("limit-of-the-step", ("limits",), 0.009, 0.011),
        ("momentum-is-euler", ("identity",), 1e-10, 1e-8),
        ("other-limits", ("orders", "other"), 1.14, 1.16),
        ("other-limits", ("orders", "one"), 0.86, 0.84),
        ("kept-beta-is-the-ball", ("to the ball", "last"), 0.49, 0.51),
        ("fast-without-force", ("speed",), 0.11, 0.09),
        ("passes-inflections", (*PASSES, "momentum 0.9"), [51, 100], [49, 100]),
        ("descent-stops-at-inflections", (*PASSES, "descent"), [5, 100], [6, 100]),
        ("usual-beta-escapes", (*ESCAPES, "momentum 0.9"), [51, 100], [49, 100]),
        ("some-beta-escapes", (*ESCAPES, "momentum 0.99"), [6, 100], [4, 100]),
        ("keeps-the-better-minimum", ("counted", "leaves the deep minimum", "momentum 0.99"),
         [1, 100], [2, 100]),
        ("shares-are-the-same", ("overlap",), 0.0, -0.001),
        ("best-beta", ("best",), 0.03, 0.032),
    ],
)  # fmt: skip
def test_a_statement_turns_on_its_own_number(key, where, holding, failing):
    assert holds(key, where, holding)
    assert not holds(key, where, failing)


def test_what_descent_escapes_too_is_no_gain():
    changed = METRICS["counted"]["escapes the shallow minimum"] | {
        "momentum 0.99": [60, 100], "descent": [60, 100],
    }  # fmt: skip
    assert not holds("some-beta-escapes", ESCAPES, changed)


def test_every_statement_is_tried():
    marks = test_a_statement_turns_on_its_own_number.pytestmark
    assert {case[0] for mark in marks for case in mark.args[1]} == set(BY_KEY)
