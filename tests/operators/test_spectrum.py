"""Rates, residuals, consistency and distances against their definitions."""

import itertools

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from support.helpers import assert_spectra_close, explicit, linear_record, with_spectrum

from koopnb.operators import _eigen, spectrum
from koopnb.operators.koopman import fit

# --- rates ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dt", [0.1, 1.0, 469.0])
def test_continuous_eigenvalues_undo_a_step_of_time(dt):
    rates = np.array([-1.05, 0.2 + 2j, 0.2 - 2j, 0.0]) / dt
    eigs = np.exp(rates * dt)
    assert spectrum.continuous_eigs(eigs, dt).dtype == np.complex128
    np.testing.assert_allclose(spectrum.continuous_eigs(eigs, dt), rates, atol=1e-12)
    np.testing.assert_allclose(spectrum.growth_rates(eigs, dt), rates.real, atol=1e-12)


def test_rates_of_a_decay_of_a_tenth_in_a_tenth_of_a_second():
    assert float(spectrum.growth_rates(np.array(0.9), dt=0.1)) == pytest.approx(-1.0536, abs=1e-4)


def test_half_lives_halve():
    eigs = np.array([0.9, -0.8, 0.5 + 0.3j, 1.25])
    lives = np.asarray(spectrum.half_lives(eigs))
    np.testing.assert_allclose(np.abs(eigs) ** lives, 0.5)
    assert lives[-1] < 0 < lives[0]
    np.testing.assert_allclose(spectrum.half_lives(eigs, dt=7.0), 7 * lives)


def test_the_limits_of_half_lives_are_no_warning():
    assert float(spectrum.half_lives(np.array(0.0))) == 0
    assert np.isinf(float(spectrum.half_lives(np.array(1.0))))


@pytest.mark.parametrize("dt", [0, -1.0])
def test_a_step_takes_time(dt):
    with pytest.raises(ValueError, match=f"dt={dt}: the time of a step must be positive"):
        spectrum.continuous_eigs(np.array(0.9), dt)
    spectrum.continuous_eigs(np.array(0.9), 1e-9)


def test_the_spectral_radius_is_per_block(rng):
    rows = np.stack([0.9 ** np.arange(8), 1.1 ** np.arange(8), 0 * np.arange(8)], axis=1)
    operator = fit({"w": rows}, partition="weight")
    np.testing.assert_allclose(operator.spectral_radius, [0.9, 1.1, 0], atol=1e-12)
    np.testing.assert_allclose(_eigen.spectral_radius(np.array([0.3j, -0.4])), 0.4)


# --- distance -------------------------------------------------------------------------------

small = st.lists(st.complex_numbers(max_magnitude=2, allow_nan=False), min_size=1, max_size=5)


@settings(max_examples=50)
@given(a=small, data=st.data())
def test_the_distance_is_the_best_of_all_matchings(a, data):
    number = st.complex_numbers(max_magnitude=2, allow_nan=False)
    b = data.draw(st.lists(number, min_size=len(a), max_size=len(a)))
    best = min(
        max(abs(x - y) for x, y in zip(a, other, strict=True))
        for other in itertools.permutations(b)
    )
    assert spectrum.distance(a, b) == pytest.approx(best, abs=1e-12)
    assert spectrum.distance(b, a) == pytest.approx(best, abs=1e-12)


@settings(max_examples=50)
@given(a=small, data=st.data())
def test_the_order_of_a_spectrum_is_no_matter(a, data):
    assert spectrum.distance(a, data.draw(st.permutations(a))) == 0


def test_multiplicities_count_and_real_parts_alone_do_not():
    assert spectrum.distance([1, 1, 0], [1, 0, 0]) == 1
    assert spectrum.distance([0.9j, -0.9j, 0.45j, -0.45j], [0.45j, 0.9j, -0.45j, -0.9j]) == 0
    assert spectrum.distance([], []) == 0


def test_spectra_of_unequal_size_are_refused():
    with pytest.raises(ValueError, match=r"got 2 and 1 eigenvalues: every one needs a partner"):
        spectrum.distance([1, 0], [1])


# --- residuals ------------------------------------------------------------------------------


def noisy(rng, n=30, m=4):
    matrix = with_spectrum([0.97, 0.9 + 0.3j, 0.9 - 0.3j, 0.5], rng, extra=m - 4)
    return linear_record(matrix, rng.standard_normal(m), n) + 0.05 * rng.standard_normal((n, m))


def test_exactly_linear_weights_have_no_residual(rng):
    matrix = with_spectrum([0.97, 0.9 + 0.3j, 0.9 - 0.3j], rng, extra=3)
    rows = linear_record(matrix, rng.standard_normal(6), 20)[1:]
    operator = fit({"w": rows}, rcond=1e-9)
    assert np.max(operator.residuals) < 1e-9
    assert np.max(operator.consistency) < 1e-9
    single = fit({"w": rows.astype(np.float32)}, rank=3)
    assert np.max(single.residuals) < 1e-4


