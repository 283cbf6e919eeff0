"""What each statement's number is: one entry of a record moves it across its bound."""

import copy

import numpy as np
import pytest

from koopnb.evidence.statements import CLAIMS
from koopnb.experiments.record import Record

HORIZONS = ("1", "2", "5", "10")
BY_KEY = {claim.key: claim for group in CLAIMS.values() for claim in group}


def path(**how):
    """An arm's summary at every horizon: equal to any other, unless told otherwise."""
    plain = {"loss_end": 1.0, "loss_median": 1.0, "loss_min": 1.0, "accuracy_end": 0.9,
             "accuracy_median": 0.9}  # fmt: skip
    return {t: plain | how for t in HORIZONS}


TRAINING = {
    "iterations_per_epoch": 100,
    "optimizer": path(),
    "baselines": {"mean": {"loss": 1.0}},
    "operators": {
        name: path() | {"spectral_radius": 1.0}
        for name in ("node", "layer", "quasi-node", "bounded")
    },
}
ARMS = ("weight", "quasi-node", "node", "layer", "network")
COUPLINGS = ("in one chunk", "in one node", "in one layer", "across layers")
PARTITIONS = {
    "mean": 1.0,
    "partitions": {
        name: {
            "entries": 10.0**place, "factor_bytes": 10**place, "loss": [9.0, 2.0],
            "seconds_to_fit": 1.0,
        }
        for place, name in enumerate(ARMS)
    },
    "widths": {q: {"loss": [9.0, 2.0]} for q in ("28", "112", "393", "785")},
    "couplings": {
        where: {name: 1e-13 if place > row else 0.5 for place, name in enumerate(ARMS)}
        for row, where in enumerate(COUPLINGS)
    },
}  # fmt: skip
EVERY = "growth+decay+turning"
FACTORS = ("nothing", "decay", "decay+turning", "growth+decay", EVERY)
CAUSES = {
    "baselines": {"mean": 1.0, "last": 1.0},
    "factors": {
        name: {key: {"loss": {"2": 2.0 if key == EVERY else 1.0, "10": 1.0}} for key in FACTORS}
        for name in ("node", "layer", "network")
    },
    "dip": {"node": {"slow modes": 1.0, "lowest": 1.0}},
    "repairs": {
        name: {"none": {"10": 1.0}, "centred, bounded": {"10": 1.0}}
        for name in ("node", "layer", "network")
    },
    "observables": {"distance": 0.0},
}


def measured(key, metrics, *where, value, curves=None):
    """Whether a claim holds on a record with one entry changed."""
    changed = copy.deepcopy(metrics)
    inner = changed
    for name in where[:-1]:
        inner = inner[name]
    assert where[-1] in inner
    inner[where[-1]] = value
    config = {"horizon_epochs": [1, 2, 5, 10]}
    claim = BY_KEY[key]
    return claim.low <= claim.measure(Record("", config, changed, curves or {}, {})) <= claim.high


def arm(name, horizon, quantity):
    return "operators", name, horizon, quantity


