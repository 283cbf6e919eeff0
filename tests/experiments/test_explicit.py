"""Operators as the paper's program forms them, and the claims that compare them with factors."""

import jax
import numpy as np
import pytest

from koopnb.evidence.statements.paper import PAPER, apart
from koopnb.evidence.statements.routes import ROUTES
from koopnb.experiments import explicit, mnist, routes
from koopnb.operators import koopman


def walk(rng, n=30, out=3, fan_in=4):
    """A drifting record of one layer, in single precision."""
    path = rng.standard_normal((n, out, fan_in + 1)).cumsum(axis=0) / 20 + 1
    return {"weight": path[..., :-1].astype("f4"), "bias": path[..., -1].astype("f4")}


def test_a_matrix_is_applied_step_by_step(rng):
    """The powers by squaring equal a loop over steps with numpy.linalg.pinv."""
    snapshots = walk(rng)
    rows = np.concatenate([snapshots["weight"], snapshots["bias"][..., None]], -1).astype(float)
    found = explicit.fit(snapshots, partition="node", rcond=1e-6)
    steps = [0, 1, 2, 7, 12]
    path = found.trajectory(steps)
    for node in range(3):
        block = rows[:, node].T
        matrix = block[:, 1:] @ np.linalg.pinv(block[:, :-1], rcond=1e-6)
        walked = found.walk(steps)
        for place, count in enumerate(steps):
            assert float(walked["bias"][place, node]) == pytest.approx(
                float(path["bias"][place, node]), rel=1e-5
            )
            expected = np.linalg.matrix_power(matrix, count) @ block[:, -1]
            got = [*np.asarray(path["weight"][place, node]), float(path["bias"][place, node])]
            np.testing.assert_allclose(got, expected, rtol=2e-5)
    assert found.rank.tolist() == [5, 5, 5]


@pytest.mark.parametrize(("partition", "q"), [("weight", None), ("quasi-node", 2), ("node", None)])
def test_matrices_and_factors_are_the_same_operator(partition, q, rng):
    snapshots = walk(rng)
    matrix = explicit.fit(snapshots, partition=partition, q=q, rcond=1e-6)
    factors = koopman.fit(
        snapshots, partition=partition, q=q, rcond=1e-6, dtype="float64", solver="svd"
    )
    assert matrix.rank.tolist() == factors.rank.tolist()
    for one, other in zip(
        jax.tree.leaves(matrix.trajectory([1, 5])),
        jax.tree.leaves(factors.trajectory([1, 5])),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    np.testing.assert_allclose(matrix.spectral_radius, factors.spectral_radius, rtol=1e-6)


def test_a_block_that_never_moves_predicts_itself(rng):
    snapshots = walk(rng)
    snapshots["weight"][:, 1], snapshots["bias"][:, 1] = 0.25, 0.5
    snapshots["weight"][:, 2], snapshots["bias"][:, 2] = 0, 0
    found = explicit.fit(snapshots, partition="node", rcond=1e-6)
    assert found.rank.tolist() == [5, 1, 0]
    ahead = found.trajectory([1000])
    np.testing.assert_allclose(ahead["weight"][0, 1], 0.25, rtol=1e-6)
    assert not np.any(ahead["weight"][0, 2])
    assert found.spectral_radius[1:].tolist() == [pytest.approx(1), 0]


def test_blocks_too_wide_for_a_matrix_are_refused():
    wide = {"w": np.ones((4, 1, explicit.WIDEST + 1), "f4")}
    with pytest.raises(ValueError, match="explicit operators go up to 2000; use koopnb.fit"):
        explicit.fit(wide, partition="network", rcond=1e-6)
    assert explicit.fit(wide, partition="weight", rcond=1e-6).rank.max() == 1


def test_the_paper_s_operators_are_matrices_where_those_fit_into_memory():
    arms = {arm.name: arm for arm in mnist.arms("mnist", "paper")}
    assert [name for name, arm in arms.items() if arm.explicit] == [
        "weight-64", "quasi-node-64", "node-64",
    ]  # fmt: skip
    assert arms["node-64 in factors"].solver == "svd"
    assert not any(arm.explicit for arm in mnist.arms("mnist"))


def test_the_distance_between_both_is_read_one_step_and_one_epoch_ahead(rng):
    """A quick run on digits: the claims read the curve where they say they do."""
    config = mnist.MnistConfig(
        "digits", 100, (8,), batch_size=256, burn_in_epochs=1, record_epochs=2,
        horizon_epochs=(1,), arms=mnist.arms("digits", "paper"),
    )  # fmt: skip
    record = mnist.run(config)
    curve = record.curves["node-64/parting"]
    assert apart("node", 0)(record) == curve[0]
    assert apart("node", 1)(record) == curve[-1]
    claims = {claim.key: claim for claim in PAPER}
    assert claims["node-first-step"].measure(record) <= 0.5
    moved = record._replace(curves=record.curves | {"node-64/parting": curve * 0 + 3})
    assert claims["node-first-step"].measure(moved) == 3 > claims["node-first-step"].high
    assert claims["node-powers-part"].measure(moved) >= claims["node-powers-part"].low


def test_routes_of_one_operator_are_compared_in_steps():
    """Quick: digits; the factors are no distance from themselves, and claims read the end."""
    made = routes.run(routes.RoutesConfig("digits", 100))
    for arm in routes.OPERATORS:
        assert not made.curves[f"{arm}/factors/apart"].any()
        assert 0 < made.curves[f"{arm}/nearby/apart"][0] < 0.01
        assert set(made.metrics["accuracy"][arm]) == set(routes.ROUTES)
    claims = {claim.key: claim for claim in ROUTES}
    curve = made.curves["node/steps/apart"]
    assert claims["node-steps"].measure(made) == curve[-1]
    moved = made._replace(curves=made.curves | {"node/steps/apart": curve * 0 + 3})
    assert claims["node-steps"].measure(moved) > claims["node-steps"].high
