"""Rounding: what fits keep of it, what they say of it, and where it must not break them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.helpers import blocks_of

from koopnb.experiments import explicit
from koopnb.operators.koopman import fit


def records_of_low_rank():
    """Exactly low rank, also where rows or columns repeat to the bit."""
    rng = np.random.default_rng(0)
    walk = rng.standard_normal((120, 5)).cumsum(axis=0)
    ramp = np.arange(1.0, 121)
    spike = np.zeros((120, 150))
    spike[7, 11] = 1
    return {
        "five moving weights among zeros": (np.pad(walk, ((0, 0), (0, 145))), 5),
        "a dead layer and moving biases": (np.hstack([np.full((120, 200), 0.5), walk[:, :3]]), 4),
        "one ramp": (np.outer(ramp, np.ones(150)), 1),
        "two of them": (np.outer(ramp, np.ones(150)) + np.outer(ramp**2 % 7, np.arange(150)), 2),
        "two states": (np.repeat(rng.standard_normal((2, 150)), [70, 50], axis=0), 2),
        "one spike": (spike, 1),
        "a long record that moved twice": (
            np.repeat(
                0.03 * walk[:3].sum(axis=1)[:, None]
                + rng.standard_normal(130) / 30
                + np.outer([0, 1e-3, -2e-3], rng.standard_normal(130)),
                [150, 1660, 66],
                axis=0,
            ),
            3,
        ),
    }


@pytest.mark.filterwarnings("ignore:rank=")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", ["auto", "svd", "gram", "randomized"])
@pytest.mark.parametrize("name", records_of_low_rank())
def test_records_of_low_rank_are_fitted_with_the_rank_they_have(name, solver, dtype):
    rows, rank = records_of_low_rank()[name]
    rows = rows.astype(dtype)
    operator = fit({"w": rows}, rank=8, solver=solver)
    assert operator.rank.tolist() == [rank]
    assert operator.shortfall.tolist() == [8 - rank]
    assert np.all(np.isfinite(operator.predict(100)["w"]))
    before, after = rows[:-1].T.astype(float), rows[1:].T.astype(float)
    expected = after @ (np.linalg.pinv(before, rcond=1e-6) @ rows[-1].astype(float))
    tolerance = {"float32": 1e-4, "float64": 1e-9}[dtype] * max(1, np.abs(rows).max())
    np.testing.assert_allclose(operator.predict(1)["w"], expected, atol=tolerance)


@pytest.mark.parametrize("width", [12, 20])
def test_dither_is_never_taken_for_a_direction(width):
    """One large number among zeros: a rank is asked for, and only what is there is kept."""
    rows = np.zeros((9, width))
    rows[3, 5] = 1
    rows[-1] = np.linspace(1, 2, width)
    with pytest.warns(UserWarning, match="rank=5: 1 of 1 blocks have less; 'tree' has 1"):
        operator = fit({"w": rows}, rank=5)
    assert operator.rank.tolist() == [1]
    assert np.abs(operator.predict(1)["w"]).max() < 1e-12


def test_directions_that_single_precision_cannot_see_are_sought_in_double():
    """Only in the block that has some: the other keeps its plan."""
    rng, t = np.random.default_rng(1), np.arange(60.0)[:, None]
    modes = np.hstack([np.ones_like(t), 0.98**t, 0.9**t])
    steep = (modes * [1, 1e-3, 1e-6]) @ rng.standard_normal((3, 80))
    flat = (modes * [1, 0.5, 0.25]) @ rng.standard_normal((3, 90))
    tree = {"a": {"w": steep.astype("f4")}, "b": {"w": flat.astype("f4")}}
    operator = fit(tree, partition="layer", rank=3)
    assert operator.rank.tolist() == [3, 3]
    assert [plan.work for plan in operator.plans] == [jnp.float64, jnp.float32]
    eigs = np.sort(np.asarray(operator.eigs).real, axis=1)
    np.testing.assert_allclose(eigs[0], [0.9, 0.98, 1], atol=5e-3)
    np.testing.assert_allclose(eigs[1], [0.9, 0.98, 1], atol=1e-4)
    with pytest.warns(UserWarning, match="has 2, since its other singular values are within"):
        squared = fit(tree, partition="layer", rank=3, solver="gram")
    assert squared.solver == ("gram", "gram")  # asked for, so it stays, as far as it sees


def test_a_rank_traces_in_a_session_without_double_precision(rng):
    rows = rng.standard_normal((110, 130)).cumsum(axis=0).astype("f4")
    traced = jax.jit(lambda x: fit({"w": x}, rank=4).predict(3)["w"])(rows)
    np.testing.assert_allclose(traced, fit({"w": rows}, rank=4).predict(3)["w"], rtol=1e-4)


def test_the_cutoff_with_a_rank_is_that_of_the_coarsest_snapshots(rng):
    """Half precision's own rounding is no direction, whatever is computed in."""
    modes = 0.95 ** np.arange(30.0)[:, None] ** [0, 1, 2]
    rows = jnp.asarray(modes @ rng.standard_normal((3, 40)), jnp.bfloat16)
    with pytest.warns(UserWarning, match="rank=8"):
        operator = fit({"w": rows}, rank=8, dtype="float64")
    assert operator.rcond == (float(jnp.finfo(jnp.bfloat16).eps),)
    assert int(operator.rank[0]) <= 3


