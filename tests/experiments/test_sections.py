"""Finite sections of known records: every part, against what theory says of it."""

import numpy as np
import pytest

from koopnb.experiments import sections, store
from koopnb.experiments.sections import arithmetic, records
from koopnb.operators.koopman import fit
from koopnb.operators.snapshots import delays


@pytest.mark.parametrize(("dtype", "rounding"), [("float64", 1e-8), ("float32", 1e-2)])
def test_the_formula_is_right_up_to_as_many_pairs_as_weights(dtype, rounding):
    errors = arithmetic.formula_errors(0, dtype)
    assert errors[arithmetic.PAIRS < arithmetic.WIDTH].max() < rounding
    assert errors[arithmetic.PAIRS > arithmetic.WIDTH + 1].min() > 0.1


def test_what_cannot_be_inverted_is_infinitely_wrong(monkeypatch):
    def singular(_):
        raise np.linalg.LinAlgError

    monkeypatch.setattr(arithmetic, "as_printed", singular)
    assert np.all(np.isinf(arithmetic.formula_errors(0, "float64")))


def test_a_cutoff_keeps_fewer_directions_the_larger_it_is(monkeypatch):
    monkeypatch.setattr(arithmetic, "CUTOFFS", np.array([1e-12, 1e-3]))
    monkeypatch.setattr(arithmetic, "DTYPES", ("float64",))
    sweep = arithmetic.cutoff_sweep(0)
    for by_dtype in sweep.values():
        for least, larger in by_dtype.values():
            assert larger.rank < least.rank
    noisy = sweep["noisy"]["float64"]
    assert noisy[0].error > 1 > noisy[1].error
    assert noisy[0].radius > 1


def test_spectra_are_found_and_squares_cost_digits():
    found = arithmetic.spectrum_errors(1)
    assert max(found["well separated"][name] for name in arithmetic.METHODS) < 1e-7
    close = found["close together"]
    assert close["condition"] > found["well separated"]["condition"]
    assert close["snapshots"] > 100 * close["SVD"]


def test_formed_vectors_cost_more_at_smaller_cutoffs():
    gaps = [*arithmetic.formed_vectors(1).values()]
    assert gaps == sorted(gaps)
    assert gaps[-1] > 1e3 * gaps[0]


def test_ways_to_a_horizon_agree_one_step_ahead(monkeypatch):
    monkeypatch.setattr(arithmetic, "POWERS", (1, 20))
    found = arithmetic.matrix_powers(0)
    assert found.matrix > 1e3 * found.state
    assert found.apart[1][0] == found.apart[1][1] < 1e-6
    assert found.apart[20][0] > found.apart[1][0]


def test_with_few_pairs_the_fit_is_perfect_and_the_forecast_is_not():
    fitted, fresh = records.one_step_errors(0)
    few = records.COUNTS < records.FEW
    assert fitted[few].max() < 1e-9 < fitted[records.COUNTS > records.FEW].min()
    assert fresh[few].min() > 0.1
    assert records.COUNTS[np.argmax(fresh)] == records.FEW


def test_the_bias_is_of_the_rotating_pair():
    true = np.abs(records.ROTATING[0])
    eigs = np.array([[0.2, 1j * (true + shift), -1j * (true + shift)] for shift in (0.1, 0.3)])
    mean, half = records.bias(eigs)
    assert mean == pytest.approx(0.2)
    assert half == pytest.approx(1.96 * 0.1 / np.sqrt(2))


def test_measurement_noise_pulls_inwards():
    clouds = records.noisy_eigs(range(20))
    assert {name: [*found] for name, found in clouds.items()} == {
        name: [*records.METHODS] for name in records.NOISES
    }
    mean, half = records.bias(clouds["measurement noise"]["least squares"])
    assert mean + half < -0.01


def test_delays_show_a_standing_waves_frequency():
    wave = records.standing_wave()
    assert np.linalg.matrix_rank(wave["u"]) == 1
    assert records.delay_gap(fit(delays(wave, 2))) < 1e-10
    assert records.delay_gap(fit(delays(records.standing_wave(), 4))) < 1e-4
    moved = {"u": wave["u"] * 0.9 ** np.arange(60)[:, None]}
    assert records.delay_gap(fit(delays(moved, 2))) > 0.05


def test_a_bent_path_is_followed_and_noise_is_not():
    path = records.bent_path()
    found = records.follow(path)
    assert found.error < 1e-3
    assert found.turns >= 2
    straight = records.follow(0.9 ** np.arange(40))
    assert straight.turns == 0
    noisy = path + 0.1 * np.random.default_rng(0).standard_normal(len(path))
    assert records.follow(noisy).error > 0.01


def test_a_wrong_eigenvalue_is_told_by_its_residual():
    found = records.judged(0)
    assert np.all(found.eigs.imag > 0)
    assert found.by_residual < 0.02 < found.by_modulus
    assert found.margin > 1.5
    wrong = np.abs(found.eigs - records.REAL) > records.NEAR
    assert found.slower == np.sum(np.abs(found.eigs[wrong]) > 0.96) > 0
    few = records.judged(0, count=2)
    assert len(few.eigs) == 0, "two delays are too few: both eigenvalues are real"


def test_a_record_is_read_back_and_shares_no_noise_with_another(tmp_path, monkeypatch):
    monkeypatch.setattr(arithmetic, "CUTOFFS", np.array([1e-3]))
    monkeypatch.setattr(records, "SAMPLE", 3)
    monkeypatch.setattr(arithmetic, "POWERS", (1, 2))
    used = []
    monkeypatch.setattr(records, "noisy_eigs", lambda seeds: used.extend(seeds) or {})
    config = sections.SectionsConfig(2)
    made = sections.run(config, tmp_path)
    assert used == [6, 7, 8]
    assert store.load(sections.SERIES[0].path(config, tmp_path)).metrics == made.metrics
    assert made.metrics["delays"]["imaginary"] == 0
