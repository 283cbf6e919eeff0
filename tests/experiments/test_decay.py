"""Weight decay in the regime grid: the gradient of the whole objective, whole training losses."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from koopnb import load_dataset, training
from koopnb.experiments import mnist, regimes, series
from koopnb.networks import MLP
from koopnb.operators import radial
from koopnb.operators.snapshots import rows

DECAY = 0.02
SMALL = regimes.RegimesConfig(
    optimizers=("momentum",), batch_sizes=(200,), hidden=(6,), samples=600, burn_in=30,
    record=200, horizons=(0.5, 1), weight_decay=DECAY,
)  # fmt: skip


@pytest.fixture(scope="module")
def data():
    loaded = load_dataset("digits")
    return jnp.asarray(loaded.x_train[:600]), jnp.asarray(loaded.y_train[:600])


def trained(optimizer, x, y, decay):
    """As `regimes.train`, with the penalty in the loss and the optimizer as it is."""
    make, rate = mnist.OPTIMIZERS[optimizer]
    key_net, key_batches = jax.random.split(jax.random.key(0))
    net = MLP((64, 6, 10), key=key_net)

    def loss(params, x, y, used):
        squares = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params))
        return training.cross_entropy(params, x, y, used) + decay / 2 * squares

    recording = training.Recording(training.every(10, after=30), training.model_of)
    return rows(training.train(
        training.start(net, make(rate)), x, y, optimizer=make(rate), epochs=40, key=key_batches,
        batch_size=200, recording=recording, loss=loss,
    ).recorded)[:9]  # fmt: skip


@pytest.mark.parametrize("optimizer", ["momentum", "adam", "adadelta"])
def test_decay_is_part_of_the_gradient_that_the_optimizer_gets(data, optimizer):
    x, y = data
    found = rows(regimes.train(SMALL, optimizer, 200, x, y).record)[:9]
    np.testing.assert_allclose(found, trained(optimizer, x, y, DECAY), atol=2e-4)
    assert np.abs(found - trained(optimizer, x, y, 0.0)).max() > 5e-3


@pytest.mark.parametrize("optimizer", mnist.OPTIMIZERS)
def test_without_decay_the_optimizer_is_the_old_one(data, optimizer):
    x, y = data
    config = dataclasses.replace(SMALL, weight_decay=0.0)
    found = rows(regimes.train(config, optimizer, 200, x, y).record)[:9]
    np.testing.assert_allclose(found, trained(optimizer, x, y, 0.0), atol=1e-5)


def test_training_losses_are_the_whole_objective_and_test_losses_are_not(data):
    x, y = data
    loaded = load_dataset("digits")
    found = regimes.run(SMALL).curves
    runs = regimes.train(SMALL, "momentum", 200, x, y)
    last = jax.tree.map(lambda leaf: leaf[-1], runs.record)

    def objective(path):
        entropy = np.asarray(training.evaluate_path(path, x, y)[0])
        return entropy + DECAY / 2 * (rows(path) ** 2).sum(axis=1)

    paths = radial.scaled(last, radial.FACTORS)
    values = objective(paths)
    best = values.argmin()
    assert found["factor/radial"][0, 0] == pytest.approx(radial.FACTORS[best])
    np.testing.assert_allclose(found["path/radial"][:, 0, 0], values, rtol=1e-4)
    assert found["radial/train"][0, 0] == pytest.approx(values[best], rel=1e-4)
    test = np.asarray(training.evaluate_path(paths, loaded.x_test, loaded.y_test))
    assert found["radial/test"][0, 0] == pytest.approx(test[0][best], rel=1e-4)
    one = list(radial.FACTORS).index(1.0)
    assert found["last/test"][0, 0] == pytest.approx(test[0][one], rel=1e-4)
    assert found["last/train"][0, 0] == pytest.approx(values[one], rel=1e-4)
    assert found["accuracy"][0, 0] == pytest.approx(test[1][one], rel=1e-4)
    for h, end in enumerate(SMALL.ends):
        aim = jax.tree.map(lambda leaf, end=end: leaf[np.flatnonzero(runs.at == end)], runs.further)
        factor = np.linalg.norm(rows(aim)) / np.linalg.norm(rows(runs.record)[-1])
        assert found["factor/own"][h, 0, 0] == pytest.approx(factor, rel=1e-4)
        alone = objective(radial.scaled(last, [factor]))[0]
        assert found["norm/own/train"][h, 0, 0] == pytest.approx(alone, rel=1e-4)
        assert found["norm/line/train"].shape == (2, 1, 1)


def test_the_series_is_digits_with_the_chosen_decay():
    (job,) = series.jobs("decay", [7])
    assert (job.config.dataset, job.config.seed) == ("digits", 7)
    assert job.config.weight_decay == regimes.DECAY > 0
    assert job.config.batch_sizes == (None, 32)
    assert len(series.jobs("decay")) == len(series.SERIES["regimes"].seeds)
    with pytest.raises(ValueError, match="decay cannot be run on 'mnist': choose one of digits"):
        series.jobs("decay", [0], "mnist")
    plain = dataclasses.replace(
        job.config, weight_decay=0.0, batch_sizes=regimes.RegimesConfig.batch_sizes
    )
    assert plain == regimes.grid("digits", 7)
