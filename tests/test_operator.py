"""Operators against the explicit matrix, known spectra, and what must hold whatever the data."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import (
    assert_spectra_close,
    assert_trees_close,
    blocks_of,
    explicit,
    linear_record,
    tolerance,
    with_spectrum,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from koopnb import batched, reduced, solvers
from koopnb.operator import fit
from koopnb.partition import PARTITIONS

CUTS = {"weight": None, "quasi-node": 4, "node": None, "layer": None, "network": None}


@pytest.fixture(scope="module")
def record():
    """A small network's weights on a smooth path with noise: 40 snapshots, with functions in it."""
    rng = np.random.default_rng(1)
    net = eqx.nn.MLP(6, 5, 5, 1, key=jax.random.key(0))
    times = np.arange(40)

    def path(x):
        rate, drift = rng.uniform(0.02, 0.2, x.shape), rng.standard_normal(x.shape)
        smooth = np.asarray(x) + drift * np.exp(-np.multiply.outer(times, rate))
        return jnp.asarray(smooth + 0.02 * rng.standard_normal(smooth.shape), jnp.float32)

    return jax.tree.map(lambda x: path(x) if eqx.is_array(x) else x, net)


def arrays(tree):
    return eqx.filter(tree, lambda x: hasattr(x, "dtype"))


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
    size = reduced.SQUARED_RANK + 6
    matrix = 0.999 * np.linalg.qr(rng.standard_normal((size, size)))[0]
    rows = linear_record(matrix, rng.standard_normal(size), 2 * size)
    operator = fit({"w": rows})
    assert operator.groups[0].squares.shape[1] == 1
    for horizon in (1, 6, 2**reduced.SQUARES + 3):
        expected = np.linalg.matrix_power(matrix, horizon) @ rows[-1]
        np.testing.assert_allclose(operator.predict(horizon)["w"], expected, atol=1e-7)
    small = fit({"w": rows[:, :2] * 0 + 0.5 ** np.arange(2 * size)[:, None]})
    np.testing.assert_allclose(
        small.trajectory([1, 2**reduced.SQUARES + 3])["w"][0], 0.5 ** (2 * size), rtol=1e-9
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


# --- solvers --------------------------------------------------------------------------------


def low_rank(rng, n, m, rank, noise):
    rates = np.exp(np.linspace(-0.01, -0.2, rank) + 1j * np.linspace(0, 1.5, rank))
    times = np.arange(n)[:, None]
    amplitudes = 0.5 ** np.arange(rank)[:, None]
    smooth = (rates**times).real @ (amplitudes * rng.standard_normal((rank, m)))
    return (smooth + noise * rng.standard_normal((n, m))).astype(np.float32)


@pytest.mark.parametrize("shape", [(60, 160), (90, 160), (160, 90)])
def test_all_solvers_agree(shape, rng):
    """Also the randomized one, though singular values decay slowly after the sixth."""
    snapshots = {"w": low_rank(rng, *shape, 6, 1e-3)}
    exact = fit(snapshots, rank=6, solver="svd", dtype="float64")
    routes = [("gram", None), ("svd", None), ("randomized", None), ("gram", "float64")]
    for solver, dtype in [*routes, ("randomized", "float64")]:
        operator = fit(snapshots, rank=6, solver=solver, dtype=dtype)
        assert operator.solver == (solver,)
        assert operator.rank.tolist() == [6]
        assert_spectra_close(operator.eigs, exact.eigs, 1e-4)
        assert_trees_close(operator.predict(5), exact.predict(5), tolerate=tolerance("float32"))


@pytest.mark.parametrize(("kept", "side"), [(6, "time"), (6, "weight"), (200, "time")])
def test_leading_singular_values_are_taken_only_where_they_are_all(kept, side, rng):
    """Whether few or many are above the cutoff, the operator is that of the whole SVD."""
    size = 4 * solvers.PROBE * solvers.PROBE_STEPS
    shape = (size + 2, size + 40) if side == "time" else (size + 40, size)
    assert solvers.may_probe(shape[1], shape[0] - 1)
    snapshots = {"w": low_rank(rng, *shape, 6, 1e-3) if kept == 6 else slow_decay(rng, *shape)}
    operator = fit(snapshots, rcond=0.02, solver="gram")
    exact = fit(snapshots, rcond=0.02, solver="svd", dtype="float64")
    assert operator.plans[0].probe
    assert operator.rank.tolist() == exact.rank.tolist()
    assert (int(operator.rank[0]) > solvers.PROBE * solvers.PROBE_STEPS) == (kept == 200)
    assert_trees_close(operator.predict(3), exact.predict(3), tolerate=tolerance("float32"))
    eigs, expected = (np.asarray(fitted.eigs[0, : fitted.rank[0]]) for fitted in (operator, exact))
    assert_spectra_close(eigs, expected, 1e-4)


def slow_decay(rng, n, m):
    """Singular values that fall by a hundredth over about 200 directions, then to nothing."""
    left, _ = np.linalg.qr(rng.standard_normal((n, 220)))
    right, _ = np.linalg.qr(rng.standard_normal((m, 220)))
    return ((left * np.geomspace(1, 0.01, 220)) @ right.T).astype(np.float32)


def test_the_choice_of_solver():
    choose = solvers.choose
    assert choose(16750, 1875, 8, 1e-4) == "randomized"
    assert choose(16750, 9, 8, 1e-4) == "gram"
    assert choose(785, 1875, None, 2e-3) == "gram"
    assert choose(785, 1875, None, 4e-12) == "svd"
    assert choose(100, 100, 90, 1e-4) == "gram"


def test_the_fit_of_a_rank_takes_little_memory(rng):
    """Temporary memory, by the compiler's own count, in units of the snapshots'."""
    n, m = 500, 20_000
    operator = fit({"w": low_rank(rng, n, m, 4, 1e-3)}, rank=4)
    assert operator.solver == ("randomized",)

    def temporary(plans):
        leaf = jax.ShapeDtypeStruct((n, m), jnp.float32)
        with jax.enable_x64(True):
            lowered = batched.fit.lower([leaf], operator.partition, plans, operator.rcond, None)
            return lowered.compile().memory_analysis().temp_size_in_bytes / (4 * n * m)

    assert temporary(operator.plans) < 0.5
    assert temporary((operator.plans[0]._replace(solver="gram"),)) < 1.5
    # The same measure sees a copy of the snapshots in double precision.
    assert temporary((operator.plans[0]._replace(solver="svd", dtype=jnp.dtype("float64")),)) > 2


# --- properties -----------------------------------------------------------------------------

records = st.builds(
    lambda seed, n, m: np.random.default_rng(seed).standard_normal((n, m)).cumsum(axis=0),
    st.integers(0, 2**31),
    st.just(7),
    st.sampled_from([4, 12]),
)


@settings(max_examples=20)
@given(rows=records, seed=st.integers(0, 100))
def test_rotating_the_coordinates_rotates_the_prediction(rows, seed):
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((rows.shape[1],) * 2))[0]
    plain, turned = fit({"w": rows}), fit({"w": rows @ turn.T})
    assert_spectra_close(turned.eigs, plain.eigs, 1e-6)
    expected = {"w": jnp.asarray(np.asarray(plain.predict(3)["w"]) @ turn.T)}
    np.testing.assert_allclose(
        turned.predict(3)["w"], expected["w"], atol=1e-7 * np.abs(rows).max()
    )


