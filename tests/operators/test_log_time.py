"""The logarithmic clock: NumPy's interpolation, and motions that it makes simple."""

import jax.numpy as jnp
import numpy as np
import pytest

from koopnb.operators import baselines
from koopnb.operators.koopman import fit
from koopnb.operators.log_time import LogTime, between, predict_between


def test_places_between_snapshots_are_those_of_numpy(rng):
    record = {"w": rng.standard_normal((7, 2, 3)), "b": rng.standard_normal(7), "name": "net"}
    places = [0.0, 0.25, 3.0, 5.9, 6.0]
    found = between(record, places)
    assert found["name"] == "net"
    np.testing.assert_allclose(found["b"], np.interp(places, np.arange(7), record["b"]))
    for i in np.ndindex(2, 3):
        expected = np.interp(places, np.arange(7), record["w"][(slice(None), *i)])
        np.testing.assert_allclose(found["w"][(slice(None), *i)], expected)
    single = {"w": jnp.asarray(record["w"], jnp.float32)}
    assert between(single, places)["w"].dtype == jnp.float32


@pytest.mark.parametrize("age", [100, 250.5, 10_000])
def test_ticks_multiply_the_age_and_count_on_past_the_record(age):
    clock = LogTime(age, 100, 12)
    ages = {"w": age - 99 + np.arange(100.0)}
    ticks = clock.record(ages)["w"]
    np.testing.assert_allclose(ticks, np.geomspace(age - 99, age, 12))
    later = age * clock.ratio ** np.array([0, 1, 2.5])
    np.testing.assert_allclose(clock.ahead(later - age), [0, 1, 2.5], atol=1e-9)


@pytest.mark.parametrize("power", [-1.0, -0.5, 0.7])
def test_powers_of_the_age_are_one_mode(power):
    """Known spectrum: t to the p, which no operator of rank one follows step by step."""
    ages = 101 + np.arange(200.0)
    record = {"w": np.outer(ages**power, [1.0, -2.0])}
    clock, steps = LogTime(300, 200, 40), [1, 100, 300, 900]
    expected = np.outer((300.0 + np.array(steps)) ** power, [1.0, -2.0])
    operator = fit(clock.record(record), rank=1)
    assert operator.eigs[0, 0] == pytest.approx(clock.ratio**power, rel=1e-5)
    np.testing.assert_allclose(clock.trajectory(operator, steps)["w"], expected, rtol=2e-3)
    plain = fit(record, rank=1).trajectory(steps)["w"]
    assert np.abs(plain[-1] / expected[-1] - 1).min() > 0.15


def test_a_logarithm_is_a_line_and_two_modes():
    record = {"w": np.log(51 + np.arange(100.0))[:, None]}
    clock, steps = LogTime(150, 100, 30), [0, 75, 600]
    expected = np.log(150.0 + np.array(steps))
    even = clock.record(record)
    line = baselines.linear(even, clock.ahead(steps), 15)["w"][:, 0]
    np.testing.assert_allclose(line, expected, rtol=1e-3)
    straight = baselines.linear(record, steps, 50)["w"][:, 0]
    assert straight[-1] > 1.3 * expected[-1]
    both = {"w": np.concatenate([even["w"], np.ones((30, 1))], axis=1)}
    found = clock.trajectory(fit(both), steps)["w"][:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_predictions_between_steps_lie_between_those_of_steps(rng):
    operator = fit({"w": rng.standard_normal((30, 3)).cumsum(axis=0)}, rank=2)
    whole = operator.trajectory([0, 1, 2, 3])["w"]
    found = predict_between(operator, [0.0, 0.25, 2.5, 3.0])["w"]
    expected = [whole[0], 0.75 * whole[0] + 0.25 * whole[1], (whole[2] + whole[3]) / 2, whole[3]]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_no_steps_ahead_is_the_last_snapshot(rng):
    record = {"w": rng.standard_normal((30, 3))}
    clock = LogTime(30, 30, 10)
    found = clock.trajectory(fit(clock.record(record)), [0])["w"]
    np.testing.assert_allclose(found[0], record["w"][-1], rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LogTime(99, 100, 20), "age=99 with 100 snapshots: .* finite and at least 100"),
        (lambda: LogTime(np.inf, 100, 20), "age=inf"),
        (lambda: LogTime(np.nan, 100, 20), "age=nan"),
        (lambda: LogTime(10, 1, 20), "length=1: must be an integer >= 2"),
        (lambda: LogTime(10, 5, 1), "ticks=1: must be an integer >= 2"),
        (lambda: LogTime(10, 5, 3).record({"w": np.zeros(6)}), "got 6 snapshots.*length=5"),
        (lambda: between({"w": np.zeros(3)}, [0.5, 2.1]), "places from 0.5 to 2.1: .* 0 to 2"),
        (lambda: between({"w": np.zeros(3)}, [np.nan]), "within the record"),
    ],
)
def test_wrong_clocks_and_places_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
