"""The experiment's arms against plain computations, on digits."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import koopnb
from koopnb import training
from koopnb.experiments import mnist, record

QUICK = mnist.Config(
    "digits", seed=1, batch_size=128, hidden=(6,), burn_in_epochs=1, record_epochs=2,
    horizon_epochs=(1, 2), timed_steps=3,
)  # fmt: skip


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    made = mnist.run(QUICK, folder)
    written = record.load(record.path_of(mnist.EXPERIMENT, QUICK, folder))
    assert written.metrics == made.metrics
    return made


@pytest.fixture(scope="module")
def by_hand():
    """Oracle: the run without recording machinery, the node operator as explicit matrices."""
    data = koopnb.load_dataset("digits")
    key_net, key_batches = jax.random.split(jax.random.key(1))
    optimizer = optax.adadelta(1.0)
    state = training.start(koopnb.MLP((64, 6, 10), key=key_net), optimizer)
    path = []
    for epoch in range(5):
        batches = training.epoch_batches(jax.random.fold_in(key_batches, epoch), 1437, 128)
        for batch in batches:
            state, _ = training.train_step(
                state, jnp.asarray(data.x_train)[batch], jnp.asarray(data.y_train)[batch],
                jnp.asarray(batch >= 0), optimizer,
            )  # fmt: skip
            path.append(state.params)
    return data, path


def test_sizes_are_those_of_the_configuration(result):
    assert result.metrics["iterations_per_epoch"] == 12
    assert result.metrics["snapshots"] == 24
    assert result.metrics["weights"] == 64 * 6 + 6 + 60 + 10
    assert len(result.curves["adadelta/loss"]) == 24
    assert len(result.metrics["operators"]["node"]["rank"]) == 16
    assert result.environment["seconds"] > 0


def test_adadelta_is_the_run_that_was_recorded_continued(result, by_hand):
    data, path = by_hand
    loss = [float(training.evaluate(net, data.x_test, data.y_test)[0]) for net in path[36:]]
    np.testing.assert_allclose(result.curves["adadelta/loss"], loss, rtol=1e-3)
    assert result.metrics["adadelta"]["2"]["loss_end"] == pytest.approx(loss[-1], rel=1e-3)
    assert result.metrics["adadelta"]["1"]["loss_min"] == pytest.approx(min(loss[:12]), rel=1e-3)


def test_node_arm_equals_explicit_operators_applied_step_by_step(result, by_hand):
    data, path = by_hand
    record_ = jax.tree.map(lambda *leaves: np.stack(leaves), *path[12:36])
    blocks, where = [], []
    for number, layer in enumerate(record_.layers):
        for row in range(layer.weight.shape[1]):
            snapshots = np.concatenate([layer.weight[:, row], layer.bias[:, row, None]], 1).T
            cutoff = 10 * max(snapshots.shape[0], 23) * np.finfo(np.float32).eps
            wide = snapshots.astype(np.float64)
            blocks.append([wide[:, 1:] @ np.linalg.pinv(wide[:, :-1], rcond=cutoff), wide[:, -1]])
            where.append((number, row))
    net, loss = path[35], []
    for _ in range(24):
        for block, (number, row) in zip(blocks, where, strict=True):
            block[1] = block[0] @ block[1]
            net = _with_node(net, number, row, block[1])
        loss.append(float(training.evaluate(net, data.x_test, data.y_test)[0]))
    np.testing.assert_allclose(result.curves["node/loss"], loss, rtol=0.02)


def _with_node(net, number, row, values):
    import equinox as eqx

    layer = net.layers[number]
    return eqx.tree_at(
        lambda n: (n.layers[number].weight, n.layers[number].bias),
        net,
        (layer.weight.at[row].set(values[:-1]), layer.bias.at[row].set(values[-1])),
    )


def test_baselines_use_the_record_alone(result, by_hand):
    data, path = by_hand
    mean = jax.tree.map(lambda *leaves: jnp.mean(jnp.stack(leaves), 0), *path[24:36])
    expected = float(training.evaluate(mean, data.x_test, data.y_test)[0])
    assert result.metrics["baselines"]["mean"]["loss"] == pytest.approx(expected, rel=1e-3)


def test_times_are_sampled_for_every_arm(result):
    for arm in ("adadelta", "node", "layer"):
        assert result.curves[f"{arm}/seconds"].shape == (3,)
        assert (result.curves[f"{arm}/seconds"] > 0).all()


def test_the_reports_protocol():
    config = mnist.protocol()
    assert (config.batch_size, config.burn_in_epochs, config.record_epochs) == (64, 3, 2)
    assert config.hidden == (20, 20, 20)
    assert mnist.protocol(horizons=[2, 1]).horizon_epochs == (1, 2)


@pytest.mark.parametrize("horizons", [(), (0,), (1, -1)])
def test_impossible_horizons_are_refused(horizons):
    with pytest.raises(ValueError, match="horizon_epochs=.*at least one"):
        mnist.protocol(horizons=horizons)


def test_unknown_partition_is_refused_before_anything_is_trained():
    with pytest.raises(ValueError, match="partitions=.*'nodes'.*'node'"):
        mnist.Config(partitions=("nodes",))