@settings(max_examples=15)
@given(rows=records, seed=st.integers(0, 100), partition=st.sampled_from(["weight", "node"]))
def test_permuting_weights_permutes_the_prediction(rows, seed, partition):
    """Nodes of a matrix may be permuted, and the inputs of all of them together."""
    rng = np.random.default_rng(seed)
    cube = np.stack([rows, rows[:, ::-1] ** 2, np.sin(rows)], axis=1)
    outputs, inputs = rng.permutation(3), rng.permutation(rows.shape[1])
    plain = fit({"w": cube}, partition=partition)
    mixed = fit({"w": cube[:, outputs][:, :, inputs]}, partition=partition)
    expected = np.asarray(plain.predict(2)["w"])[outputs][:, inputs]
    np.testing.assert_allclose(mixed.predict(2)["w"], expected, rtol=1e-5, atol=1e-7)


@settings(max_examples=15)
@given(rows=records, scale=st.sampled_from([1e-8, -3.0, 1e6]))
def test_scaling_scales_the_prediction_and_no_eigenvalue(rows, scale):
    plain, scaled = fit({"w": rows}), fit({"w": scale * rows})
    assert_spectra_close(scaled.eigs, plain.eigs, 1e-7)
    np.testing.assert_allclose(
        scaled.predict(4)["w"], scale * np.asarray(plain.predict(4)["w"]), rtol=1e-6
    )


