"""The ODE-solver networks: the loss by other routes, the system itself, and a short real run."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ellipj, ellipk
from support.helpers import explicit

from koopnb.evidence.judge import judge
from koopnb.evidence.statements import CLAIMS
from koopnb.experiments import ode, store
from koopnb.experiments.ode import oscillator

SMALL = ode.OdeConfig(
    networks=3, burn_in=300, record=200, horizon=50, averaged=50, stride=25,
    partitions=("node", "layer", "network"), precisions=("float64",),
)  # fmt: skip


@pytest.fixture(scope="module")
def runs():
    return ode.train_networks(SMALL)


def one(params, which, t):
    """N(t) of one network at one time, layer after layer."""
    h = jnp.atleast_1d(t)
    for depth, layer in enumerate(params):
        h = layer.weight[which] @ h + layer.bias[which]
        h = jnp.sin(h) if depth < len(params) - 1 else h
    return h


def test_network_and_derivative_are_those_of_automatic_differentiation():
    params, t = ode.fresh_networks(SMALL).params, ode.equidistant_times(SMALL)
    value, tangent = oscillator.network(params, t)
    for which in range(SMALL.networks):
        found = jax.vmap(
            lambda s, w=which: jax.jvp(lambda u: one(params, w, u), (s,), (jnp.ones(()),))
        )(t[which])
        np.testing.assert_allclose(value[which], found[0].T, atol=1e-5)
        np.testing.assert_allclose(tangent[which], found[1].T, atol=1e-5)


def test_a_network_of_zeros_stands_still_and_pays_for_it():
    zeros = jax.tree.map(jnp.zeros_like, ode.fresh_networks(SMALL).params)
    x, p = oscillator.START
    np.testing.assert_allclose(
        oscillator.mean_squared_residuals(zeros, ode.equidistant_times(SMALL)),
        p**2 + (x + x**3) ** 2,
        1e-6,
    )


def test_loss_is_that_of_central_differences():
    with jax.enable_x64(True):
        params = jax.tree.map(lambda x: x.astype(jnp.float64), ode.fresh_networks(SMALL).params)
        t, h = jnp.broadcast_to(jnp.linspace(0.1, 12.0, 50), (3, 50)), 1e-5
        slope = (oscillator.solution(params, t + h) - oscillator.solution(params, t - h)) / (2 * h)
        x, p = jnp.moveaxis(oscillator.solution(params, t), 1, 0)
        expected = jnp.mean((slope[:, 0] - p) ** 2 + (slope[:, 1] + x + x**3) ** 2, axis=1)
        np.testing.assert_allclose(
            oscillator.mean_squared_residuals(params, t), expected, rtol=1e-7
        )


def test_the_trial_solution_starts_where_the_system_does():
    begin = oscillator.solution(ode.fresh_networks(SMALL).params, jnp.zeros((3, 1)))
    np.testing.assert_allclose(begin[..., 0], np.broadcast_to(oscillator.START, (3, 2)), rtol=1e-6)


def test_the_truth_is_jacobis_and_keeps_its_energy():
    t = np.linspace(0, oscillator.END, 200)
    x, p = oscillator.truth(t)
    energy = p**2 / 2 + x**2 / 2 + x**4 / 4
    np.testing.assert_allclose(energy, energy[0], rtol=1e-9)
    # x = A cn(w (t - t0), k) with amplitude A at the turning point, w^2 = 1 + A^2.
    amplitude2 = np.sqrt(1 + 4 * energy[0]) - 1
    omega2 = 1 + amplitude2
    parameter = amplitude2 / (2 * omega2)
    phases = np.linspace(-4 * ellipk(parameter), 0, 200_001)
    cn = ellipj(phases, parameter)[1]
    slope = np.gradient(cn, phases)
    rising = np.where(slope > 0, np.abs(np.sqrt(amplitude2) * cn - oscillator.START[0]), np.inf)
    phase = phases[np.argmin(rising)]
    expected = np.sqrt(amplitude2) * ellipj(np.sqrt(omega2) * t + phase, parameter)[1]
    np.testing.assert_allclose(x, expected, atol=2e-4)


def test_all_phases_are_one_training(runs):
    """In one go as in three, with losses that are those of the weights before each step."""
    key = jax.random.fold_in(jax.random.key(SMALL.seed), 1)
    length = SMALL.burn_in + SMALL.record + SMALL.horizon
    state, (_, path) = ode.advance(ode.fresh_networks(SMALL), key, SMALL, length, True)
    assert int(state.step) == len(runs.losses) == length
    end = ode.rows_of_weights(jax.tree.map(lambda leaf: leaf[-1], runs.further))
    np.testing.assert_allclose(ode.rows_of_weights(state.params), end, rtol=1e-3, atol=1e-4)
    at = SMALL.burn_in + 7
    before = jax.tree.map(lambda leaf: leaf[6], runs.snapshots)
    np.testing.assert_allclose(
        oscillator.mean_squared_residuals(before, ode.equidistant_times(SMALL)),
        runs.losses[at],
        rtol=1e-3,
    )
    assert len(jax.tree.leaves(path)[0]) == length


@pytest.mark.parametrize("points", ode.COLLOCATION_KINDS)
@pytest.mark.parametrize("optimizer", ode.UNTUNED_OPTIMIZERS)
def test_training_lowers_the_loss(optimizer, points):
    config = ode.OdeConfig(optimizer, points, networks=2, burn_in=400, record=2, averaged=2)
    _, (losses, _) = ode.advance(ode.fresh_networks(config), jax.random.key(1), config, 400, False)
    assert np.all(np.mean(losses[-20:], axis=0) < 0.9 * losses[0])
    if points == "jittered":
        assert not np.allclose(
            losses[0],
            oscillator.mean_squared_residuals(
                ode.fresh_networks(config).params, ode.equidistant_times(config)
            ),
        )


def test_the_operators_are_the_papers_formula(runs):
    """Against K = F' pinv(F) formed explicitly for the network block of one network."""
    operator = ode.fit_one(runs.snapshots, 1, "network", "float64")
    leaves = [np.asarray(leaf[:, 1], float) for leaf in jax.tree.leaves(runs.snapshots)]
    rows = np.concatenate([leaf.reshape(SMALL.record, -1) for leaf in leaves], axis=1)
    rcond = (SMALL.record - 1) * np.finfo(np.float64).eps
    assert operator.rcond == (rcond,)
    matrix, _ = explicit(rows, rcond)
    truncated = ode.fit_one(runs.snapshots, 1, "network", "float32")
    assert truncated.rank[0] < operator.rank[0] <= rows.shape[1]
    one_step = jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(operator.predict(1))])
    np.testing.assert_allclose(one_step, matrix @ rows[-1], atol=1e-3)


