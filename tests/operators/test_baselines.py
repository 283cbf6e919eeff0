"""Averages and the straight line, against data where the answer is known."""

import jax.numpy as jnp
import numpy as np
import pytest

from koopnb.operators import baselines


@pytest.fixture
def snapshots(rng):
    return {"w": jnp.asarray(rng.normal(size=(12, 3, 2)), jnp.float32), "b": jnp.arange(12.0)}


def test_mean_takes_the_last_snapshots(snapshots):
    averaged = baselines.mean(snapshots, 4)
    np.testing.assert_allclose(averaged["w"], np.asarray(snapshots["w"])[8:].mean(0), rtol=1e-6)
    assert averaged["b"] == 9.5


def test_ema_equals_its_recursion(snapshots):
    decay = 0.5 ** (1 / 3)
    total, weight = np.zeros((3, 2)), 0.0
    for snapshot in np.asarray(snapshots["w"], np.float64):
        total, weight = decay * total + snapshot, decay * weight + 1
    np.testing.assert_allclose(baselines.ema(snapshots, 3)["w"], total / weight, rtol=1e-5)


def test_ema_of_a_constant_is_the_constant():
    assert np.isclose(baselines.ema({"a": jnp.full(7, 2.5)}, 0.1)["a"], 2.5)


def test_linear_continues_a_line_exactly():
    line = {"a": 3 + 2 * jnp.arange(10.0)[:, None] * jnp.array([[1.0, -1.0]])}
    ahead = baselines.linear(line, [0, 1, 5], last=6)["a"]
    np.testing.assert_allclose(ahead, 3 + 2 * np.array([[9], [10], [14]]) * [[1, -1]], rtol=1e-6)


def test_linear_is_the_least_squares_line(snapshots):
    ahead = baselines.linear(snapshots, [2], last=5)["w"][0]
    fitted = np.polyfit(np.arange(5), np.asarray(snapshots["w"])[-5:].reshape(5, -1), 1)
    np.testing.assert_allclose(
        ahead, (fitted[0] * 6 + fitted[1]).reshape(3, 2), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("last", [0, 13, -1])
def test_mean_refuses_counts_that_are_not_there(snapshots, last):
    with pytest.raises(ValueError, match=f"last={last}: .* between 1 and the 12 recorded"):
        baselines.mean(snapshots, last)


def test_linear_needs_two_points(snapshots):
    with pytest.raises(ValueError, match="last=1: .* between 2 and the 12 recorded"):
        baselines.linear(snapshots, [1], last=1)


@pytest.mark.parametrize("half_life", [0, -1.0, float("nan")])
def test_ema_needs_a_positive_half_life(snapshots, half_life):
    with pytest.raises(ValueError, match="must be above 0"):
        baselines.ema(snapshots, half_life)


def test_records_of_numpy_are_taken_as_they_are():
    """In double precision too, which a session of JAX without it would warn of."""
    record = {"a": 3 + 2 * np.arange(10.0)}
    assert baselines.mean(record, 2)["a"] == pytest.approx(20.0)
    assert baselines.ema(record, 0.01)["a"] == pytest.approx(21.0)
    assert baselines.linear(record, [1], 5)["a"][0] == pytest.approx(23.0)
