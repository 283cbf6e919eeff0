"""The noise record: each part against a case whose answer is known."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from koopnb import load_dataset, training
from koopnb.dynamics import gradient_noise
from koopnb.dynamics.potentials import double_well
from koopnb.evidence.statements import CLAIMS
from koopnb.experiments import noise, store
from koopnb.experiments.noise import failures, gradients, initial, walks
from koopnb.networks import MLP

# The same shapes everywhere, so that no program is compiled twice.
SMALL = noise.NoiseConfig(stages=(0, 1), walks=200, budget=1000, starts=30, networks=3)
KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    noise.run(SMALL, folder)
    return store.load(noise.SERIES[0].path(SMALL, folder))


@pytest.fixture(scope="module")
def digits():
    data = load_dataset("digits")
    return jnp.asarray(data.x_train), jnp.asarray(data.y_train)


def test_every_claim_finds_its_number(small):
    assert small.series == "noise"
    for claim in CLAIMS["noise"]:
        assert np.isfinite(claim.measure(small)), claim.key


def test_stages_are_of_one_training(small, digits):
    stages = small.metrics["stages"]
    assert [row["epochs"] for row in stages] == [0, 1]
    assert stages[1]["loss"] < stages[0]["loss"] == pytest.approx(np.log(10), abs=0.2)
    network = noise.trained(*digits, epochs=1, seed=0)
    assert stages[1]["loss"] == float(training.evaluate(network, *digits)[0])


def test_the_field_of_a_network_is_that_of_its_batches(digits):
    x, y = digits
    network = noise.trained(x, y, epochs=0, seed=1)
    each = gradient_noise.per_example_gradients(network, x, y)
    found = noise.field(network, each, x, y, np.random.default_rng(0))
    drawn = np.random.default_rng(0).integers(len(x), size=(gradients.FIELD_DRAWS, 64))
    middle = len(found.distances) // 2
    assert found.distances[middle] == pytest.approx(0, abs=1e-12)
    batch = float(training.evaluate(network, x[drawn[7]], y[drawn[7]])[0])
    assert found.batches[middle, 7] == pytest.approx(batch, rel=1e-5)
    assert found.full[middle] == pytest.approx(float(training.evaluate(network, x, y)[0]), rel=1e-5)
    assert found.full[middle + 1] > found.full[middle - 1]  # along the gradient it rises
    assert 0 <= found.bias < 4.5
    assert 0 < found.reach <= 0.4


def test_normal_noise_of_equal_size_in_all_directions(rng):
    each = rng.standard_normal((2000, 50)).astype(np.float32) + np.float32(1)
    found, curves = gradients.noise(jnp.asarray(each), rng)
    assert found["power"] == pytest.approx(-1, abs=0.02)
    assert found["worst_ratio"] == pytest.approx(1, abs=0.1)
    assert found["kurtosis"]["1"] == pytest.approx(0, abs=0.3)
    assert found["top_ten"] == pytest.approx(0.2, abs=0.1)
    assert (found["samples"], found["weights"]) == (2000, 50)
    np.testing.assert_allclose(curves["directions"][-1], 1, rtol=1e-5)
    assert np.abs(curves["quantiles/16"]).max() == pytest.approx(2.8, abs=0.4)


def test_standardized_noise_is_along_the_gradient():
    each = np.array([[3.0, 9.0], [1.0, -9.0]])  # the mean is (2, 0)
    np.testing.assert_allclose(noise.standardized(jnp.asarray(each)), [1, -1])


def test_hot_walks_leave_and_cold_ones_do_not():
    settings = walks.leave(200, 2000, KEY)["settings"]
    share = {(row["rate"], row["batch"]): row["passed"] / 200 for row in settings}
    assert share[0.1, 4] > 0.9 > 0.1 > share[0.1, 32]
    for row in settings:
        assert 0 < row["watched"] <= 200 * 2000 * row["rate"] * (1 + 1e-6)
        assert walks.TEMPERATURES[0] < walks.temperature(row["rate"], row["batch"])


def test_walks_from_everywhere_forget_their_start_only_when_warm():
    found = walks.from_everywhere(30, 4000, KEY)
    shares = dict(zip(found["batches"], found["deep"] / 30, strict=True))
    assert shares[8] > 0.75 > 0.5 > shares[128]
    assert found["diverged"][0] > 0 == found["diverged"][-1]


def test_the_recursion_in_a_parabola_has_its_exact_variance():
    found = failures.parabola(200, KEY)
    assert found["worst_ratio"] == pytest.approx(1, abs=0.25)
    assert found["fresh"][failures.STEPS.index(1.0)] == pytest.approx(2, abs=0.3)
    assert found["reshuffled"][0] < 0.05


def test_noise_shrinks_with_the_root_of_the_step():
    found = failures.limit(200, KEY)
    assert found["power"] == pytest.approx(0.5, abs=0.06)


def test_tails_act_by_where_they_point():
    values = np.where(np.arange(1437) % 20, -1.0, 19.0)  # as many as the digits
    values = (values - values.mean()) / values.std()
    found = failures.tails(values, 200, KEY)
    for out, against in zip(found["out"], found["in"], strict=True):
        assert out["passed"] / out["predicted"] > 1.2 * against["passed"] / against["predicted"]


def test_networks_are_counted_below_the_loss(digits):
    found = initial.losses(*digits, networks=3, seed=0)
    assert found["gains"].tolist() == [0.25, 1.0, 4.0]
    assert found["same iterations"][1] < found["same data"][1]
    found = {"gains": np.ones(2), "mini-batches": np.array([0.49, 0.51])}
    assert initial.shares(found) == {"mini-batches": 0.5}


def test_the_number_of_weights_is_that_of_the_network():
    network = eqx.filter_eval_shape(MLP, initial.LAYERS, key=KEY)
    leaves = jax.tree.leaves(eqx.filter(network, lambda leaf: hasattr(leaf, "shape")))
    assert sum(leaf.size for leaf in leaves) == initial.WEIGHTS


def test_places_are_where_the_slope_vanishes():
    for place in (noise.INFLECTION, noise.SHALLOW, noise.TOP, noise.DEEP):
        assert abs(double_well().gradient(np.array([place])).item()) < 1e-6


@pytest.mark.parametrize("wrong", [{"walks": 0}, {"stages": ()}, {"networks": 0}])
def test_settings_without_a_run_are_refused(wrong):
    with pytest.raises(ValueError, match="need at least 1 each"):
        noise.NoiseConfig(**wrong)
