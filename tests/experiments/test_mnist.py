"""The experiment's arms against plain computations, on digits."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import koopnb
from koopnb import training
from koopnb.experiments import mnist, reported, store
from koopnb.experiments.arms import matlab_rcond

KEY = jax.random.key(0)
ARMS = (
    mnist.Arm("node", "node", solver="svd"),
    mnist.Arm("node-64", "node", dtype="float64", cutoff="matlab", solver="svd"),
    mnist.Arm("layer", "layer", solver="svd"),
    mnist.Arm("network-64", "network", dtype="float64", cutoff="matlab", solver="svd"),
    mnist.Arm("bounded", "network", rank=3, window=4, max_modulus=1.0),
)
QUICK = mnist.MnistConfig(
    "digits", seed=1, batch_size=128, hidden=(6,), burn_in_epochs=1, record_epochs=2,
    horizon_epochs=(1, 2), arms=ARMS,
)  # fmt: skip


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    made = mnist.run(QUICK, folder)
    written = store.load(mnist.series_of(QUICK).path(QUICK, folder))
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
            path.append(state.model)
    return data, path


def test_sizes_are_those_of_the_configuration(result):
    assert result.metrics["iterations_per_epoch"] == 12
    assert result.metrics["snapshots"] == 24
    assert result.metrics["weights"] == 64 * 6 + 6 + 60 + 10
    np.testing.assert_array_equal(result.curves["optimizer/loss/at"], np.arange(1, 25))
    assert result.metrics["operators"]["node"]["blocks"] == 16
    np.testing.assert_array_equal(result.curves["bounded/loss/at"], [4, 8, 12, 16, 20, 24])
    assert result.environment["seconds"] > 0


def test_the_optimizer_is_the_run_that_was_recorded_continued(result, by_hand):
    data, path = by_hand
    loss = [float(training.evaluate(net, data.x_test, data.y_test)[0]) for net in path[36:]]
    np.testing.assert_allclose(result.curves["optimizer/loss"], loss, rtol=1e-3)
    assert result.metrics["optimizer"]["2"]["loss_end"] == pytest.approx(loss[-1], rel=1e-3)
    assert result.metrics["optimizer"]["1"]["loss_min"] == pytest.approx(min(loss[:12]), rel=1e-3)


def test_node_arm_equals_explicit_operators_applied_step_by_step(result, by_hand):
    """In float64: the loss explodes, and single precision's rounding with it."""
    data, path = by_hand
    record_ = jax.tree.map(lambda *leaves: np.stack(leaves), *path[12:36])
    blocks, where = [], []
    for number, layer in enumerate(record_.layers):
        for row in range(layer.weight.shape[1]):
            snapshots = np.concatenate([layer.weight[:, row], layer.bias[:, row, None]], 1).T
            cutoff = 65 * np.finfo(float).eps
            wide = snapshots.astype(np.float64)
            blocks.append([wide[:, 1:] @ np.linalg.pinv(wide[:, :-1], rcond=cutoff), wide[:, -1]])
            where.append((number, row))
    net, loss = path[35], []
    for _ in range(24):
        for block, (number, row) in zip(blocks, where, strict=True):
            block[1] = block[0] @ block[1]
            net = _with_node(net, number, row, block[1])
        loss.append(float(training.evaluate(net, data.x_test, data.y_test)[0]))
    np.testing.assert_allclose(result.curves["node-64/loss"], loss, rtol=1e-3)


def test_node_arm_keeps_what_the_cutoff_of_single_precision_keeps(result, by_hand):
    ranks = []
    for layer in jax.tree.map(lambda *leaves: np.stack(leaves), *by_hand[1][12:36]).layers:
        for row in range(layer.weight.shape[1]):
            block = np.concatenate([layer.weight[:-1, row], layer.bias[:-1, row, None]], axis=1)
            sigma = np.linalg.svd(block.astype(float), compute_uv=False)
            ranks.append(np.sum(sigma > 10 * max(block.shape) * np.finfo("f4").eps * sigma[0]))
    expected = [min(ranks), float(np.median(ranks)), max(ranks)]
    assert result.metrics["operators"]["node"]["rank"] == expected


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


def test_bounded_arm_equals_its_operator_written_out(result, by_hand):
    """Window means, the rank-3 operator as a matrix, its eigenvalues pulled onto the disc."""
    data, path = by_hand
    flat = np.stack([np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(net)])
                     for net in path[12:36]]).astype(np.float64)  # fmt: skip
    means = flat.reshape(6, 4, -1).mean(axis=1)
    u, sigma, vt = np.linalg.svd(means[:-1].T, full_matrices=False)
    u, sigma, v = u[:, :3], sigma[:3], vt[:3].T
    eigs, vectors = np.linalg.eig(u.T @ means[1:].T @ (v / sigma))
    modulus = np.abs(eigs)
    clipped = (vectors * (eigs / np.maximum(modulus, 1))) @ np.linalg.inv(vectors)
    raised = (vectors * (eigs / np.maximum(modulus, 1) / eigs)) @ np.linalg.inv(vectors)
    assert (modulus > 1).any(), "nothing would be clipped"
    loss, state = [], u.T @ means[-1]
    for _ in range(6):
        ahead = (means[1:].T @ (v / sigma) @ raised @ state).real
        state = (clipped @ state).real
        leaves, treedef = jax.tree.flatten(path[0])
        sizes = np.cumsum([leaf.size for leaf in leaves])[:-1]
        parts = [part.reshape(leaf.shape) for part, leaf in zip(np.split(ahead, sizes), leaves,
                                                               strict=True)]  # fmt: skip
        net = treedef.unflatten([jnp.asarray(part, jnp.float32) for part in parts])
        loss.append(float(training.evaluate(net, data.x_test, data.y_test)[0]))
    np.testing.assert_allclose(result.curves["bounded/loss"], loss, rtol=1e-3)


