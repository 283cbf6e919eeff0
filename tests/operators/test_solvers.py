"""Solvers against each other; rank, cutoff and precision."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.helpers import (
    arrays,
    assert_spectra_close,
    assert_trees_close,
    blocks_of,
    linear_record,
    low_rank,
    tolerance,
    with_spectrum,
)

from koopnb.operators import _batched, _solvers
from koopnb.operators.koopman import fit

# --- solvers --------------------------------------------------------------------------------


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
    size = 4 * _solvers.PROBE * _solvers.PROBE_STEPS
    shape = (size + 2, size + 40) if side == "time" else (size + 40, size)
    assert _solvers.may_probe(shape[1], shape[0] - 1)
    snapshots = {"w": low_rank(rng, *shape, 6, 1e-3) if kept == 6 else slow_decay(rng, *shape)}
    operator = fit(snapshots, rcond=0.02, solver="gram")
    exact = fit(snapshots, rcond=0.02, solver="svd", dtype="float64")
    assert operator.plans[0].probe
    assert operator.rank.tolist() == exact.rank.tolist()
    assert (int(operator.rank[0]) > _solvers.PROBE * _solvers.PROBE_STEPS) == (kept == 200)
    assert_trees_close(operator.predict(3), exact.predict(3), tolerate=tolerance("float32"))
    eigs, expected = (np.asarray(fitted.eigs[0, : fitted.rank[0]]) for fitted in (operator, exact))
    assert_spectra_close(eigs, expected, 1e-4)


def slow_decay(rng, n, m):
    """Singular values that fall by a hundredth over about 200 directions, then to nothing."""
    left, _ = np.linalg.qr(rng.standard_normal((n, 220)))
    right, _ = np.linalg.qr(rng.standard_normal((m, 220)))
    return ((left * np.geomspace(1, 0.01, 220)) @ right.T).astype(np.float32)


def test_the_choice_of_solver():
    choose = _solvers.choose
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
            lowered = _batched.fit_blocks.lower(
                [leaf], operator.partition, plans, operator.rcond, None
            )
            return lowered.compile().memory_analysis().temp_size_in_bytes / (4 * n * m)

    assert temporary(operator.plans) < 0.5
    assert temporary((operator.plans[0]._replace(solver="gram"),)) < 1.5
    # The same measure sees a copy of the snapshots in double precision.
    assert temporary((operator.plans[0]._replace(solver="svd", work=jnp.dtype("float64")),)) > 2


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
    with pytest.warns(UserWarning, match="rank=4: 1 of 3 blocks have less; 'tree row 0' has 3"):
        operator = fit({"w": rows[3:]}, partition="node", rank=4)
    assert operator.rank.tolist() == [3, 1, 0]
    assert operator.shortfall.tolist() == [1, 0, 0]
    assert np.asarray(operator.spectral_radius) == pytest.approx([0.9, 1, 0], abs=1e-3)
    assert fit({"w": rows[3:]}, partition="node", rank=2).rank.tolist() == [2, 1, 0]


@pytest.mark.parametrize("kind", [int, np.int8, np.int64, np.uint32, jnp.int32])
def test_integers_of_every_kind_are_ranks(kind, record):
    assert fit(record, rank=kind(2)).rank.tolist() == [2]


@pytest.mark.parametrize("rank", [2.0, np.float64(2), True, np.True_, "2", 0, -1])
def test_what_is_no_rank_is_refused(rank, record):
    with pytest.raises(
        ValueError, match=r"rank=.*must be an integer >= 1 \(an upper bound of every block's rank\)"
    ):
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