@settings(max_examples=15)
@given(seed=st.integers(0, 2**31), constant=st.sampled_from([1.0, -20.0]))
def test_a_constant_weight_adds_the_eigenvalue_one_and_stays(seed, constant):
    rng = np.random.default_rng(seed)
    eigs = [0.9, 0.3 + 0.5j, 0.3 - 0.5j]
    rows = linear_record(with_spectrum(eigs, rng), rng.standard_normal(3), 15)
    rows = np.concatenate([rows, np.full((15, 1), constant)], axis=1)
    operator = fit({"w": rows}, rcond=1e-9)
    assert_spectra_close(operator.eigs[0, :4], [*eigs, 1.0], 1e-5)
    np.testing.assert_allclose(operator.predict(200)["w"][3], constant, rtol=1e-5)


@settings(max_examples=15)
@given(rows=records, a=st.integers(1, 6), b=st.integers(0, 6))
def test_a_plus_b_steps_are_a_steps_and_then_b(rows, a, b):
    operator = fit({"w": rows})
    once, twice = operator.predict(a + b), operator.propagate(operator.predict(a), b)
    if b == 0:  # the prediction itself may lie outside the range of F
        twice = operator.propagate(operator.propagate(operator.predict(a), b), 1)
        once = operator.predict(a + 1)
    assert_trees_close(twice, once, tolerate=1e-7)


@settings(max_examples=15)
@given(rows=records, rank=st.sampled_from([1, 3]))
def test_zero_steps_project_the_last_snapshot_on_what_was_kept(rows, rank):
    operator = fit({"w": rows}, rank=rank)
    u = np.linalg.svd(rows[:-1].T, full_matrices=False)[0][:, :rank]
    np.testing.assert_allclose(operator.predict(0)["w"], u @ (u.T @ rows[-1]), atol=1e-7)
    again = operator.propagate(operator.predict(0), 0)
    assert_trees_close(again, operator.predict(0), tolerate=1e-9)
    assert_trees_close(
        operator.propagate(operator.predict(0), 3), operator.predict(3), tolerate=1e-7
    )


def test_a_full_set_of_pairs_is_reproduced(rng):
    """More weights than pairs: K maps every snapshot to its successor."""
    rows = rng.standard_normal((6, 40))
    operator = fit({"w": rows})
    for before, after in itertools.pairwise(rows):
        np.testing.assert_allclose(operator.propagate({"w": before}, 1)["w"], after, atol=1e-9)


def test_the_report_s_limits(record):
    pairs = [
        (dict(partition="weight"), dict(partition="quasi-node", q=1)),
        (dict(partition="node"), dict(partition="quasi-node", q=7)),
    ]
    for left, right in pairs:
        first, second = fit(record, **left), fit(record, **right)
        assert_trees_close(
            arrays(second.trajectory([1, 50])), arrays(first.trajectory([1, 50])), tolerate=1e-5
        )
    only = {"w": record.layers[0].weight}
    assert_trees_close(
        fit(only, partition="layer").predict(9), fit(only, partition="network").predict(9)
    )