@pytest.mark.parametrize("max_modulus", [None, 0.6])
@pytest.mark.parametrize("solver", ["svd", "gram"])
def test_a_residual_is_that_of_its_observable(max_modulus, solver, rng):
    """g is a left eigenvector of the explicit operator; its residual is summed over the pairs."""
    rows = noisy(rng)
    operator = fit({"w": rows}, max_modulus=max_modulus, solver=solver)
    matrix, _ = explicit(rows, operator.rcond[0])
    values, left = np.linalg.eig(matrix.T)
    expected = []
    for value, observable in zip(values, left.T, strict=True):
        if max_modulus and abs(value) > max_modulus:
            value *= max_modulus / abs(value)
        g = rows @ observable
        expected.append(
            (
                value,
                np.sqrt(np.sum(np.abs(g[1:] - value * g[:-1]) ** 2) / np.sum(np.abs(g[:-1]) ** 2)),
            )
        )
    # Eigenvalues and residuals together, so that each residual is its eigenvalue's.
    found = np.asarray(operator.eigs[0]) + 100 * np.asarray(operator.residuals[0])
    assert_spectra_close(found, [value + 100 * size for value, size in expected], 1e-6)
    assert min(size for _, size in expected) > 1e-3


def test_residuals_do_not_depend_on_the_scale(rng):
    rows = noisy(rng)
    plain, scaled = fit({"w": rows}), fit({"w": 1e-7 * rows})
    np.testing.assert_allclose(scaled.residuals, plain.residuals, rtol=1e-6)


def test_noise_adds_to_residuals(rng):
    matrix = with_spectrum([0.99, 0.9], rng)
    rows = linear_record(matrix, rng.standard_normal(2), 40)
    noise = rng.standard_normal(rows.shape)
    sizes = [np.max(fit({"w": rows + s * noise}).residuals) for s in (0, 1e-3, 1e-2, 1e-1)]
    assert sizes == sorted(sizes)
    assert sizes[-1] > 10 * sizes[1] > 0


# --- forward-backward consistency -----------------------------------------------------------


def test_the_consistency_index_is_its_formula(rng):
    rows = noisy(rng)
    before, after = rows[:-1], rows[1:]
    forward, backward = np.linalg.pinv(before) @ after, np.linalg.pinv(after) @ before
    expected = np.linalg.eigvals(np.eye(4) - forward @ backward).real.max()
    np.testing.assert_allclose(fit({"w": rows}).consistency, [expected], rtol=1e-7)
    held = fit({"w": rows}, max_modulus=0.5)
    np.testing.assert_allclose(held.consistency, [expected], rtol=1e-7)
    mixed = rows @ rng.standard_normal((4, 4))
    np.testing.assert_allclose(fit({"w": mixed}).consistency, [expected], rtol=1e-6)


def test_the_consistency_index_bounds_the_relative_error_of_every_observable(rng):
    rows = noisy(rng)
    operator = fit({"w": rows})
    predicted = rows[:-1] @ explicit(rows, operator.rcond[0])[0].T
    observables = rng.standard_normal((4, 1000))
    error = np.linalg.norm((rows[1:] - predicted) @ observables, axis=0)
    relative = error / np.linalg.norm(rows[1:] @ observables, axis=0)
    bound = np.sqrt(float(operator.consistency[0]))
    assert relative.max() <= bound * (1 + 1e-9)
    missed = (rows[1:] - predicted).T @ (rows[1:] - predicted)
    worst = scipy.linalg.eigh(missed, rows[1:].T @ rows[1:], eigvals_only=True)[-1]
    np.testing.assert_allclose(bound, np.sqrt(worst), rtol=1e-7)


def test_consistency_of_dead_blocks_and_of_as_many_weights_as_pairs(rng):
    rows = np.stack([noisy(rng), np.ones((30, 4)), np.zeros((30, 4))], axis=1)
    index = np.asarray(fit({"w": rows}, partition="node").consistency)
    np.testing.assert_allclose(index[0], fit({"w": rows[:, 0]}).consistency[0], rtol=1e-7)
    np.testing.assert_array_equal(index[1:], 0)
    assert float(fit({"w": rng.standard_normal((4, 9))}).consistency[0]) < 1e-9