@pytest.mark.parametrize(
    ("decades", "how"),
    [
        (3, {"solver": "svd", "dtype": "float64"}),
        (9, {"solver": "svd", "dtype": "float64"}),
        (5, {"solver": "gram", "dtype": "float64"}),
        (3, {"solver": "svd", "dtype": "float64", "rcond": 1e-2}),
        (2, {"solver": "svd", "dtype": "float32"}),
    ],
)
def test_round_off_bounds_what_changes_of_the_snapshots_do(decades, how):
    """And it is no wild guess: some change reaches a ten-thousandth of it."""
    rng = np.random.default_rng(decades)
    left, right = (np.linalg.qr(rng.standard_normal((k, 12)))[0] for k in (40, 60))
    turn = np.linalg.qr(rng.standard_normal((12, 12)))[0]
    rows = ((left * np.logspace(0, -decades, 12)) @ turn @ right.T).astype(how["dtype"])
    how = {"rcond": 1e-12} | how
    if how["dtype"] == "float32":
        how["rcond"] = 1e-4
    operator = fit({"w": rows}, **how)
    now = np.asarray(operator.predict(1)["w"], float)
    step = np.linalg.norm(now - rows[-1])
    unit = float(np.finfo(how["dtype"]).eps)
    worst = 0.0
    for seed in range(8):
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], rows.shape)
        moved = (rows * (1 + unit * signs)).astype(how["dtype"])
        found = np.asarray(fit({"w": moved}, **how).predict(1)["w"], float)
        worst = max(worst, float(np.linalg.norm(found - now) / step))
    bound = float(operator.roundoff[0])
    assert 1e-5 * bound < worst < bound


def test_condition_and_round_off_of_blocks_that_stand_still(rng):
    rows = np.stack([rng.standard_normal((9, 4)).cumsum(axis=0), np.ones((9, 4))], axis=1)
    operator = fit({"w": rows}, partition="node")
    condition = np.linalg.cond(rows[:-1, 0])
    assert np.asarray(operator.condition).tolist() == [pytest.approx(condition, rel=1e-6), 0]
    assert 0 < operator.roundoff[0] < 1e-10
    assert operator.roundoff[1] == 0


def test_condition_and_round_off_follow_a_truncation(rng):
    """`reduced.truncate` gives what a fit with that cutoff gives."""
    from koopnb.experiments.causes.surrogate import cutoffs

    rows = {"w": rng.standard_normal((20, 8)).cumsum(axis=0) * np.logspace(0, -4, 8)}
    for rcond, cut in cutoffs(rows, "network", "float64", [1e-2, 1e-3]):
        direct = fit(rows, rcond=rcond, dtype="float64", solver="svd")
        assert cut.condition == pytest.approx(direct.condition, rel=1e-6)
        assert float(cut.groups[0].dropped[0]) == pytest.approx(
            float(direct.groups[0].dropped[0]), rel=1e-6
        )


def test_many_directions_of_a_gram_matrix_are_orthogonal_as_far_as_it_sees(rng):
    """More than are made orthonormal: to eps (s_1 / s)^2, which its documentation says."""
    left, right = (np.linalg.qr(rng.standard_normal((k, 200)))[0] for k in (201, 400))
    rows = (left * np.logspace(0, -3, 200)) @ right.T
    operator = fit({"w": rows}, solver="gram", rcond=1e-5)
    code = np.asarray(operator.groups[0].encoder[0][0], float)
    skew = np.abs(code @ code.T - np.diag(np.arange(len(code)) < int(operator.rank[0]))).max()
    assert skew < 100 * np.finfo(float).eps * float(operator.condition[0]) ** 2
    assert len(blocks_of(operator, {"w": rows})) == 1


def test_explicit_matrices_refuse_a_negative_horizon(rng):
    found = explicit.fit(
        {"w": rng.standard_normal((9, 1, 3)).astype("f4")}, partition="node", rcond=1e-9
    )
    with pytest.raises(ValueError, match="steps=-1"):
        found.trajectory([-1])
    assert found.trajectory([0])["w"].shape == (1, 1, 3)


@pytest.mark.filterwarnings("ignore:rank=")
@pytest.mark.parametrize("shape", [(11, 40), (30, 12), (30, 35)])
def test_a_rank_that_single_precision_cannot_resolve_never_breaks_the_fit(shape, rng):
    """Small blocks, whose cheap route is a Gram matrix: directions to below its own rounding."""
    size = min(shape)
    left, right = (np.linalg.qr(rng.standard_normal((k, size)))[0] for k in shape)
    for decades in (2, 4, 5, 6, 7, 8, 12):
        rows = ((left * np.logspace(0, -decades, size)) @ right.T + right[:, 0]).astype("f4")
        for solver in ("auto", "gram", "svd"):
            operator = fit({"w": rows}, rank=size - 1, solver=solver)
            assert np.all(np.isfinite(operator.predict(1)["w"]))
            code = np.asarray(operator.groups[0].encoder[0][0], float)
            kept = np.arange(len(code)) < int(operator.rank[0])
            assert np.abs(code @ code.T - np.diag(kept)).max() < 1e-4
