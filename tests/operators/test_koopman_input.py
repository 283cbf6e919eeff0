"""Operators of dead, bad and huge weights, and what `fit` refuses."""

import jax
import numpy as np
import pytest
from support.helpers import (
    explicit,
)

from koopnb.operators.koopman import fit
from koopnb.operators.snapshots import horizons


@pytest.mark.parametrize(
    ("dtype", "keywords"),
    [
        (np.float32, {}),
        (np.float32, {"rank": 2}),
        (np.float32, {"solver": "svd", "max_modulus": 0.5}),
        (np.float64, {}),
        (np.float16, {"rank": 3}),
    ],
)
def test_constant_blocks_give_themselves_back_to_the_bit(dtype, keywords, rng):
    alive = rng.standard_normal((12, 4)).cumsum(axis=0)
    rows = np.stack([alive, np.tile(rng.standard_normal(4), (12, 1)), np.zeros_like(alive)], axis=1)
    rows = rows.astype(dtype)
    operator = fit({"w": rows}, partition="node", **keywords)
    for steps in (0, 1, 2, 1876, 10**9):
        predicted = np.asarray(operator.predict(steps)["w"])
        np.testing.assert_array_equal(predicted[1:], rows[-1, 1:])
    assert operator.rank.tolist()[1:] == [1, 0]
    np.testing.assert_array_equal(operator.spectral_radius[1:], [1, 0])
    np.testing.assert_array_equal(operator.residuals[1:], 0)


def test_constant_weights_stay_constant_under_windows():
    rows = np.full((100, 3), 0.1, np.float32)
    np.testing.assert_array_equal(fit({"w": rows}, window=7).predict(3)["w"], rows[0])


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1e15])
def test_tiny_and_huge_weights_are_no_trouble(size, rng):
    rows = (size * rng.standard_normal((6, 3)).cumsum(axis=0)).astype(np.float32)
    operator = fit({"w": rows})
    expected = explicit(rows / size, operator.rcond[0])[0] @ rows[-1]
    np.testing.assert_allclose(
        np.asarray(operator.predict(1)["w"]) / size, expected / size, rtol=1e-3
    )
    assert bool(operator.finite([1]).all())


@pytest.mark.parametrize("solver", ["gram", "svd", "randomized"])
@pytest.mark.parametrize("step", [0, 3, 7])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_snapshots_that_are_not_finite_are_named(solver, step, value, rng):
    tree = {"a": rng.standard_normal((8, 5)), "b": [rng.standard_normal((8, 2, 2))]}
    fit(tree, rank=2, solver=solver)
    tree["b"][0][step, 1, 0] = value
    named = rf"leaf \['b'\]\[0\] is {value} at step {step}: snapshots must be finite"
    with pytest.raises(ValueError, match=named):
        fit(tree, rank=2, solver=solver, partition="layer")


def test_predictions_that_are_not_finite_are_reported_by_block():
    growth = np.array([3.0, 0.5])
    rows = (growth ** np.arange(6)[:, None]).astype(np.float32)
    operator = fit({"w": rows}, partition="weight")
    assert operator.finite([1, 70, 80]).tolist() == [[True, True], [True, True], [False, True]]
    assert not np.isfinite(operator.predict(80)["w"][0])
    assert operator.finite([80])[0, 0] == np.isfinite(operator.predict(80)["w"][0])


GOOD = {"a": np.ones((4, 2), np.float32), "b": np.zeros((4,), np.float32)}