# --- rank, cutoff, precision ----------------------------------------------------------------


def test_the_cutoff_keeps_what_a_pseudoinverse_in_jax_keeps(record):
    operator = fit(record, partition="network")
    data = blocks_of(operator, arrays(record))[0]
    size = max(data.shape[1], data.shape[0] - 1)
    assert operator.rcond == (10 * size * float(jnp.finfo(jnp.float32).eps),)
    sigma = np.linalg.svd(data[:-1], compute_uv=False)
    kept = int((sigma > operator.rcond[0] * sigma[0]).sum())
    assert operator.rank.tolist() == [kept]
    expected = np.asarray(data[1:].T @ np.linalg.pinv(data[:-1].T, rcond=operator.rcond[0]))
    np.testing.assert_allclose(
        blocks_of(operator, arrays(operator.predict(1)))[0],
        expected @ data[-1],
        atol=tolerance("float32"),
    )


@pytest.mark.parametrize("rcond", [1e-1, 1e-2, 1e-3])
def test_a_cutoff_is_relative_to_the_largest_singular_value(rcond, rng):
    u = np.linalg.qr(rng.standard_normal((9, 5)))[0]
    v = np.linalg.qr(rng.standard_normal((30, 5)))[0]
    sigma = np.array([1, 0.3, 0.05, 0.005, 0.0005])
    rows = np.concatenate([(u * sigma) @ v.T, v[:, :1].T])
    for solver in ("gram", "svd"):
        operator = fit({"w": rows}, rcond=rcond, solver=solver)
        assert operator.rank.tolist() == [(sigma > rcond).sum()]
        np.testing.assert_allclose(
            operator.groups[0].sigma[0][: operator.rank[0]], sigma[sigma > rcond], rtol=1e-7
        )


def test_a_rank_is_an_upper_bound_and_the_used_one_is_reported(rng):
    """Three directions of four asked for in one node, one in a dead one."""
    live = linear_record(with_spectrum([0.9, 0.7, 0.4], rng, extra=5), rng.standard_normal(8), 20)
    rows = np.stack([live, np.ones_like(live), np.zeros_like(live)], axis=1).astype(np.float32)
    operator = fit({"w": rows[3:]}, partition="node", rank=4)
    assert operator.rank.tolist() == [3, 1, 0]
    assert np.asarray(operator.spectral_radius) == pytest.approx([0.9, 1, 0], abs=1e-3)
    assert fit({"w": rows[3:]}, partition="node", rank=2).rank.tolist() == [2, 1, 0]


@pytest.mark.parametrize("kind", [int, np.int8, np.int64, np.uint32, jnp.int32])
def test_integers_of_every_kind_are_ranks(kind, record):
    assert fit(record, rank=kind(2)).rank.tolist() == [2]


@pytest.mark.parametrize("rank", [2.0, np.float64(2), True, np.True_, "2", 0, -1])
def test_what_is_no_rank_is_refused(rank, record):
    with pytest.raises(ValueError, match=r"rank=.*an upper bound of every block's rank.*>= 1"):
        fit(record, rank=rank)


def test_a_rank_no_block_can_have_is_refused(record):
    with pytest.raises(ValueError, match=r"rank=8: no block can have more than 7, the smaller of"):
        fit(record, partition="node", rank=8)
    with pytest.raises(ValueError, match="rank=40: no block can have more than 39"):
        fit(record, rank=40)
    assert max(fit(record, partition="node", rank=7).rank.tolist()) == 7


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_single(dtype, record):
    half = jax.tree.map(lambda x: x.astype(dtype) if eqx.is_array(x) else x, record)
    single = jax.tree.map(lambda x: x.astype("float32") if eqx.is_array(x) else x, half)
    operator, expected = fit(half), fit(single)
    assert operator.plans[0].dtype == jnp.float32
    assert_trees_close(
        operator.predict(2),
        jax.tree.map(lambda x: x.astype(dtype) if eqx.is_array(x) else x, expected.predict(2)),
        dtype=dtype,
    )


