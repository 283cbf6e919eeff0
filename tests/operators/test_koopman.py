"""Operators against the explicit matrix and known spectra; windows and bounded eigenvalues."""

import jax
import numpy as np
import pytest
from support.helpers import (
    arrays,
    assert_spectra_close,
    assert_trees_close,
    blocks_of,
    explicit,
    linear_record,
    tolerance,
    with_spectrum,
)

from koopnb.operators import _reduced
from koopnb.operators.koopman import fit
from koopnb.operators.partition import PARTITIONS

CUTS = {"weight": None, "quasi-node": 4, "node": None, "layer": None, "network": None}


def step_by_step(matrix, state, steps):
    for _ in range(steps):
        state = matrix @ state
    return state


def assert_explicit(operator, snapshots, horizons, rank=None, tolerate=None):
    """Predictions of every block equal its explicit matrix, applied step after step."""
    found = blocks_of(operator, arrays(operator.trajectory(horizons)))
    data = blocks_of(operator, arrays(snapshots))
    cuts = np.repeat(operator.rcond, operator.partition.group_sizes)
    for block, predicted, rcond in zip(data, found, cuts, strict=True):
        matrix, projection = explicit(block, rcond, rank)
        for horizon, values in zip(horizons, predicted, strict=True):
            state = projection @ block[-1]
            expected = step_by_step(matrix, state, horizon)
            scale = max(np.abs(block).max(), np.abs(expected).max())
            np.testing.assert_allclose(values, expected, rtol=0, atol=tolerate * scale)


# --- the explicit operator ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("partition", "solver"),
    [*((name, "auto") for name in PARTITIONS), ("node", "svd"), ("network", "svd")],
)
def test_predictions_equal_the_explicit_operator(record, partition, solver):
    operator = fit(record, partition=partition, q=CUTS[partition], solver=solver)
    assert_explicit(operator, record, [0, 1, 2, 7], tolerate=tolerance("float32"))


@pytest.mark.parametrize(("partition", "rank"), [("quasi-node", 3), ("node", 3), ("network", 1)])
def test_predictions_equal_the_explicit_operator_of_a_rank(record, partition, rank):
    operator = fit(record, partition=partition, q=CUTS[partition], rank=rank)
    widths = np.repeat(operator.partition.widths, operator.partition.group_sizes)
    assert operator.rank.tolist() == np.minimum(widths, rank).tolist()
    assert_explicit(operator, record, [0, 1, 2, 7], rank, tolerate=tolerance("float32"))


@pytest.mark.parametrize("partition", ["quasi-node", "network"])
def test_float64_on_float32_snapshots_equals_the_explicit_operator(record, partition):
    operator = fit(record, partition=partition, q=CUTS[partition], dtype="float64")
    assert set(operator.solver) == {"svd"}
    assert jax.config.jax_enable_x64 is False
    # What is left is the rounding of the answer to float32.
    assert_explicit(operator, record, [0, 1, 2, 7], tolerate=1e-7)


def test_every_horizon_of_the_explicit_operator_in_double_precision(rng):
    snapshots = {"w": rng.standard_normal((9, 6, 2)).cumsum(axis=0)}
    operator = fit(snapshots)
    assert operator.predict(1)["w"].dtype == np.float64
    assert_explicit(operator, snapshots, range(30), tolerate=tolerance("float64"))


def test_trajectories_are_predictions_side_by_side(record):
    operator = fit(record, partition="node")
    horizons = [5, 0, 3, 3, 1000]
    stacked = arrays(operator.trajectory(horizons))
    for i, horizon in enumerate(horizons):
        one = jax.tree.map(lambda x, i=i: x[i], stacked)
        assert_trees_close(arrays(operator.predict(horizon)), one, tolerate=1e-6)
    assert operator.trajectory([]).layers[0].weight.shape == (0, 5, 6)


# --- known spectra --------------------------------------------------------------------------

SPECTRA = {
    "real": [0.95, 0.8, 0.3],
    "rotation": [np.exp(0.5j), np.exp(-0.5j)],
    "two frequencies": [0.9j, -0.9j, 0.45j, -0.45j],
    "near one": [1.0, 0.999, 0.99 + 0.05j, 0.99 - 0.05j],
    "unstable": [1.05, 0.7 + 0.6j, 0.7 - 0.6j],
    "alternating": [-0.9, 0.9],
}


@pytest.mark.parametrize("eigs", SPECTRA.values(), ids=SPECTRA.keys())
@pytest.mark.parametrize("solver", ["gram", "svd"])
@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e9])
def test_known_eigenvalues_are_found_whatever_the_scale(eigs, solver, scale, rng):
    matrix = with_spectrum(eigs, rng)
    rows = linear_record(matrix, rng.standard_normal(len(eigs)), 24)
    wide = rows @ np.linalg.qr(rng.standard_normal((30, len(eigs))))[0].T
    rcond = 1e-5
    operator = fit({"w": scale * wide}, solver=solver, rcond=rcond)
    assert operator.rank.tolist() == [len(eigs)]
    assert_spectra_close(operator.eigs[0, : len(eigs)], eigs, 1e-7)
    assert np.all(np.asarray(operator.eigs[0, len(eigs) :]) == 0)
    np.testing.assert_allclose(operator.spectral_radius, max(np.abs(eigs)), rtol=1e-7)