@pytest.mark.parametrize(
    ("change", "keywords", "message"),
    [
        (
            {"b": np.zeros((3,), np.float32)},
            {},
            r"leaf \['b'\] has 3 snapshots and leaf \['a'\] has 4",
        ),
        (
            {"b": np.zeros((4,), np.int32)},
            {},
            r"leaf \['b'\] has dtype int32: snapshots must be real",
        ),
        ({"b": np.zeros((4,), bool)}, {}, r"leaf \['b'\] has dtype bool: snapshots must be real"),
        ({"b": np.zeros((4,), np.complex64)}, {}, r"dtype complex64: .* real and imaginary parts"),
        ({"b": np.zeros((), np.float32)}, {}, r"leaf \['b'\] is a scalar: it needs a leading time"),
        ({}, {"partition": "nodes"}, r"partition='nodes': must be one of .* mean 'node'\?"),
        ({}, {"partition": "quasi-node", "q": 0}, "q=0: must be at least 1"),
        ({}, {"window": 0}, "window=0: must be an integer >= 1"),
        ({}, {"window": 2.0}, "window=2.0: must be an integer >= 1"),
        ({}, {"window": 3}, "window=3 on 4 snapshots leaves 1 window means .* use window <= 2"),
        ({}, {"window": 5}, "window=5 on 4 snapshots leaves 0 window means"),
        ({}, {"rcond": -0.1}, r"rcond=-0.1: must be in \[0, 1\)"),
        ({}, {"rcond": 1}, r"rcond=1: must be in \[0, 1\)"),
        ({}, {"rcond": float("nan")}, r"rcond=nan: must be in \[0, 1\)"),
        ({}, {"max_modulus": 0.0}, "max_modulus=0.0: must be positive and finite"),
        ({}, {"solver": "qr"}, "solver='qr': must be one of auto, gram, svd, randomized"),
        ({}, {"solver": "randomized"}, "solver='randomized' with rank=None: it needs a rank"),
        ({}, {"dtype": "float16"}, "dtype='float16': fits are computed in 'float32' or 'float64'"),
        ({}, {"dtype": "single-ish"}, "dtype='single-ish': fits are computed in"),
    ],
)
def test_bad_input_is_named(change, keywords, message):
    with pytest.raises(ValueError, match=message):
        fit({**GOOD, **change}, **keywords)
    fit(GOOD, window=2, rcond=0, solver="randomized", rank=1, dtype=np.float64)


def test_too_few_snapshots_and_empty_trees_are_named():
    with pytest.raises(ValueError, match="got 1 snapshot: an operator needs at least two"):
        fit({"a": np.ones((1, 2))})
    with pytest.raises(ValueError, match="snapshots hold no array"):
        fit({"a": None, "b": jax.nn.relu})
    with pytest.raises(ValueError, match="holds no weights"):
        fit({"a": np.ones((4, 0))})
    fit({"a": np.ones((2, 2)), "b": np.ones((2, 0))})


@pytest.mark.parametrize("steps", [-1, np.int64(-3)])
def test_negative_horizons_are_refused(steps):
    operator = fit(GOOD)
    with pytest.raises(ValueError, match=rf"steps={steps}: must be an integer >= 0"):
        operator.predict(steps)
    with pytest.raises(ValueError, match=rf"steps={steps}: must be an integer >= 0"):
        operator.trajectory([1, steps])
    operator.predict(np.int64(1))


def test_one_horizon_and_several_are_told_apart():
    operator = fit(GOOD)
    with pytest.raises(ValueError, match="steps=5: a trajectory needs a sequence of horizons"):
        horizons(5)  # as `trajectory` calls it; the tests' own type check would come first
    with pytest.raises(ValueError, match="one horizon in snapshots; trajectory takes several"):
        operator.predict([1, 2])
    assert len(operator.trajectory([5])["a"]) == 1


def test_another_snapshot_has_the_shapes_of_the_record():
    rng = np.random.default_rng(0)
    tree = {"w": rng.normal(size=(6, 3, 2)), "b": rng.normal(size=(6, 3))}
    operator = fit(tree)
    one = {"w": tree["w"][0], "b": tree["b"][0]}
    with pytest.raises(ValueError, match=r"leaf \['b'\] has shape \(6, 3\), that of a snapshot is"):
        operator.propagate(tree, 1)
    with pytest.raises(ValueError, match=r"leaf \['w'\] has shape \(2, 3\), .* is \(3, 2\)"):
        operator.propagate(one | {"w": one["w"].T}, 1)
    assert operator.propagate(one, 1)["w"].shape == (3, 2)


def test_a_record_may_be_one_array():
    rows = np.random.default_rng(0).normal(size=(6, 3, 2))
    assert len(fit(rows, partition="node").rank) == 3


@pytest.mark.parametrize("steps", [1.0, True, None])
def test_horizons_that_are_no_integers_are_refused(steps):
    with pytest.raises(ValueError, match=f"steps={steps}: must be an integer"):
        fit(GOOD).predict(steps)


def test_overflow_in_single_precision_is_told_from_bad_snapshots(rng):
    rows = (1e38 * rng.uniform(1, 3, (80, 300))).astype(np.float32)
    with pytest.raises(ValueError, match="the fit overflowed float32 though every snapshot is"):
        fit({"w": rows}, rank=1, solver="randomized")
    fit({"w": rows}, rank=1, solver="randomized", dtype="float64")