def test_leaves_keep_their_own_dtypes(rng):
    rows = rng.standard_normal((6, 3)).cumsum(axis=0)
    tree = {"a": rows.astype(np.float16), "b": rows, "c": jnp.asarray(rows, jnp.float32)}
    predicted = fit(tree, partition="layer").predict(1)
    assert [predicted[k].dtype for k in "abc"] == [np.float16, np.float64, np.float32]


def test_float32_agrees_with_float64(record):
    single, double = fit(record, rcond=1e-3), fit(record, rcond=1e-3, dtype="float64")
    assert single.rank.tolist() == double.rank.tolist()
    assert double.eigs.dtype == np.complex128
    assert single.eigs.dtype == np.complex64
    assert_spectra_close(single.eigs, double.eigs, tolerance("float32"))
    assert_trees_close(single.predict(30), double.predict(30), dtype="float32")


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


# --- dead, bad and non-finite ---------------------------------------------------------------


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
        ({}, {"window": 0}, "window=0: the snapshots a mean is over, must be >= 1"),
        ({}, {"window": 2.0}, "window=2.0: the snapshots a mean is over, an integer >= 1"),
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
    with pytest.raises(ValueError, match="got 1 snapshots: an operator needs at least two"):
        fit({"a": np.ones((1, 2))})
    with pytest.raises(ValueError, match="snapshots hold no array"):
        fit({"a": None, "b": jax.nn.relu})
    with pytest.raises(ValueError, match="holds no weights"):
        fit({"a": np.ones((4, 0))})
    fit({"a": np.ones((2, 2)), "b": np.ones((2, 0))})


@pytest.mark.parametrize("steps", [-1, np.int64(-3)])
def test_negative_horizons_are_refused(steps):
    operator = fit(GOOD)
    with pytest.raises(ValueError, match=rf"steps={steps}: a horizon in snapshots, must be >= 0"):
        operator.predict(steps)
    with pytest.raises(ValueError, match=rf"steps={steps}: a horizon in snapshots, must be >= 0"):
        operator.trajectory([1, steps])
    operator.predict(np.int64(1))


@pytest.mark.parametrize("steps", [1.0, True, None])
def test_horizons_that_are_no_integers_are_refused(steps):
    with pytest.raises(ValueError, match=f"steps={steps}: a horizon in snapshots, an integer"):
        fit(GOOD).predict(steps)


def test_overflow_in_single_precision_is_told_from_bad_snapshots(rng):
    rows = (1e38 * rng.uniform(1, 3, (80, 300))).astype(np.float32)
    with pytest.raises(ValueError, match="the fit overflowed float32 though every snapshot is"):
        fit({"w": rows}, rank=1, solver="randomized")
    fit({"w": rows}, rank=1, solver="randomized", dtype="float64")


# --- at home in JAX -------------------------------------------------------------------------


def test_fits_and_predicts_inside_jit_scan_and_vmap(rng):
    rows = jnp.asarray(rng.standard_normal((3, 8, 6)).cumsum(axis=1), jnp.float32)

    def ahead(rows, steps):
        return fit({"w": rows}, rank=3, max_modulus=1.0).predict(steps)["w"]

    expected = np.stack([ahead(x, 4) for x in rows])
    np.testing.assert_allclose(jax.jit(ahead)(rows[0], 4), expected[0], rtol=1e-5)
    np.testing.assert_allclose(jax.vmap(ahead, (0, None))(rows, 4), expected, rtol=1e-4)
    scanned = jax.lax.scan(lambda c, x: (c, ahead(x, 4)), 0, rows)[1]
    np.testing.assert_allclose(scanned, expected, rtol=1e-4)
    rested = jax.jit(ahead)(rows[0], 0)
    np.testing.assert_allclose(rested, ahead(rows[0], 0), rtol=1e-5)
    assert rested.dtype == jnp.float32


