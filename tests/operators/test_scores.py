"""Scores of records: closed forms, plain loops, and what must not change them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.helpers import explicit

from koopnb.operators import scores


def tree(rows):
    """A record (n, 6) as a pytree of a matrix and a vector."""
    return {"w": rows[:, :4].reshape(-1, 2, 2), "b": rows[:, 4:]}


def test_what_is_not_an_array_takes_no_part(rng):
    rows = rng.standard_normal((9, 6)).cumsum(axis=0)
    for score in (scores.drift, scores.persistence, lambda x: scores.rehearsal(x, 1.0, rank=2)):
        assert score(tree(rows) | {"activation": np.tanh}) == score(tree(rows))


def circle(angle, n=40):
    t = angle * np.arange(n)
    return np.stack([np.cos(t), np.sin(t)], axis=1)


def test_a_straight_line_drifts_and_persists_entirely():
    line = np.arange(12.0)[:, None] * np.ones((1, 6))
    assert scores.drift(tree(line)) == pytest.approx(1)
    assert scores.persistence(tree(line)) == pytest.approx(1)
    still = np.ones((5, 6), np.float32)
    assert scores.drift(tree(still)) == scores.persistence(tree(still)) == 1
    assert scores.rehearsal(tree(still), 1.0) == 1


def test_walks_and_noise_have_the_scores_that_theory_gives(rng):
    n = 50
    walk = np.cumsum(rng.standard_normal((n, 40_000)), axis=0)
    assert scores.drift(walk) == pytest.approx(1 / (n - 1), rel=0.05)
    assert scores.persistence(walk) == pytest.approx(0, abs=0.01)
    noise = rng.standard_normal((n, 40_000))
    assert scores.drift(noise) == pytest.approx(1 / (n - 1) ** 2, rel=0.05)
    assert scores.persistence(noise) == pytest.approx(-0.5, abs=0.01)


@pytest.mark.parametrize("angle", [0.1, 1.0, 2.5])
def test_persistence_on_a_circle_is_the_cosine_of_its_step(angle):
    assert scores.persistence(circle(angle)) == pytest.approx(np.cos(angle))


def test_scores_are_those_of_plain_loops(rng):
    rows = rng.standard_normal((9, 6)).cumsum(axis=0) + 0.3 * np.arange(9)[:, None]
    steps = [rows[t + 1] - rows[t] for t in range(8)]
    mean = sum(steps) / 8
    assert scores.drift(tree(rows)) == pytest.approx(
        (mean @ mean) / (sum(d @ d for d in steps) / 8)
    )
    both = sum(steps[t] @ steps[t + 1] for t in range(7))
    size = sum(d @ d for d in steps[:-1]) * sum(d @ d for d in steps[1:])
    assert scores.persistence(tree(rows)) == pytest.approx(both / size**0.5)


@given(st.integers(0, 1_000), st.floats(0.01, 100), st.floats(-10, 10))
def test_scale_shift_and_rotation_change_nothing(seed, scale, shift):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((8, 6)).cumsum(axis=0)
    turned = scale * rows @ np.linalg.qr(rng.standard_normal((6, 6)))[0] + shift
    for score in (scores.drift, scores.persistence):
        assert score(tree(turned)) == pytest.approx(score(tree(rows)), abs=1e-6)


def test_a_rehearsal_of_linear_dynamics_succeeds_and_is_the_explicit_one(rng):
    spiral = np.concatenate([0.95 ** np.arange(30)[:, None] * circle(0.3, 30)] * 3, axis=1)
    assert scores.rehearsal(tree(spiral), 1.0, rank=2) < 1e-8
    rows = spiral + 0.02 * rng.standard_normal(spiral.shape)
    for ahead, first in ((1.0, 15), (2.0, 10)):
        k, _ = explicit(rows[:first], 0.0, rank=2)
        assert np.abs(np.linalg.eigvals(k)).max() < 1  # so that the bound changes nothing
        guess = np.linalg.matrix_power(k, 30 - first) @ rows[first - 1]
        error = np.linalg.norm(guess - rows[-1]) / np.linalg.norm(rows[-1] - rows[first - 1])
        assert scores.rehearsal(tree(rows), ahead, rank=2) == pytest.approx(error, rel=1e-6)


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (lambda x: scores.persistence(x[:2]), "persistence of 2 snapshots"),
        (lambda x: scores.drift(x[:1]), "got 1 snapshot"),
        (lambda x: scores.rehearsal(x, 9.0), "ahead=9.0 on 10 snapshots fits an operator to 1"),
        (lambda x: scores.rehearsal(x, 0.0), "ahead=0.0 on 10 snapshots"),
        (lambda x: scores.rehearsal(x, 1.0, rank=0), "rank=0"),
    ],
)
def test_wrong_records_are_refused(score, message):
    rows = np.arange(20.0).reshape(10, 2)
    scores.rehearsal(rows, 1.0, rank=1)
    with pytest.raises(ValueError, match=message):
        score(rows)


def test_rounding_is_nothing_on_a_plain_record_and_decides_on_a_steep_one(rng):
    """The steep one: directions down to a few units of rounding, mixed, and nothing cut."""
    plain = {"w": 0.97 ** np.arange(40.0)[:, None] * rng.standard_normal(5)}
    assert scores.rounding(plain, [1, 100]).max() < 1e-9
    turn = np.linalg.qr(rng.standard_normal((20, 20)))[0]
    walk = rng.standard_normal((60, 20)).cumsum(axis=0) * np.logspace(0, -13, 20)
    steep = {"w": walk @ turn + turn[0]}
    assert scores.rounding(steep, [10], rcond=1e-15)[0] > 1e-4
    assert scores.rounding(steep, [10], rcond=1e-3)[0] < 1e-9


def test_rounding_tells_single_precision_from_double(rng):
    record = {"w": rng.standard_normal((30, 4)).cumsum(axis=0).astype(np.float32)}
    single, double = (scores.rounding(record, [5], dtype=d)[0] for d in ("float32", "float64"))
    assert 0 < double < 1e-3 * single