@pytest.mark.parametrize(
    ("key", "where", "holding", "failing"),
    [
        ("node-comparable", arm("node", "1", "accuracy_median"), 0.88, 0.87),
        ("layer-comparable", arm("layer", "1", "accuracy_median"), 0.95, 0.87),
        ("node-comparable-end", arm("node", "1", "accuracy_end"), 0.88, 0.87),
        ("layer-comparable-end", arm("layer", "1", "accuracy_end"), 0.88, 0.87),
        ("node-comparable-end", ("optimizer", "1", "accuracy_median"), 0.9, 0.94),
        ("node-comparable-loss", arm("node", "1", "loss_end"), 1.04, 1.06),
        ("layer-comparable-loss", arm("layer", "1", "loss_end"), 0.5, 1.06),
        ("node-comparable-loss", ("optimizer", "1", "loss_median"), 1.0, 0.94),
        ("node-deteriorates", arm("node", "2", "loss_end"), 1.06, 1.04),
        ("layer-deteriorates", arm("layer", "2", "loss_end"), 1.06, 0.5),
        ("node-deteriorates", arm("node", "1", "loss_end"), 0.9, 1.0),
        ("node-generous", arm("node", "1", "loss_end"), 1.0, 1.01),
        ("node-growth", ("operators", "node", "spectral_radius"), 1.001, 1.0009),
        ("node-guesses", arm("node", "10", "loss_end"), 2.31, 2.30),
        ("layer-guesses", arm("layer", "10", "loss_end"), 2.31, 2.30),
        ("node-dip-level", arm("node", "1", "loss_min"), 1.04, 1.06),
        ("node-dip-above", arm("node", "1", "loss_min"), 1.0, 0.99),
        ("average-suffices", ("optimizer", "2", "loss_median"), 1.0, 0.99),
        ("average-lasts", ("optimizer", "10", "loss_median"), 1.0, 0.99),
        ("average-beats-best", ("optimizer", "10", "loss_min"), 1.0, 0.99),
        ("bounded-is-average", arm("bounded", "10", "loss_end"), 1.04, 1.06),
        ("bounded-is-average", arm("bounded", "10", "loss_end"), 0.96, 0.95),
        ("node-worse", arm("node", "2", "loss_end"), 1.06, 1.04),
        ("bounded-lasts", arm("bounded", "10", "loss_end"), 1.04, 1.06),
    ],
)
def test_a_statement_on_training_turns_on_its_own_number(key, where, holding, failing):
    assert measured(key, TRAINING, *where, value=holding)
    assert not measured(key, TRAINING, *where, value=failing)


def partition(name, quantity):
    return "partitions", name, quantity


@pytest.mark.parametrize(
    ("key", "where", "holding", "failing"),
    [
        ("partitions-nested", ("couplings", "in one node", "node"), 1e-8, 1e-5),
        ("partitions-nested", ("couplings", "across layers", "layer"), 0.1, 1e-8),
        ("explicit-cost-grows", partition("node", "entries"), 11.0, 9.0),
        ("factors-cost-grows", partition("network", "factor_bytes"), 1000, 999),
        ("network-lowest", partition("network", "loss"), [9.0, 2.0], [1.0, 2.1]),
        ("network-lowest", partition("layer", "loss"), [1.0, 2.0], [9.0, 1.9]),
        ("average-beats-partitions", partition("weight", "loss"), [0.5, 1.0], [9.0, 0.9]),
        ("average-beats-partitions", partition("weight", "loss"), [9.0, "nan"], [9.0, 0.9]),
        ("full-nodes-ahead", ("widths", "785", "loss"), [9.0, 2.0], [1.0, 2.1]),
        ("full-nodes-ahead", ("widths", "112", "loss"), [1.0, "inf"], [9.0, 1.9]),
        ("network-fit-intractable", partition("network", "seconds_to_fit"), 10.0, 9.9),
    ],
)
def test_a_statement_on_partitions_turns_on_its_own_number(key, where, holding, failing):
    assert measured(key, PARTITIONS, *where, value=holding)
    assert not measured(key, PARTITIONS, *where, value=failing)


@pytest.mark.parametrize("key", ["node-deteriorates", "layer-deteriorates", "node-worse"])
def test_the_lowest_point_of_a_test_curve_decides_nothing_by_itself(key):
    """It is chosen on test data: the sentence would have to say so."""
    name = key.split("-")[0]
    assert not measured(key, TRAINING, *arm(name, "2", "loss_min"), value=0.01)


@pytest.mark.parametrize(
    ("key", "where", "holding", "failing"),
    [
        *(
            (f"{name}-{key}-2", ("factors", name, factor, "loss", "2"), 1.39, 1.41)
            for name in ("node", "layer", "network")
            for key, factor in (("grows", "decay+turning"), ("turns", "growth+decay"))
        ),
        *(
            (f"{name}-{key}-10", ("factors", name, EVERY, "loss", "10"), 1.06, 1.04)
            for name in ("node", "layer", "network")
            for key in ("grows", "turns")
        ),
        ("node-decays", ("factors", "node", "decay", "loss", "2"), 1.51, 1.49),
        ("node-decays-little", ("factors", "node", "decay", "loss", "2"), 1.06, 1.04),
        ("dip-without-dynamics", ("dip", "node", "slow modes"), 1.04, 1.06),
        ("dip-without-dynamics", ("dip", "node", "slow modes"), 0.96, 0.95),
        *(
            (f"{name}-repaired", ("repairs", name, "centred, bounded", "10"), 1.14, 1.16)
            for name in ("node", "layer", "network")
        ),
        ("repairs-beat-average", ("repairs", "layer", "none", "10"), 0.95, 0.96),
        ("observables", ("observables", "distance"), 1e-5, 1e-7),
    ],
)
def test_a_statement_on_causes_turns_on_its_own_number(key, where, holding, failing):
    assert measured(key, CAUSES, *where, value=holding)
    assert not measured(key, CAUSES, *where, value=failing)


