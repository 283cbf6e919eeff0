"""Gradient noise, against explicit loops, sampling theory and the dense covariance."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from support.helpers import TOLERANCE

import koopnb
from koopnb import training
from koopnb.dynamics import gradient_noise

SAMPLES = 30


@pytest.fixture
def network(key):
    return koopnb.MLP((5, 4, 3), activation=jnp.tanh, key=key)


@pytest.fixture
def data(rng):
    x = jnp.asarray(rng.normal(size=(SAMPLES, 5)), jnp.float32)
    return x, jnp.asarray(rng.integers(3, size=SAMPLES), jnp.int32)


@pytest.fixture
def gradients(network, data):
    return gradient_noise.per_example_gradients(network, *data)


def full_gradient(network, x, y):
    grads = eqx.filter_grad(training.cross_entropy)(network, x, y, jnp.ones(len(x), bool))
    return ravel_pytree(grads)[0]


def test_per_example_gradients_average_to_the_full_gradient(network, data, gradients):
    np.testing.assert_allclose(gradients.mean(0), full_gradient(network, *data), atol=1e-6)


def test_per_example_gradients_equal_a_loop(network, data, gradients):
    x, y = data
    for i in (0, 7, SAMPLES - 1):
        alone = full_gradient(network, x[i : i + 1], y[i : i + 1])
        np.testing.assert_allclose(gradients[i], alone, atol=1e-6)


def test_losses_along_average_to_the_loss_and_fall_by_the_gradient(network, data, gradients):
    slope = gradients.mean(0)
    step = 1e-2
    losses = gradient_noise.losses_along(network, -slope, jnp.array([-step, 0.0, step]), *data)
    assert losses.shape == (3, SAMPLES)
    average = losses.mean(1)
    np.testing.assert_allclose(average[1], training.evaluate(network, *data)[0], rtol=1e-5)
    found = (average[2] - average[0]) / (2 * step)
    np.testing.assert_allclose(found, -jnp.vdot(slope, slope), rtol=1e-3)


@pytest.mark.parametrize("replace", [True, False])
def test_batches_are_drawn_evenly(rng, replace):
    batches = gradient_noise.draw_batches(rng, 10, 4, 3000, replace=replace)
    assert batches.shape == (3000, 4)
    counts = np.bincount(batches.ravel(), minlength=10)
    # Four standard deviations of a binomial count; without replacement it varies less.
    assert np.abs(counts - 1200).max() < 4 * np.sqrt(1200 * 0.9)
    doubled = np.array([len(set(batch)) < 4 for batch in batches.tolist()])
    assert doubled.any() == replace


def test_batch_noise_equals_a_loop(rng, gradients):
    batches = gradient_noise.draw_batches(rng, SAMPLES, 7, 5, replace=True)
    each = np.asarray(gradients, np.float64)
    expected = [each[batch].mean(0) - each.mean(0) for batch in batches]
    found = gradient_noise.batch_noise(gradients, batches)
    np.testing.assert_allclose(found, expected, atol=TOLERANCE["float32"])


def test_a_batch_of_everything_has_no_noise(rng, gradients):
    batches = gradient_noise.draw_batches(rng, SAMPLES, SAMPLES, 3, replace=False)
    np.testing.assert_allclose(gradient_noise.batch_noise(gradients, batches), 0, atol=1e-6)
    assert gradient_noise.noise_variance(gradients, SAMPLES, replace=False) == 0
    assert gradient_noise.noise_variance(gradients, SAMPLES, replace=True) > 0


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("size", [1, 5, 20])
def test_variance_is_that_of_drawn_batches(rng, gradients, size, replace):
    batches = gradient_noise.draw_batches(rng, SAMPLES, size, 4000, replace=replace)
    lengths = np.sum(gradient_noise.batch_noise(gradients, batches) ** 2, axis=1)
    expected = gradient_noise.noise_variance(gradients, size, replace=replace)
    error = lengths.std() / np.sqrt(len(lengths))
    assert abs(lengths.mean() - expected) < 4 * error


def test_variance_of_pairs_is_that_of_every_pair(gradients):
    each = np.asarray(gradients, np.float64)
    centred = each - each.mean(0)
    everyone = range(SAMPLES)
    for replace in (True, False):
        pairs = [(i, j) for i in everyone for j in everyone if replace or i != j]
        exact = np.mean([np.sum((centred[i] / 2 + centred[j] / 2) ** 2) for i, j in pairs])
        found = gradient_noise.noise_variance(gradients, 2, replace=replace)
        assert found == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize("samples", [6, SAMPLES])
def test_spectrum_is_that_of_the_dense_covariance(gradients, samples):
    some = gradients[:samples]
    found = gradient_noise.noise_spectrum(some)
    dense = np.linalg.eigvalsh(np.cov(np.asarray(some, np.float64).T, bias=True))[::-1]
    assert len(found) == min(some.shape)
    np.testing.assert_allclose(found, dense[: len(found)], atol=1e-5 * dense[0])
    total = gradient_noise.noise_variance(some, 1, replace=True)
    assert found.sum() == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize(("size", "replace"), [(0, True), (-1, False), (31, False)])
def test_batch_sizes_out_of_range_are_refused(rng, gradients, size, replace):
    with pytest.raises(ValueError, match=f"batch_size={size}: .* at least 1"):
        gradient_noise.draw_batches(rng, SAMPLES, size, 2, replace=replace)
    with pytest.raises(ValueError, match=f"batch_size={size}: it must be at least 1"):
        gradient_noise.noise_variance(gradients, size, replace=replace)
    assert gradient_noise.draw_batches(rng, SAMPLES, 31, 2, replace=True).shape == (2, 31)
    assert gradient_noise.noise_variance(gradients, 31, replace=True) > 0


def test_gradients_are_those_of_a_linear_classifier_by_hand(rng):
    # For log-softmax of W x + b the gradient with respect to b is softmax - one-hot.
    network = koopnb.MLP((2, 3), key=jax.random.key(1))
    x = jnp.asarray(rng.normal(size=(4, 2)), jnp.float32)
    y = jnp.array([0, 2, 1, 0])
    found = gradient_noise.per_example_gradients(network, x, y)
    residual = jnp.exp(jax.vmap(network)(x)) - jax.nn.one_hot(y, 3)
    outer = jnp.einsum("so,si->soi", residual, x).reshape(4, 6)
    np.testing.assert_allclose(found, jnp.concatenate([outer, residual], 1), atol=1e-6)