# --- pseudospectra --------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["svd", "gram"])
def test_the_pseudospectrum_is_the_least_residual_of_all_observables(solver, rng):
    """Against a generalized eigenproblem of the raw snapshots, for rank 4 and a cut to rank 2."""
    rows = noisy(rng)
    points = np.array([0.9, 0.3 + 0.8j, -1.2j, 0.0])
    for rank in (4, 2):
        operator = fit({"w": rows}, solver=solver, rank=rank)
        basis = explicit(rows, 0.0, rank)[1]
        seen = rows @ np.linalg.svd(basis)[0][:, :rank]
        expected = []
        for z in points:
            change = seen[1:] - z * seen[:-1]
            least = scipy.linalg.eigh(
                change.conj().T @ change, seen[:-1].T @ seen[:-1] + 0j, eigvals_only=True
            )[0]
            expected.append(np.sqrt(least))
        found = spectrum.pseudospectrum(operator, points)
        np.testing.assert_allclose(found, [expected], rtol=1e-6)
        held = fit({"w": rows}, solver=solver, rank=rank, max_modulus=0.5)
        np.testing.assert_allclose(spectrum.pseudospectrum(held, points), found, rtol=1e-9)


def test_without_noise_an_orthogonal_record_has_distances_as_pseudospectrum():
    """x is a rotation, seen for whole turns: F F* is a multiple of the identity, K is normal."""
    angle = 2 * np.pi * 3 / 40 * np.arange(41)
    rows = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.array([0.5 + 0.5j, 1.0, -2.0, np.exp(1j * angle[1])])
    found = spectrum.pseudospectrum(fit({"w": rows}), points)
    distances = np.abs(points[:, None] - np.exp(1j * angle[1] * np.array([1, -1]))).min(1)
    np.testing.assert_allclose(found, [distances], atol=1e-7)


def test_at_an_eigenvalue_the_pseudospectrum_is_below_its_residual(rng):
    operator = fit({"w": noisy(rng)})
    found = spectrum.pseudospectrum(operator, np.asarray(operator.eigs[0]))
    assert np.all(found[0] <= np.asarray(operator.residuals[0]) * (1 + 1e-6))
    assert np.min(found) > 0


def test_pseudospectra_of_blocks_of_unequal_rank_and_of_a_dead_one(rng):
    rows = np.stack([noisy(rng), np.zeros((30, 4))], axis=1)
    rows = np.concatenate([rows, np.ones((30, 1, 4))], axis=1)
    operator = fit({"w": rows}, partition="node")
    found = spectrum.pseudospectrum(operator, np.array([1.0, 0.25]))
    alone = spectrum.pseudospectrum(fit({"w": rows[:, 0]}), np.array([1.0, 0.25]))
    np.testing.assert_allclose(found[:1], alone, rtol=1e-6)
    np.testing.assert_array_equal(found[1], np.inf)
    np.testing.assert_allclose(found[2], [0.0, 0.75], atol=1e-12)


def test_points_are_one_dimensional(rng):
    operator = fit({"w": noisy(rng)})
    with pytest.raises(ValueError, match=r"points of shape \(2, 2\): must be one-dimensional"):
        spectrum.pseudospectrum(operator, np.zeros((2, 2)))
    assert spectrum.pseudospectrum(operator, np.zeros(4)).shape == (1, 4)


# --- held-out errors ------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 4])
def test_held_out_errors_are_those_of_the_explicit_operator(steps, rng):
    rows = noisy(rng, m=6)
    seen, later = {"a": rows[:20, :4], "b": rows[:20, 4:]}, {"a": rows[20:, :4], "b": rows[20:, 4:]}
    operator = fit(seen, partition="layer")
    matrix, _ = explicit(rows[:20], operator.rcond[0])
    ahead = rows[20:-steps] @ np.linalg.matrix_power(matrix, steps).T
    found = spectrum.held_out(operator, later, steps)
    error = np.linalg.norm(rows[20 + steps :] - ahead, axis=1)
    np.testing.assert_allclose(found.error[:, 0], error, rtol=1e-7)
    change = np.linalg.norm(rows[20 + steps :] - rows[20:-steps], axis=1)
    np.testing.assert_allclose(found.change[:, 0], change, rtol=1e-12)


def test_held_out_errors_are_per_block(rng):
    rows = np.stack([noisy(rng), np.ones((30, 4))], axis=1).astype(np.float32)
    found = spectrum.held_out(fit({"w": rows[:20]}, partition="node"), {"w": rows[20:]})
    assert found.error.shape == (9, 2)
    np.testing.assert_allclose(found.error[:, 1], 0, atol=1e-5)
    assert np.min(found.error[:, 0]) > 1e-3


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (0, "steps=0: must be an integer >= 1"),
        (5, "steps=5 on 5 held-out snapshots: .* use steps <= 4"),
        (1.5, "steps=1.5: must be an integer >= 1"),
    ],
)
def test_horizons_without_a_later_snapshot_are_refused(steps, message, rng):
    operator = fit({"w": noisy(rng)})
    with pytest.raises(ValueError, match=message):
        spectrum.held_out(operator, {"w": noisy(rng, n=5)}, steps)
    spectrum.held_out(operator, {"w": noisy(rng, n=5)}, 4)
