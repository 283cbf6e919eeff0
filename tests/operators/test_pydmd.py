"""The same snapshots through PyDMD, an implementation that shares nothing with this one."""

import warnings

import numpy as np
import pytest
from support.helpers import assert_spectra_close

from koopnb.operators.koopman import fit

pytest.importorskip("pydmd", reason="PyDMD is not installed: pip install koopnb[bench]")


def dmd(rows, rank):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its condition check warns of noise-free data
        from pydmd import DMD

        return DMD(svd_rank=rank, exact=True).fit(np.asarray(rows, np.float64).T)


def record(rng, n, m, rank=5):
    rates = np.exp(np.linspace(-0.002, -0.15, rank) + 1j * np.linspace(0, 1.2, rank))
    amplitudes = 0.6 ** np.arange(rank)[:, None] * rng.standard_normal((rank, m))
    rows = (rates ** np.arange(n)[:, None]).real @ amplitudes
    return rows + 1e-3 * rng.standard_normal((n, m))


@pytest.mark.parametrize("solver", ["gram", "svd", "randomized"])
@pytest.mark.parametrize(("n", "m"), [(60, 250), (250, 60)])
def test_eigenvalues_and_predictions_of_a_rank_are_pydmd_s(solver, n, m, rng):
    rows = record(rng, n, m)
    theirs = dmd(rows, 4)
    ours = fit({"w": rows}, rank=4, solver=solver)
    assert_spectra_close(ours.eigs[0], theirs.eigs, 1e-5)
    # Modes are the same directions, whatever their length and phase.
    for value, mode in zip(np.asarray(ours.eigs[0]), np.asarray(ours.modes["w"]), strict=True):
        other = theirs.modes[:, np.argmin(np.abs(theirs.eigs - value))]
        cosine = np.abs(np.vdot(mode, other)) / np.linalg.norm(mode) / np.linalg.norm(other)
        assert cosine == pytest.approx(1, abs=1e-7)


def test_forecasts_of_linear_data_are_pydmd_s(rng):
    """PyDMD's forecast starts from amplitudes fitted at the first snapshot."""
    rates = np.array([0.99, 0.9 + 0.3j, 0.9 - 0.3j])
    rows = (rates ** np.arange(30)[:, None] @ np.array([[1], [0.5 - 0.2j], [0.5 + 0.2j]])).real
    rows = np.concatenate([np.roll(rows, -k, axis=0)[:24] for k in range(6)], axis=1)
    theirs = dmd(rows, 3)
    theirs.dmd_time["tend"] = 23 + 40
    forecast = np.real(theirs.reconstructed_data[:, -1])
    np.testing.assert_allclose(fit({"w": rows}, rank=3).predict(40)["w"], forecast, atol=1e-8)
