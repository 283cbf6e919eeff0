"""The radial control: on a separable set larger weights are a gain, with weight decay none."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from koopnb import training
from koopnb.experiments import regimes
from koopnb.experiments.regimes import candidates
from koopnb.operators import radial

TOY = regimes.RegimesConfig(
    optimizers=("sgd",), batch_sizes=(None,), hidden=(4,), burn_in=2_000, record=200, horizons=(1,)
)


def separable():
    """Two clouds of points with a gap between them."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    x = rng.uniform(-1, 1, (60, 3)) + np.where(y, 2.0, -2.0)[:, None]
    return jnp.asarray(x, jnp.float32), jnp.asarray(y)


def scaling(weight_decay):
    """The last weights' place among the factors' losses, and the best scaling of them."""
    config = dataclasses.replace(TOY, weight_decay=weight_decay)
    x, y = separable()
    recorded = regimes.train(config, "sgd", None, x, y).record
    last = jax.tree.map(lambda leaf: leaf[-1], recorded)
    assert training.evaluate(last, x, y)[1] == 1

    def losses(path):
        entropy = np.asarray(training.evaluate_path(path, x, y)[0])
        return entropy + weight_decay / 2 * radial.norms(path) ** 2

    found = radial.best(last, losses)
    return found, found.losses.min() / found.losses[radial.FACTORS == 1][0]


def test_without_decay_scaling_alone_is_a_gain_and_with_decay_it_is_none():
    plain, gain = scaling(0.0)
    assert plain.factor > 1.5
    assert gain < 0.1
    decayed, gain = scaling(0.03)
    assert abs(np.log(decayed.factor)) < 0.05
    assert 0.99 < gain <= 1


def test_factors_hold_one_and_are_even_in_the_logarithm():
    assert 1.0 in radial.FACTORS
    assert radial.FACTORS[[0, -1]].tolist() == [0.5, 4.0]
    np.testing.assert_allclose(np.diff(np.log(radial.FACTORS)), np.log(8) / 84)


def test_the_best_factor_is_found_and_the_smallest_of_equals():
    params = {"w": jnp.asarray([[3.0, 0.0], [0.0, 4.0]]), "name": "kept"}

    def losses(path):
        return (radial.norms({"w": path["w"]}) - 10.0) ** 2

    found = radial.best(params, losses)
    assert found.factor == 2.0
    assert found.params["w"].tolist() == [[6.0, 0.0], [0.0, 8.0]]
    assert found.params["name"] == "kept"
    np.testing.assert_allclose(found.losses, (5 * radial.FACTORS - 10) ** 2, atol=1e-4)
    assert radial.best(params, lambda path: np.zeros(len(path["w"]))).factor == 0.5


def test_growth_scales_the_last_weights_to_the_norm_of_what_is_ahead():
    last = {"w": jnp.asarray([3.0, 4.0])}
    ahead = {"line": {"w": jnp.asarray([[0.0, 10.0], [-5.0, 0.0]])},
             "lost": {"w": jnp.full((2, 2), jnp.nan)}}  # fmt: skip

    def losses(path, split):
        return path["w"][:, 0] * (1 if split == "train" else -1)

    found = candidates.growth(last, ahead, losses, ["train", "test"])
    np.testing.assert_allclose(found["factor/line"], [2.0, 1.0])
    np.testing.assert_allclose(found["norm/line/train"], [6.0, 3.0], rtol=1e-6)
    np.testing.assert_allclose(found["norm/line/test"], [-6.0, -3.0], rtol=1e-6)
    assert np.isnan(found["norm/lost/train"]).all()


@pytest.mark.parametrize("decay", [-0.1, float("inf"), float("nan")])
def test_a_decay_that_is_none_is_refused(decay):
    regimes.RegimesConfig(weight_decay=0.1)
    with pytest.raises(ValueError, match="weight_decay=.*: it must be finite and at least 0"):
        regimes.RegimesConfig(weight_decay=decay)
    assert regimes.RegimesConfig().weight_decay == regimes.grid("mnist").weight_decay == 0
