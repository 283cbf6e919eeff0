"""Small systems, against what is known of each in closed form."""

import numpy as np
import pytest

from koopnb.dynamics import systems


def test_the_slow_manifold_stays_and_attracts():
    a, b = 0.9, 0.2
    on = systems.orbit((1.5, 1.5**2), 10, a, b)
    np.testing.assert_allclose(on[:, 1], on[:, 0] ** 2)
    off = systems.orbit((1.5, 4.0), 10, a, b)
    gaps = off[:, 1] - off[:, 0] ** 2
    np.testing.assert_allclose(gaps, (4.0 - 1.5**2) * b ** np.arange(11), rtol=1e-9, atol=1e-12)


def test_observables_close_under_the_known_matrix():
    a, b = 0.9, 0.2
    seen = np.stack([*systems.observe(systems.orbit((1.0, -2.0), 5, a, b)).values()])
    known = np.array([[a, 0, 0], [0, b, a**2 - b], [0, 0, a**2]])
    np.testing.assert_allclose(seen[:, 1:], known @ seen[:, :-1])


def test_observables_come_in_the_order_of_their_names():
    states = np.array([[2.0, 3.0]])
    assert {k: v.tolist() for k, v in systems.observe(states, ("square", "x2")).items()} == {
        "square": [4.0],
        "x2": [3.0],
    }


def test_the_double_wells_flow_is_a_group_with_its_field():
    x = np.array([-1.5, -0.3, 0.0, 0.4, 1.0])
    np.testing.assert_allclose(systems.well(systems.well(x, 0.3), 0.4), systems.well(x, 0.7))
    slope = (systems.well(x, 1e-6) - x) / 1e-6
    np.testing.assert_allclose(slope, x - x**3, atol=1e-5)


def test_van_der_pols_orbits_meet_on_the_cycle():
    """Its period is 6.6633 and its amplitude 2.0086 (Urabe 1960)."""
    orbits = systems.van_der_pol(np.array([[0.5, 2.5], [0.0, 1.0]]), 1200, dt=0.05)
    assert orbits.shape == (2, 2, 1201)
    late = orbits[0, :, 600:]
    np.testing.assert_allclose(late.max(axis=1), 2.0086, atol=1e-3)
    rising = [np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0)) for x in late]
    periods = [np.diff(found).mean() * 0.05 for found in rising]
    np.testing.assert_allclose(periods, 6.6633, atol=0.01)


def test_a_linear_record_has_its_eigenvalues_and_its_noise():
    eigs = [0.9, 0.8 * np.exp(0.5j)]
    rows = systems.linear_record(eigs, 7, 6, 0.0, 1)
    found = np.linalg.eigvals(rows[1:4].T @ np.linalg.pinv(rows[:3].T))
    found = sorted(found[np.abs(found) > 1e-6], key=lambda x: (x.real, x.imag))
    expected = sorted([*eigs, np.conj(eigs[1])], key=lambda x: (np.real(x), np.imag(x)))
    np.testing.assert_allclose(found, expected)
    noisy = systems.linear_record([0.0], 5, 4001, 0.3, 1)[1:]
    assert np.std(noisy) == pytest.approx(0.3, rel=0.05)


def test_a_driven_record_is_seen_exactly():
    rows = systems.driven_record(0, n=4000)
    assert np.linalg.matrix_rank(rows) == 3
    left = np.linalg.svd(rows.T, full_matrices=False)[0][:, :3].T @ rows.T
    found = np.linalg.eigvals(left[:, 1:] @ np.linalg.pinv(left[:, :-1]))
    assert max(np.min(np.abs(found - eig)) for eig in systems.ROTATING) < 0.02


def test_weights_that_share_a_walk_differ_by_single_precision():
    rows = systems.shared_walk(0, weights=4, n=50)
    steps = np.diff(rows, axis=0)
    assert 0 < np.ptp(steps, axis=1).max() < 1e-6 < np.abs(steps).min()


def test_an_oscillator_follows_its_eigenvalue():
    quiet = systems.noisy_oscillator(0, 0.9 * np.exp(0.3j), n=5, noise=0.0)["y"]
    np.testing.assert_allclose(quiet, 0.9 ** np.arange(5) * np.cos(0.3 * np.arange(5)))
    assert not np.array_equal(systems.noisy_oscillator(0, 0.9, n=5)["y"], 0.9 ** np.arange(5))