def test_without_a_rank_a_traced_fit_is_as_large_as_it_could_be(rng):
    rows = jnp.asarray(rng.standard_normal((8, 6)).cumsum(axis=0), jnp.float32)
    traced = jax.jit(lambda x: fit({"w": x}, partition="network").predict(5)["w"])(rows)
    np.testing.assert_allclose(traced, fit({"w": rows}).predict(5)["w"], rtol=1e-4)


def test_an_operator_is_a_pytree(record):
    operator = fit(record, partition="node")
    moved = jax.jit(lambda op: op)(operator)
    assert_trees_close(arrays(moved.predict(3)), arrays(operator.predict(3)), tolerate=0)


def test_parameters_sharded_over_devices_give_the_same_operator(rng):
    assert len(jax.devices()) == 4
    rows = jnp.asarray(low_rank(rng, 30, 4096, 5, 1e-3))
    mesh = jax.make_mesh((4,), ("weights",), axis_types=(jax.sharding.AxisType.Auto,))
    spread = jax.device_put(rows, jax.NamedSharding(mesh, jax.P(None, "weights")))
    for keywords in ({}, {"rank": 5}):
        operator, expected = fit({"w": spread}, **keywords), fit({"w": rows}, **keywords)
        assert_spectra_close(operator.eigs, expected.eigs, 1e-5)
        np.testing.assert_allclose(operator.predict(9)["w"], expected.predict(9)["w"], atol=1e-4)


def test_numpy_and_jax_snapshots_are_left_alone_and_agree(rng):
    rows = rng.standard_normal((6, 4)).astype(np.float32)
    kept = rows.copy()
    first = fit({"w": rows}).predict(2)
    np.testing.assert_array_equal(rows, kept)
    assert_trees_close(fit({"w": jnp.asarray(rows)}).predict(2), first, tolerate=0)


def test_what_is_no_array_comes_back(record):
    predicted = fit(record).predict(1)
    assert jax.tree.structure(predicted) == jax.tree.structure(record)
    assert predicted(jnp.ones(6)).shape == (5,)


LAPACK = {"eigh", "eig", "svd", "lu", "triangular_solve", "cholesky", "qr", "geqrf", "schur"}


def linear_algebra(jaxpr):
    """Name and rank of the operands of every dense decomposition, however deep."""
    for eqn in jaxpr.eqns:
        if eqn.primitive.name in LAPACK:
            yield eqn.primitive.name, max(v.aval.ndim for v in eqn.invars)
        for value in jax.tree.leaves(eqn.params, is_leaf=lambda p: hasattr(p, "eqns")):
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from linear_algebra(inner)


def test_no_batch_is_handed_to_lapack(rng):
    """jaxlib's threads wait for each other where two batches run at once on two cores."""
    record = {
        name: {"weight": rng.normal(size=(12, 3, width)), "bias": rng.normal(size=(12, 3))}
        for name, width in (("a", 5), ("b", 7))
    }
    asked = {
        "fit": lambda r: fit(r, partition="node", max_modulus=0.9, rcond=1e-3).groups,
        "svd": lambda r: fit(r, partition="node", solver="svd").groups,
        "eigs": lambda r: fit(r, partition="node").eigs,
        "modes": lambda r: fit(r, partition="node").modes,
        "consistency": lambda r: fit(r, partition="node").consistency,
    }
    with jax.enable_x64(True):
        for name, ask in asked.items():
            found = list(
                linear_algebra(jax.make_jaxpr(ask)(jax.tree.map(jnp.asarray, record)).jaxpr)
            )
            assert found, f"{name} calls no LAPACK: the test looks at the wrong place"
            assert {ndim for _, ndim in found} == {2}, (name, found)
