"""Compiled epochs against a plain loop, and what is recorded when."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import koopnb
from koopnb import training


@pytest.fixture
def problem(key):
    x = jax.random.normal(key, (70, 5))
    y = jnp.arange(70, dtype=jnp.int32) % 3
    return koopnb.MLP((5, 4, 3), key=key), x, y


OPTIMIZERS = {
    "sgd": optax.sgd(0.1),
    "momentum": optax.sgd(0.1, momentum=0.9),
    "adadelta": optax.adadelta(1.0),
    "adagrad": optax.adagrad(0.1),
}


def plain_loop(net, x, y, optimizer, epochs, key, batch_size):
    """Oracle: a Python loop, one uncompiled-shape batch after the other, no padding."""
    opt_state = optimizer.init(net)
    path, losses = [], []
    for epoch in range(epochs):
        order = jax.random.permutation(jax.random.fold_in(key, epoch), len(x))
        for i in range(0, len(x), batch_size):
            batch = order[i : i + batch_size]

            def loss(net, batch=batch):
                log_p = jax.vmap(net)(x[batch])
                return -sum(log_p[j, y[b]] for j, b in enumerate(batch)) / len(batch)

            value, grads = eqx.filter_value_and_grad(loss)(net)
            updates, opt_state = optimizer.update(grads, opt_state, net)
            net = eqx.apply_updates(net, updates)
            path.append(net)
            losses.append(value)
    return path, losses


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_compiled_epochs_equal_a_plain_loop(problem, key, name):
    net, x, y = problem
    optimizer = OPTIMIZERS[name]
    everything = training.every_iteration
    result = training.train(
        training.start(net, optimizer), x, y,
        optimizer=optimizer, epochs=2, key=key, batch_size=32, recording=everything,
    )  # fmt: skip
    path, losses = plain_loop(net, x, y, optimizer, 2, key, 32)
    assert len(path) == 6, "70 samples in batches of 32 are three iterations an epoch"
    np.testing.assert_allclose(result.losses, np.array(losses), rtol=2e-5)
    for i, plain in enumerate(path):
        now = jax.tree.map(lambda leaf, i=i: leaf[i], result.recorded)
        for a, b in zip(jax.tree.leaves(now), jax.tree.leaves(plain), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5)


def test_two_calls_equal_one(problem, key):
    net, x, y = problem
    optimizer = OPTIMIZERS["momentum"]
    start = training.start(net, optimizer)

    def go(state, epochs):
        return training.train(state, x, y, optimizer=optimizer, epochs=epochs, key=key).state

    for a, b in zip(
        jax.tree.leaves(go(go(start, 1), 2)), jax.tree.leaves(go(start, 3)), strict=True
    ):
        np.testing.assert_array_equal(a, b)


@settings(max_examples=15)
@given(period=st.integers(1, 9), after=st.integers(0, 9), samples=st.integers(1, 40))
def test_what_is_recorded_when(period, after, samples):
    key = jax.random.key(1)
    x, y = jnp.ones((samples, 2)), jnp.zeros(samples, jnp.int32)
    optimizer = optax.sgd(0.1)
    recording = training.Recording(training.every(period, after=after), lambda state: state.step)
    result = training.train(
        training.start(koopnb.MLP((2, 2), key=key), optimizer), x, y,
        optimizer=optimizer, epochs=2, key=key, batch_size=5, recording=recording,
    )  # fmt: skip
    total = 2 * -(-samples // 5)
    np.testing.assert_array_equal(result.recorded, np.arange(after + period, total + 1, period))


def test_batches_hold_every_sample_once_and_say_what_is_padding(key):
    batches = training.epoch_batches(key, 60000, 64)
    assert batches.shape == (938, 64)
    assert (batches[-1] >= 0).sum() == 32
    np.testing.assert_array_equal(np.sort(batches[batches >= 0]), np.arange(60000))


def test_the_last_short_batch_is_averaged_over_its_own_samples(problem):
    net, x, y = problem
    used = jnp.arange(8) < 3
    padded = training.cross_entropy(net, x[:8], y[:8], used)
    whole = training.cross_entropy(net, x[:3], y[:3], jnp.ones(3, bool))
    np.testing.assert_allclose(padded, whole, rtol=1e-6)


def test_evaluation_along_a_path_equals_one_by_one(problem, key):
    _, x, y = problem
    nets = [koopnb.MLP((5, 4, 3), key=k) for k in jax.random.split(key, 11)]
    path = jax.tree.map(lambda *leaves: jnp.stack(leaves), *nets)
    loss, accuracy = training.evaluate_path(path, x, y)
    for i, net in enumerate(nets):
        log_p = np.array([net(row) for row in x])
        assert np.isclose(loss[i], -log_p[np.arange(70), y].mean(), rtol=1e-5)
        assert np.isclose(accuracy[i], (log_p.argmax(1) == np.array(y)).mean())


@pytest.mark.parametrize("batch_size", [32, 100])
def test_epochs_in_one_scan_equal_epochs_one_by_one(problem, key, batch_size):
    net, x, y = problem
    optimizer = OPTIMIZERS["momentum"]
    alone, joint = (
        training.train(
            training.start(net, optimizer), x, y, optimizer=optimizer, epochs=5, key=key,
            batch_size=batch_size, epochs_per_scan=epochs_per_scan,
            recording=training.Recording(training.every(2), training.model_of),
        )
        for epochs_per_scan in (1, 3)
    )  # fmt: skip
    np.testing.assert_allclose(joint.losses, alone.losses, rtol=1e-5)
    assert int(joint.state.step) == int(alone.state.step)
    for a, b in zip(jax.tree.leaves(joint.recorded), jax.tree.leaves(alone.recorded), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_progress_bar_counts_epochs(problem, key, capsys):
    net, x, y = problem
    optimizer = OPTIMIZERS["sgd"]
    training.train(
        training.start(net, optimizer), x, y, optimizer=optimizer, epochs=2, key=key, progress="go"
    )
    shown = capsys.readouterr().err
    assert "go: 100%" in shown
    assert "2/2" in shown
    assert "loss=" in shown


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": jnp.zeros(69, jnp.int32)}, "x has 70 samples and y has 69: both need the same"),
        ({"epochs": -1}, "epochs=-1, batch_size=64: epochs must be at least 0"),
        ({"batch_size": 0}, "epochs=1, batch_size=0: .* batch_size at least 1"),
        ({"epochs_per_scan": 0}, "epochs_per_scan=0: a compiled scan needs at least 1 epoch"),
    ],
)
def test_bad_input_is_refused(problem, key, change, message):
    net, x, y = problem
    good = {"y": y, "epochs": 1, "batch_size": 64}
    optimizer = OPTIMIZERS["sgd"]

    def go(y, **kwargs):
        state = training.start(net, optimizer)
        return training.train(state, x, y, optimizer=optimizer, key=key, **kwargs)

    assert len(go(**good).losses) == 2
    with pytest.raises(ValueError, match=message):
        go(**good | change)


def test_a_state_amid_an_epoch_is_refused(problem, key):
    net, x, y = problem
    optimizer = OPTIMIZERS["sgd"]
    state = training.start(net, optimizer)._replace(step=jnp.asarray(1, jnp.int32))
    with pytest.raises(ValueError, match="stands 1 iterations into an epoch of 2"):
        training.train(state, x, y, optimizer=optimizer, epochs=1, key=key)


@pytest.mark.parametrize(("period", "after"), [(0, 0), (-1, 0), (1, -1)])
def test_impossible_recording_times_are_refused(period, after):
    with pytest.raises(ValueError, match=rf"every\(period={period}, after={after}\)"):
        training.every(period, after=after)


@pytest.mark.parametrize("sizes", [(), (3,), (3, 0), (3, -1, 2)])
def test_impossible_sizes_are_refused(sizes, key):
    with pytest.raises(ValueError, match="at least two widths"):
        koopnb.MLP(sizes, key=key)


def test_the_reports_network_has_its_16750_weights(key):
    net = koopnb.MLP((784, 20, 20, 20, 10), key=key)
    assert sum(leaf.size for leaf in jax.tree.leaves(net)) == 16750
    assert [layer.weight.size + layer.bias.size for layer in net.layers] == [15700, 420, 420, 210]
    assert np.isclose(jnp.exp(net(jnp.ones(784))).sum(), 1, rtol=1e-5)


def test_means_kept_while_training_are_those_of_the_record():
    """The training is the same, and `fit` sees the same as on windows of the whole record."""
    data = koopnb.load_dataset("digits")
    plain, averaging = optax.adam(1e-3), training.with_means(optax.adam(1e-3), window=5, capacity=4)
    net = koopnb.MLP((64, 5, 10), key=jax.random.key(0))
    runs = {}
    for name, optimizer in (("plain", plain), ("means", averaging)):
        runs[name] = training.train(
            training.start(net, optimizer), data.x_train, data.y_train, optimizer=optimizer,
            epochs=1, key=jax.random.key(1), batch_size=72,
            recording=training.every_iteration,
        )  # fmt: skip
    for ours, others in zip(*(jax.tree.leaves(r.recorded) for r in runs.values()), strict=True):
        np.testing.assert_array_equal(ours, others)
    means = runs["means"].state.opt_state[1].snapshots()
    for mean, leaf in zip(
        jax.tree.leaves(means), jax.tree.leaves(runs["plain"].recorded), strict=True
    ):
        assert len(leaf) == 20
        expected = np.asarray(leaf, np.float64).reshape(4, 5, *leaf.shape[1:]).mean(axis=1)
        np.testing.assert_allclose(mean, expected, rtol=1e-5, atol=1e-6)
    ahead = koopnb.fit(means, rank=2).predict(3)
    windows = koopnb.fit(runs["plain"].recorded, rank=2, window=5).predict(3)
    for ours, others in zip(jax.tree.leaves(ahead), jax.tree.leaves(windows), strict=True):
        np.testing.assert_allclose(ours, others, rtol=1e-3, atol=1e-4)
