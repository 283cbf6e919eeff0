"""Operators under jit, vmap and scan, sharded, and in pytrees."""

import jax
import jax.numpy as jnp
import numpy as np
from support.helpers import (
    arrays,
    assert_spectra_close,
    assert_trees_close,
    low_rank,
)

from koopnb.operators.koopman import fit


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