@pytest.mark.parametrize(
    ("key", "alone", "holds"),
    [
        ("one-node", [1.0, 1.3, 1.0], True),
        ("one-node", [1.0, 1.2, 1.2], False),
        ("one-node-foretold", [1.0, 1.3, 1.0], False),
        ("one-node-foretold", [1.0, 1.0, 1.3], True),
    ],
)
def test_the_worst_node_is_picked_on_the_test_set_and_the_foretold_one_is_not(key, alone, holds):
    curves = {"nodes/alone": np.array(alone), "nodes/radius": np.array([1.0, 0.9, 1.1])}
    last = ("baselines", "last")
    assert measured(key, CAUSES, *last, value=1.0, curves=curves) == holds


def at_end(*values):
    """A curve of three networks at two horizons: nothing but the last one may count."""
    return np.array([[100.0] * 3, values])


ODE_CURVES = {
    "no change/error": at_end(1.0, 1.0, 1.0),
    **{f"{arm} float64/error": at_end(0.9, 0.9, 0.9) for arm in ("node", "layer", "network")},
    "linear/error": at_end(0.9, 0.9, 0.9),
    **{
        f"{arm}/loss": at_end(1.0, 1.0, 1.0)
        for arm in ("node float64", "network float64", "no change", "mean")
    },
}


@pytest.mark.parametrize(
    ("key", "curve", "holding", "failing"),
    [
        *(
            (f"{arm}-accurate", f"{arm} float64/error", (0.1, 0.49, 9.0), (0.1, 0.51, 0.6))
            for arm in ("node", "layer", "network")
        ),
        ("node-accurate", "no change/error", (0.1, 1.81, 9.0), (0.1, 1.79, 9.0)),
        ("network-accurate", "no change/error", (0.1, 1.81, 9.0), (0.1, 1.79, 9.0)),
        ("network-beats-line", "network float64/error", (0.1, 0.80, 9.0), (0.1, 0.82, 0.9)),
        ("network-beats-line", "linear/error", (0.1, 1.01, 9.0), (0.1, 0.99, 9.0)),
        ("node-compromise", "node float64/loss", (0.1, 1.09, 9.0), (0.1, 1.11, 9.0)),
        ("node-compromise", "network float64/loss", (0.1, 0.92, 9.0), (0.1, 0.90, 9.0)),
        ("node-useful", "node float64/loss", (0.1, 0.89, 9.0), (0.1, 0.91, 9.0)),
        ("beats-average", "network float64/loss", (0.1, 0.89, 9.0), (0.1, 0.91, 9.0)),
        ("beats-average", "mean/loss", (0.1, 1.12, 9.0), (0.1, 1.11, 9.0)),
    ],
)
def test_a_statement_on_ode_networks_turns_on_its_own_number(key, curve, holding, failing):
    claim = BY_KEY[key]
    for values, expected in ((holding, True), (failing, False)):
        one = Record("", {}, {}, ODE_CURVES | {curve: at_end(*values)}, {})
        assert (claim.low <= claim.measure(one) <= claim.high) == expected


PICKS = ("node-dip-level", "node-dip-above", "average-beats-best", "one-node",
         "dip-without-dynamics", "repairs-beat-average", "network-lowest",
         "average-beats-partitions", "full-nodes-ahead")  # fmt: skip


@pytest.mark.parametrize("key", PICKS)
def test_a_statement_that_picks_on_the_test_set_says_so(key):
    assert "picked on the test set" in BY_KEY[key].quantity


def test_keys_are_unique_and_every_statement_can_be_false():
    own = [(key, claim.key) for key, group in CLAIMS.items() for claim in group]
    assert len(own) == len(set(own))
    for claim in BY_KEY.values():
        assert np.isfinite([claim.low, claim.high]).any(), claim.key