def test_repeated_eigenvalues_are_one_direction_seen_from_one_start(rng):
    """0.5 twice on the diagonal: a single record sees only the direction it started in."""
    matrix = with_spectrum([0.5, 0.5, 0.8], rng)
    start = rng.standard_normal(3)
    operator = fit({"w": linear_record(matrix, start, 12)}, rcond=1e-9)
    assert operator.rank.tolist() == [2]
    assert_spectra_close(operator.eigs[0, :2], [0.5, 0.8], 1e-9)
    expected = np.linalg.matrix_power(matrix, 11 + 5) @ start
    np.testing.assert_allclose(operator.predict(5)["w"], expected, atol=1e-9)


@pytest.mark.parametrize("value", [0.9, 1.0])
@pytest.mark.parametrize("solver", ["gram", "svd"])
def test_a_defective_operator_is_propagated_as_a_matrix(value, solver, rng):
    basis = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    matrix = basis @ np.array([[value, 1, 0], [0, value, 1], [0, 0, value]]) @ basis.T
    start = rng.standard_normal(3)
    operator = fit({"w": linear_record(matrix, start, 20)}, solver=solver)
    for horizon in (1, 17, 100):
        expected = np.linalg.matrix_power(matrix, 19 + horizon) @ start
        np.testing.assert_allclose(operator.predict(horizon)["w"], expected, rtol=1e-5)


def test_large_reduced_matrices_are_propagated_alike(rng):
    """Beyond ``SQUARED_RANK`` powers are formed on the way, beyond 2^SQUARES everywhere."""
    size = _reduced.SQUARED_RANK + 6
    matrix = 0.999 * np.linalg.qr(rng.standard_normal((size, size)))[0]
    rows = linear_record(matrix, rng.standard_normal(size), 2 * size)
    operator = fit({"w": rows})
    assert operator.groups[0].squares.shape[1] == 1
    for horizon in (1, 6, 2**_reduced.SQUARES + 3):
        expected = np.linalg.matrix_power(matrix, horizon) @ rows[-1]
        np.testing.assert_allclose(operator.predict(horizon)["w"], expected, atol=1e-7)
    small = fit({"w": rows[:, :2] * 0 + 0.5 ** np.arange(2 * size)[:, None]})
    np.testing.assert_allclose(
        small.trajectory([1, 2**_reduced.SQUARES + 3])["w"][0], 0.5 ** (2 * size), rtol=1e-9
    )


def test_modes_and_amplitudes_add_up_to_the_prediction(rng):
    matrix = with_spectrum([0.95, 0.6 + 0.5j, 0.6 - 0.5j], rng, extra=2)
    rows = linear_record(matrix, rng.standard_normal(5), 15)[2:]
    operator = fit({"a": rows[:, :2], "b": rows[:, 2:]}, rcond=1e-9)
    modes = np.concatenate([operator.modes["a"], operator.modes["b"]], axis=1)
    eigs, amplitudes = np.asarray(operator.eigs[0]), np.asarray(operator.amplitudes[0])
    for steps in (1, 4):
        total = (amplitudes * eigs ** (steps - 1)) @ modes
        expected = np.linalg.matrix_power(matrix, steps) @ rows[-1]
        np.testing.assert_allclose(total, expected, atol=1e-9)
    for value, mode in zip(eigs[:3], modes[:3], strict=True):
        np.testing.assert_allclose(matrix @ mode, value * mode, atol=1e-9)


# --- windows, discs -------------------------------------------------------------------------


@pytest.mark.parametrize("window", [1, 3, 7, 20])
def test_a_window_is_the_mean_of_consecutive_snapshots_the_last_ones_kept(window, rng):
    rows = rng.standard_normal((40, 5)).cumsum(axis=0)
    kept = rows[40 - 40 // window * window :]
    means = np.stack([part.mean(axis=0) for part in np.split(kept, 40 // window)])
    operator, expected = fit({"w": rows}, window=window), fit({"w": means})
    assert operator.window == window
    assert_spectra_close(operator.eigs, expected.eigs, 1e-9)
    assert_trees_close(operator.trajectory([1, 2]), expected.trajectory([1, 2]), tolerate=1e-9)


def test_eigenvalues_are_clipped_and_eigenvectors_kept(rng):
    eigs = [1.2, 0.9 + 0.8j, 0.9 - 0.8j, 0.5]
    rows = linear_record(with_spectrum(eigs, rng), rng.standard_normal(4), 12)
    free, held = fit({"w": rows}), fit({"w": rows}, max_modulus=1)
    clipped = np.array([v / max(abs(v), 1) for v in eigs])
    assert_spectra_close(held.eigs, clipped, 1e-8)
    assert (held.clipped.tolist(), free.clipped.tolist()) == ([3], [0])
    values, vectors = np.linalg.eig(explicit(rows, free.rcond[0])[0])
    moved = np.where(np.abs(values) > 1, values / np.abs(values), values)
    matrix = (vectors * moved @ np.linalg.inv(vectors)).real
    for steps in (1, 2, 50):
        expected = np.linalg.matrix_power(matrix, steps) @ rows[-1]
        np.testing.assert_allclose(held.predict(steps)["w"], expected, rtol=1e-6)
    bounded = np.abs(np.asarray(held.trajectory(range(0, 5000, 7))["w"]))
    assert bounded.max() < 100 * np.abs(rows[-1]).max()


def test_a_disc_that_holds_every_eigenvalue_changes_nothing(record):
    free, held = fit(record, partition="node"), fit(record, partition="node", max_modulus=1e3)
    assert int(held.clipped.sum()) == 0
    for a, b in zip(jax.tree.leaves(arrays(free)), jax.tree.leaves(arrays(held)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-12)
