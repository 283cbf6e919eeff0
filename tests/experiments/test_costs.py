"""What is timed, and how whole costs add up."""

import jax
import numpy as np
import pytest

from koopnb.experiments import costs, mnist, store
from koopnb.operators.koopman import fit


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    config = costs.CostsConfig("digits", horizon_epochs=(1, 2), timed_steps=3)
    folder = tmp_path_factory.mktemp("records")
    made = costs.run(config, folder)
    assert store.load(costs.SERIES[0].path(config, folder)).metrics == made.metrics
    return made


def test_every_arm_and_part_is_timed(result):
    m = result.metrics
    for arm in ("optimizer", "node", "layer"):
        assert result.curves[f"{arm}/seconds"].shape == (3,)
        assert m["step"][arm] == pytest.approx(np.median(result.curves[f"{arm}/seconds"]))
    assert set(m["fit"]) == set(m["jump"]) == {"node", "layer", "network", "bounded"}
    parts = [*m["step"].values(), *m["fit"].values(), *m["jump"].values(), m["epoch"], m["check"]]
    assert min(parts) > 0


def test_whole_costs_hold_every_part(result):
    m = result.metrics
    one, two = costs.whole(result, 1), costs.whole(result, 2)
    assert sum(one["optimizer"].values()) == m["epoch"]
    assert sum(two["optimizer"].values()) == 2 * m["epoch"]
    steps = one["node, steps"]
    assert steps["predict"] == pytest.approx(90 * m["step"]["node"])
    assert steps["fit"] == m["fit_as_reported"]["node"] + m["form"]["node"]
    assert sum(one["node, jump"].values()) == pytest.approx(
        m["record"] + m["fit"]["node"] + m["jump"]["node"] + m["check"]
    )
    assert one["network, jump"] == two["network, jump"], "a jump costs the same for any horizon"
    assert "fit" not in one["mean"]
    for arm in ("bounded, jump", "mean"):
        assert one[arm]["record"] == m["record_means"]
    assert one["layer, jump"]["record"] == m["record"]


def test_a_timed_step_is_the_operator():
    rng = np.random.default_rng(0)
    tree = {"a": {"weight": rng.normal(size=(9, 3, 2)), "bias": rng.normal(size=(9, 3))}}
    tree = jax.tree.map(lambda x: x.astype(np.float32), tree)
    operator = fit(tree, partition="node")
    steps = costs._operator_steps(operator)
    next(steps)
    (twice,) = next(steps)
    predicted = operator.predict(2)["a"]
    np.testing.assert_allclose(twice[:, :2], predicted["weight"], rtol=2e-3, atol=1e-4)
    np.testing.assert_allclose(twice[:, 2], predicted["bias"], rtol=2e-3, atol=1e-4)


def test_the_protocol_is_timed():
    assert set(costs.JUMPS) <= {arm.name for arm in mnist.arms()}