def test_cutoffs_are_those_of_either_language(result):
    eps = np.finfo(np.float64).eps
    operators = result.metrics["operators"]
    assert operators["network-64"]["rcond"] == pytest.approx([460 * eps] * 2)
    assert operators["network-64"]["rank"] == [23, 23, 23]
    single = 10 * np.finfo(np.float32).eps
    assert operators["layer"]["rcond"] == pytest.approx([70 * single, 390 * single])
    snapshots = jax.tree.map(lambda x: np.zeros((5, *x.shape)), koopnb.MLP((64, 6, 10), key=KEY))
    widths = {"weight": 4, "quasi-node": 9, "node": 65, "layer": 390, "network": 460}
    for name, width in widths.items():
        q = 9 if name == "quasi-node" else None
        assert matlab_rcond(snapshots, name, q) == pytest.approx(width * eps), name


def test_points_are_dense_first_and_hold_every_end():
    at = mnist.points(938, 10)
    assert len(at) == 40 + 24 + 8 * 7
    assert at[0] == 1
    assert np.isin(938 * np.arange(1, 11), at).all()
    assert np.sum(at <= 938) == 40
    np.testing.assert_array_equal(mnist.points(12, 2), np.arange(1, 25))


def test_thin_training_keeps_the_same_way():
    config = mnist.MnistConfig("digits", batch_size=256, hidden=(4,), horizon_epochs=(1, 3))
    everything, thin = mnist.train(config), mnist.train(config, thin=True)
    at = mnist.points(everything.per_epoch, 3) - 1
    for all_, some in zip(
        jax.tree.leaves(everything.further), jax.tree.leaves(thin.further), strict=True
    ):
        np.testing.assert_array_equal(all_[at], some)


def test_what_overflows_counts_as_infinite():
    loss, accuracy = np.array([1.0, np.inf, np.nan, 3.0]), np.ones(4)
    found = mnist._summary(loss, accuracy, np.arange(1, 5), 2, 2)
    assert (found["finite"], found["loss_max"], found["loss_min_at"]) == (0.5, np.inf, 1)
    assert found["loss_end"] == 3.0
    assert mnist._summary(loss, accuracy, np.arange(1, 5), 2, 1)["loss_end"] == np.inf
    assert mnist._summary(loss[:3], accuracy[:3], np.arange(1, 4), 2, 2)["loss_end"] == np.inf


def test_the_reports_protocol():
    config = mnist.protocol()
    assert (config.batch_size, config.burn_in_epochs, config.record_epochs) == (64, 3, 2)
    assert config.hidden == (20, 20, 20)
    assert mnist.protocol(horizons=[2, 1]).horizon_epochs == (1, 2)


@pytest.mark.parametrize("horizons", [(), (0,), (1, -1)])
def test_impossible_horizons_are_refused(horizons):
    with pytest.raises(ValueError, match="horizon_epochs=.*at least one"):
        mnist.protocol(horizons=horizons)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: mnist.Arm("a", "nodes"), "partition='nodes': must be one of"),
        (lambda: mnist.Arm("a", "node", cutoff="numpy"), "cutoff='numpy': must be 'jax'"),
        (lambda: mnist.protocol(optimizer="adamm"), "optimizer='adamm': must be one of"),
        (lambda: mnist.protocol(arithmetic="papers"), "arithmetic='papers': must be one of"),
    ],
)
def test_unknown_names_are_refused_before_anything_is_trained(make, why):
    with pytest.raises(ValueError, match=why):
        make()


def test_every_configuration_has_records_of_its_own(tmp_path):
    assert mnist.protocol(optimizer="adam").learning_rate == 1e-3
    assert [arm.name for arm in mnist.arms(arithmetic="paper")][2] == "node-64"
    ways = [{}, {"arithmetic": "paper"}, {"optimizer": "adam"}, {"optimizer": "sgd"}]
    configs = [mnist.protocol(**how) for how in ways]
    names = {mnist.series_of(config).path(config, tmp_path) for config in configs}
    assert len(names) == len(ways)


def test_what_was_read_off_the_report_spans_its_horizons():
    for figure in reported.FIGURES.values():
        for curve in (figure.loss, figure.accuracy):
            assert (curve[0][0], curve[-1][0]) == (1, 938 * figure.epochs)
    ends = [figure.loss[-1][1] for figure in reported.FIGURES.values()]
    assert ends == [0.266, 0.178, 1.0, 0.4]
