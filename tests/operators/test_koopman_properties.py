"""What must hold for operators whatever the data."""

import itertools

import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.helpers import (
    arrays,
    assert_spectra_close,
    assert_trees_close,
    linear_record,
    with_spectrum,
)

from koopnb.operators.koopman import fit

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