def test_a_run_leaves_a_record(tmp_path, runs):
    found = ode.run(SMALL, tmp_path)
    stored = store.load(ode.SERIES[0].path(SMALL, tmp_path))
    assert stored.metrics == found.metrics
    assert found.metrics["weights"] == 152
    change = found.curves["change"]
    assert change.shape == (2, 3)
    length = SMALL.burn_in + SMALL.record + SMALL.horizon
    assert found.curves["training/loss/at"][-1] == length
    start, end = (
        ode.rows_of_weights(params)
        for params in (runs.state.params, jax.tree.map(lambda leaf: leaf[-1], runs.further))
    )
    moved = np.linalg.norm(end - start, axis=1)
    np.testing.assert_allclose(change[-1], moved, rtol=1e-2)
    np.testing.assert_array_equal(found.curves["no change/error"], change)
    np.testing.assert_array_equal(found.curves["trained/error"], 0)
    assert set(found.metrics["operators"]) == {f"{name} float64" for name in SMALL.partitions}
    timed = found.metrics["seconds"]["float64"]
    assert min(timed["train"], timed["check"], *timed["fit"].values()) > 0
    judged = {claim.key: judge(claim, [found]) for claim in CLAIMS["ode"]}
    error, change = found.curves["node float64/error"][-1], found.curves["change"][-1]
    assert judged["node-accurate"].values == (ode.ratio(error, change),)
    error, line = (found.curves[f"{arm}/error"][-1] for arm in ("network float64", "linear"))
    assert judged["network-accurate"].values == (np.median(error) / np.median(change),)
    assert judged["network-beats-line"].values == (np.median(error) / np.median(line),)
    loss = found.curves["network float64/loss"][-1] / found.curves["mean/loss"][-1]
    assert judged["beats-average"].values[0] == pytest.approx(np.median(loss))
    assert judged["ode-clock"].values[0] < timed["train"] / timed["fit"]["node"]
    params = ode.networks_of_rows(found.curves["mean/weights"])
    np.testing.assert_allclose(
        oscillator.mean_squared_residuals(params, ode.equidistant_times(SMALL)),
        found.curves["mean/loss"][-1],
        rtol=1e-4,
    )


def test_a_speed_counts_the_costs_that_it_is_told():
    costs = {
        "train": 12.0,
        "record": 1.0,
        "check": 2.0,
        "fit": {"node": 3.0},
        "predict": {"node": 6},
    }
    assert ode.speed_up(costs, "node") == 1.0
    assert ode.speed_up(costs, "node", ("predict",)) == 2.0


def test_selection_and_intervals():
    error, change = np.array([4.0, 1.0, 2.0, 9.0]), np.array([2.0, 2.0, 4.0, 4.0])
    assert ode.ratio(error, change) == 1.0
    assert ode.ratio(error, change, best=2) == 0.5
    low, high = ode.ratio_interval(error, change)
    assert low < 1 < high


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"optimizer": "sgd"}, "optimizer='sgd': must be one of"),
        ({"points": "random"}, "points='random': must be one of"),
        ({"partitions": ("quasi-node",)}, "choose from weight, node, layer and network"),
        ({"horizon": 100}, "horizon=100: give a positive multiple of stride=125"),
        ({"averaged": 1}, "averaged=1: averages need 2 to record=10000"),
    ],
)
def test_wrong_settings_are_refused(wrong, message):
    ode.OdeConfig()
    with pytest.raises(ValueError, match=message):
        ode.OdeConfig(**wrong)
