"""When observables close: the experiment's parts, against what theory says of each."""

import json

import numpy as np
import pytest

from koopnb.dynamics.systems import observe, orbit
from koopnb.experiments import closure, store
from koopnb.experiments.closure import autonomy, dictionaries, experiment
from koopnb.operators.koopman import fit


@pytest.fixture(scope="module")
def runs():
    return autonomy.train((0, 3))


@pytest.fixture(scope="module")
def wells():
    return dictionaries.double_well()


def test_the_operator_is_linear_and_the_map_is_not():
    operator, moved = experiment.linearity(4, points=50)
    assert operator < 1e-12
    assert moved > 1


def test_a_leak_adds_up_only_where_observables_do_not_close():
    states = orbit((1.5, 1.2), 30, *experiment.SLOW)
    projections = fit(observe(states, ("x1", "x2")))
    found = experiment.leak(projections, np.array([1.8, 4.0]), steps=20)
    assert found["gap"] < 1e-12 < found["largest"]
    on = experiment.leak(projections, np.array([0.0, 4.0]), steps=20)
    assert on["gap"] < 1e-12
    assert on["error"] < found["error"]


def test_norms_grow_where_second_moments_are_infinite():
    moments = {name: experiment.second_moments(name) for name in experiment.DENSITIES}
    assert moments["Gaussian"][-1] == pytest.approx(1.0, rel=1e-4)
    # x^2 over a square of side 2R is 4 R^4 / 3.
    assert moments["Lebesgue"][-1] == pytest.approx(4 * 500.0**4 / 3, rel=1e-3)
    assert experiment.growth(moments["Gaussian"]) < 1.001
    assert min(experiment.growth(moments[name]) for name in ("Lebesgue", "Cauchy")) > 2


def test_identity_and_projections_are_one_operator():
    assert experiment.identity_gap(orbit((1.5, 1.2), 30, *experiment.SLOW)) == 0


def test_dictionaries_get_better_one_step_ahead_and_never_across_the_wells(wells):
    assert np.all(np.diff(wells.errors[:, 0]) < 0)
    assert wells.errors[:, 2].min() > 0.9
    assert wells.sizes == tuple(degree + 1 for degree in wells.predicted)
    np.testing.assert_allclose(np.abs(wells.true[[0, -1]]), 1.0, atol=1e-3)


def test_products_are_all_of_a_total_degree():
    states, box = np.array([[0.3, -0.2], [0.1, 0.5]]), np.ones(2)
    rows = dictionaries.products(states, 2, box)
    x, y = states
    second = [(3 * z**2 - 1) / 2 for z in states]
    expected = np.stack([np.ones(2), y, second[1], x, x * y, second[0]], axis=1)
    np.testing.assert_allclose(rows, expected)


def test_a_seed_is_trained_alike_in_any_company(runs):
    """Until training has amplified the rounding."""
    alone = autonomy.train((3,))
    for name in autonomy.OPTIMIZERS:
        for key in ("w", "c"):
            both, one = runs[name][0][key][1, :50], alone[name][0][key][0, :50]
            np.testing.assert_allclose(both, one, rtol=1e-6, atol=1e-9)


def test_two_futures_differ_but_for_full_batch_descent(runs):
    found = autonomy.two_futures(runs, 0, seed=0)
    assert found.pop("descent") == 0
    assert found["schedule"] == pytest.approx(0.5)
    assert set(found) == {"batches", "schedule", "momentum", "adadelta"}
    assert min(found.values()) > 0.1


def test_the_velocity_helps_a_linear_operator(runs):
    found = autonomy.with_memory(runs)
    assert {name: one.shape for name, one in found.items()} == {
        name: (2, 2, len(autonomy.HORIZONS)) for name in autonomy.OPTIMIZERS
    }
    assert np.all(found["momentum"][:, 1, :2] < found["momentum"][:, 0, :2])


def test_a_record_holds_every_number_and_is_read_back(tmp_path, monkeypatch):
    monkeypatch.setattr(dictionaries, "CYCLE_DEGREES", (1, 3))
    config = closure.ClosureConfig(2)
    made = closure.run(config, tmp_path)
    again = store.load(closure.SERIES[0].path(config, tmp_path))
    assert again.metrics == json.loads(json.dumps(made.metrics))
    assert made.metrics["van der Pol"]["sizes"] == [3, 10]
    assert made.metrics["spectrum"] < 1e-10
