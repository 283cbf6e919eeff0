"""Windows accumulated while training equal windows of a record; delay coordinates."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.helpers import assert_spectra_close, assert_trees_close

from koopnb.operators.koopman import fit
from koopnb.operators.snapshots import WindowMeans, delays


def accumulate(rows, window, capacity):
    """In one compiled scan, as in training."""
    start = WindowMeans.start({"w": rows[0], "step": 3}, window=window, capacity=capacity)
    return jax.lax.scan(lambda m, x: (m.update({"w": x, "step": 3}), None), start, rows)[0]


@pytest.mark.parametrize(("count", "capacity"), [(20, 5), (23, 5), (40, 5), (43, 5), (15, 9)])
def test_the_newest_full_windows_are_kept_in_order(count, capacity, rng):
    rows = jnp.asarray(rng.standard_normal((count, 3, 2)), jnp.float32)
    means = [np.mean(rows[i : i + 4], axis=0) for i in range(0, count // 4 * 4, 4)]
    kept = accumulate(rows, 4, capacity).snapshots()
    assert kept["step"] is None
    np.testing.assert_allclose(kept["w"], np.stack(means[-capacity:]), rtol=1e-5, atol=1e-6)


def test_an_operator_of_accumulated_windows_is_that_of_the_record(rng):
    rows = jnp.asarray(rng.standard_normal((24, 5)).cumsum(axis=0), jnp.float32)
    online = fit({"w": accumulate(rows, 4, 6).snapshots()["w"]}, rcond=1e-3)
    batch = fit({"w": rows}, window=4, rcond=1e-3)
    assert_trees_close(online.trajectory([1, 2, 3]), batch.trajectory([1, 2, 3]))


def test_means_of_a_constant_are_the_constant_to_the_bit():
    rows = jnp.full((14, 2), 0.1, jnp.float32)
    np.testing.assert_array_equal(accumulate(rows, 7, 2).snapshots()["w"], rows[:2])


def test_half_precision_weights_are_averaged_in_single():
    means = accumulate(jnp.linspace(0, 1, 8).astype(jnp.float16)[:, None], 4, 2).snapshots()["w"]
    assert means.dtype == jnp.float32
    np.testing.assert_allclose(means[:, 0], [1.5 / 7, 5.5 / 7], atol=1e-3)


def test_windows_are_read_inside_a_compiled_function_once_all_are_full(rng):
    rows = jnp.asarray(rng.standard_normal((24, 5)).cumsum(axis=0), jnp.float32)
    means = accumulate(rows, 4, 6)
    inside = jax.jit(lambda m: fit(m.snapshots(), rank=2).predict(1))(means)
    assert_trees_close(inside, fit(means.snapshots(), rank=2).predict(1))
    weights = eqx.filter(means, eqx.is_array)
    assert jax.tree.structure(weights) == jax.tree.structure(means)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"window": 0, "capacity": 2}, "window=0: must be an integer >= 1"),
        ({"window": 2, "capacity": 1}, "capacity=1: must be an integer >= 2 .the means kept"),
        ({"window": 1.5, "capacity": 2}, "window=1.5: .* an integer >= 1"),
    ],
)
def test_bad_sizes_are_named(keywords, message):
    with pytest.raises(ValueError, match=message):
        WindowMeans.start({"w": jnp.zeros(2)}, **keywords)
    WindowMeans.start({"w": jnp.zeros(2)}, window=np.int64(1), capacity=2)


# --- delay coordinates ----------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3, np.int64(9)])
def test_delayed_snapshots_are_those_of_a_loop(count, rng):
    record = {"w": rng.standard_normal((10, 2, 3)), "b": rng.standard_normal(10), "name": "net"}
    found = delays(record, count)
    assert found["name"] == "net"
    for key in ("w", "b"):
        rows = record[key]
        expected = [rows[t : t + count] for t in range(10 - count + 1)]
        np.testing.assert_array_equal(found[key], np.stack(expected))
    single = {"w": jnp.asarray(record["w"], jnp.float32)}
    assert delays(single, count)["w"].dtype == jnp.float32


def test_two_delays_show_the_rotation_that_one_number_hides():
    """Known spectrum: cos(0.3 t) has the eigenvalues exp(±0.3 i); alone it has one real one."""
    record = {"w": np.cos(0.3 * np.arange(40))}
    alone, delayed = fit(record), fit(delays(record, 2))
    assert alone.eigs.shape == (1, 1)
    assert np.all(np.isreal(alone.eigs))
    assert_spectra_close(delayed.eigs, np.exp([0.3j, -0.3j]), 1e-9)
    np.testing.assert_allclose(delayed.predict(100)["w"][-1], np.cos(0.3 * 139), atol=1e-9)


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (0, "count=0: must be an integer >= 1"),
        (10, "count=10 on 10 snapshots leaves 1 delayed .* use count <= 9"),
        (2.0, "count=2.0: must be an integer >= 1"),
    ],
)
def test_delays_that_leave_no_pair_are_refused(count, message, rng):
    record = {"w": rng.standard_normal(10)}
    with pytest.raises(ValueError, match=message):
        delays(record, count)
    assert delays(record, 9)["w"].shape == (2, 9)
