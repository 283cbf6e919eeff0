"""What causes the deterioration: altered operators against plain computations, on digits."""

import dataclasses

import equinox as eqx
import jax
import numpy as np
import pytest
from support.helpers import linear_record, with_spectrum

import koopnb
from koopnb import training
from koopnb.evidence.judge import judge
from koopnb.evidence.statements import CLAIMS
from koopnb.evidence.statements.training import LEVEL
from koopnb.experiments import causes, mnist, store
from koopnb.experiments.causes import repairs, surrogate

EIGS = (1.02, 0.9 + 0.3j, 0.9 - 0.3j, 0.7)


@pytest.fixture
def known(rng):
    """A linear system with known eigenvalues, its operator and its true matrix."""
    matrix = with_spectrum(EIGS, rng)
    rows = linear_record(matrix, rng.standard_normal(4), 30)
    return matrix, rows, koopnb.fit({"w": rows}, rcond=1e-13)


def altered(matrix, last, steps, change):
    """K x, then s - 1 steps with every eigenvalue changed: from the true matrix."""
    eigs, vectors = np.linalg.eig(matrix)
    parts = np.linalg.solve(vectors, matrix @ last)
    return (vectors @ (change(eigs) ** (steps - 1) * parts)).real


@pytest.mark.parametrize(
    ("off", "change"),
    [
        ((), lambda e: e),
        (("growth",), lambda e: e / np.maximum(np.abs(e), 1)),
        (("decay",), lambda e: e / np.minimum(np.abs(e), 1)),
        (("turning",), np.abs),
        (("growth", "decay"), lambda e: e / np.abs(e)),
        (("growth", "decay", "turning"), np.ones_like),
    ],
)
def test_a_factor_is_switched_off_in_every_eigenvalue(known, off, change):
    matrix, rows, operator = known
    steps = [1, 2, 9, 40]
    path = surrogate.modes_of(operator).path(steps, **dict.fromkeys(off, False))["w"]
    expected = [altered(matrix, rows[-1], s, change) for s in steps]
    np.testing.assert_allclose(path, expected, rtol=1e-4, atol=1e-5)


def test_without_growth_it_is_the_bounded_operator(known):
    _, rows, operator = known
    bounded = koopnb.fit({"w": rows}, rcond=1e-13, max_modulus=1.0)
    path = surrogate.modes_of(operator).path([1, 5, 30], growth=False)["w"]
    once = operator.predict(1)
    np.testing.assert_allclose(path[0], once["w"], rtol=1e-4, atol=1e-5)
    for found, steps in zip(path[1:], (5, 30), strict=True):
        expected = bounded.propagate(once, steps - 1)["w"]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_slow_modes_are_those_above_the_modulus(known):
    matrix, rows, operator = known
    kept = surrogate.modes_of(operator).path([1], slowest=0.8)["w"][0]
    expected = altered(matrix, rows[-1], 2, lambda e: np.where(np.abs(e) > 0.8, 1, 0))
    np.testing.assert_allclose(kept, expected, rtol=1e-4, atol=1e-5)


def test_the_leading_mode_grows_by_its_radius(known):
    matrix, rows, operator = known
    eigs, vectors = np.linalg.eig(matrix)
    parts = vectors * np.linalg.solve(vectors, matrix @ rows[-1])
    size = np.linalg.norm(parts[:, np.argmax(np.abs(eigs))])
    found = surrogate.modes_of(operator).leading(50)
    np.testing.assert_allclose(found, [size * (1.02**49 - 1)], rtol=1e-5)


def test_cutting_again_is_fitting_again(rng):
    """The truncated operator against a fresh fit, for blocks of unequal rank."""
    steps = np.cumsum(rng.standard_normal((40, 6, 9)) * np.geomspace(1, 1e-6, 9), axis=0)
    tree = {"weight": steps[..., :-1], "bias": steps[..., -1]}
    tree["weight"][:, 2], tree["bias"][:, 2] = 1.0, 2.0  # a block that never moves
    cuts = [1e-1, 1e-3, 1e-5]
    found = dict(surrogate.cutoffs(tree, "node", "float64", [*cuts, 1e-18]))
    assert list(found) == cuts, "highest first, and none below the floor"
    for cut, operator in found.items():
        fresh = koopnb.fit(tree, partition="node", rcond=cut, dtype="float64", solver="svd")
        np.testing.assert_array_equal(operator.rank, fresh.rank)
        np.testing.assert_allclose(
            operator.spectral_radius, fresh.spectral_radius, rtol=1e-9, atol=1e-12
        )
        for ahead in (0, 1, 7):
            one, other = operator.predict(ahead), fresh.predict(ahead)
            for name in tree:
                np.testing.assert_allclose(one[name], other[name], rtol=1e-7, atol=1e-9)


def test_mixed_snapshots_take_masked_blocks_from_one_and_the_rest_from_the_other(rng):
    tree = {"weight": rng.standard_normal((20, 3, 4)), "bias": rng.standard_normal((20, 3))}
    operator = koopnb.fit(tree, partition="node")
    first, second = (jax.tree.map(lambda x, i=i: x[i], tree) for i in (3, 8))
    masks = np.array([[True, False, False], [False, True, True]])
    found = surrogate.mixed(operator, first, second, masks)
    for name in tree:
        for row in range(2):
            for node in range(3):
                expected = (first if masks[row, node] else second)[name][node]
                np.testing.assert_allclose(found[name][row, node], expected, rtol=1e-6)


def test_delays_stay_behind_the_output_axis(rng):
    shapes = {"weight": (9, 3, 4), "bias": (9, 3)}
    tree = {k: rng.standard_normal(shape).astype(np.float32) for k, shape in shapes.items()}
    seen = repairs._delayed(tree, 2)
    assert seen["weight"].shape == (8, 3, 2, 4)
    assert len(koopnb.fit(seen, partition="node").rank) == 3
    np.testing.assert_array_equal(repairs._present(seen)["weight"], tree["weight"][1:])


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """A small network on digits, the whole experiment but for the sweep."""
    whole, arms = mnist.protocol, mnist.arms

    def small(*args):
        quick = {"hidden": (8,), "batch_size": 64, "burn_in_epochs": 1, "record_epochs": 2}
        return dataclasses.replace(whole(*args), **quick)

    folder = tmp_path_factory.mktemp("records")
    config = causes.CausesConfig("digits", 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mnist, "protocol", small)
        patch.setattr(mnist, "arms", lambda *which: arms(*which)[2:])
        patch.setitem(causes.WINDOWS, "digits", 4)
        some = ("none", "centred", "centred, bounded", "windows, 2 delays")
        patch.setattr(repairs, "REPAIRS", some)
        made = causes.run(config, folder)
        runs = mnist.train(small("digits", 3, causes.HORIZONS), thin=True)
    assert store.load(causes.SERIES[0].path(config, folder)).metrics == made.metrics
    return made, runs


def loss(runs, net):
    return float(training.evaluate(net, runs.data.x_test, runs.data.y_test)[0])


def test_losses_and_distances_are_those_of_the_operators(result):
    made, runs = result
    assert made.metrics["iterations_per_epoch"] == 23
    operator = koopnb.fit(runs.snapshots, partition="layer", solver="svd")
    ahead = operator.predict(46)
    gone = [a - b for a, b in zip(jax.tree.leaves(ahead), jax.tree.leaves(runs.state.model),
                                  strict=True) if eqx.is_array(a)]  # fmt: skip
    norm = np.sqrt(sum(float(np.sum(np.asarray(x, float) ** 2)) for x in gone))
    found = made.metrics["operators"]["layer"]
    assert found["loss"]["2"] == pytest.approx(loss(runs, ahead), rel=1e-3)
    assert found["distance"]["2"] == pytest.approx(norm, rel=1e-3)
    for name in causes.TOGETHER:
        everything = made.metrics["factors"][name]["growth+decay+turning"]
        assert float(everything["loss"]["2"]) == pytest.approx(
            float(made.metrics["operators"][name]["loss"]["2"]), rel=0.02
        )
    still = made.metrics["factors"]["network"]["nothing"]["loss"]
    assert still["1"] == still["10"]


def test_a_node_alone_is_set_by_hand(result):
    made, runs = result
    operator = koopnb.fit(runs.snapshots, partition="node", solver="svd")
    ahead, net = operator.predict(46), runs.state.model
    where = operator.partition.labels.index(".layers[1] row 4")
    layer, moved = net.layers[1], ahead.layers[1]
    by_hand = eqx.tree_at(
        lambda n: (n.layers[1].weight, n.layers[1].bias), net,
        (layer.weight.at[4].set(moved.weight[4]), layer.bias.at[4].set(moved.bias[4])),
    )  # fmt: skip
    assert made.curves["nodes/alone"][where] == pytest.approx(loss(runs, by_hand), rel=1e-3)
    assert made.curves["nodes/layer"][where] == 1
    assert made.metrics["nodes"]["worst"] == int(np.argmax(made.curves["nodes/alone"]))
    everything = made.metrics["nodes"]["without"]["0"]
    assert everything == pytest.approx(loss(runs, ahead), rel=1e-3)


def test_centring_is_an_affine_fit(result):
    """Against x -> mean + K (x - mean), K formed explicitly for the network block."""
    from support.helpers import explicit

    made, runs = result
    leaves = [np.asarray(x, float) for x in jax.tree.leaves(runs.snapshots) if eqx.is_array(x)]
    rows = np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)
    middle = rows.mean(axis=0)
    rcond = 10 * rows.shape[1] * np.finfo(np.float32).eps
    matrix, _ = explicit(rows - middle, rcond)
    state = rows[-1] - middle
    for _ in range(23):
        state = matrix @ state
    sizes = np.cumsum([leaf[0].size for leaf in leaves])[:-1]
    arrays, static = eqx.partition(runs.state.model, eqx.is_array)
    parts = [
        part.reshape(leaf.shape[1:]).astype(np.float32)
        for part, leaf in zip(np.split(state + middle, sizes), leaves, strict=True)
    ]
    net = eqx.combine(jax.tree.structure(arrays).unflatten(parts), static)
    found = made.metrics["repairs"]["network"]["centred"]["1"]
    assert found == pytest.approx(loss(runs, net), rel=0.02)


def test_single_weights_are_followed_from_the_record_into_the_prediction(result):
    made, runs = result
    last = np.concatenate([np.ravel(x) for x in jax.tree.leaves(runs.state.model)
                           if eqx.is_array(x)])  # fmt: skip
    recorded = made.curves["paths/recorded"]
    assert made.curves["paths/recorded/at"][-1] == 0
    assert recorded.shape[1] == 6
    assert np.isin(recorded[-1], last).all()
    error = np.abs(made.curves["paths/predicted"][-1] - made.curves["paths/true"][-1])
    assert error[:3].min() > error[3:].max()
    assert error[0] == error.max()


def test_observables_of_one_span_have_one_spectrum(result):
    made, _ = result
    assert made.metrics["observables"]["distance"] < 1e-6


def test_every_claim_is_decided_by_a_record(result):
    made, _ = result
    for claim in CLAIMS["causes"]:
        value = judge(claim, [made]).values[0]
        name, *_, epochs = claim.key.split("-") if "-" in claim.key else ("", "")
        if epochs in ("2", "10"):  # nothing can be left of a rise that there is not
            factors = made.metrics["factors"][name]
            still, whole = (
                float(factors[key]["loss"][epochs]) for key in ("nothing", "growth+decay+turning")
            )
            assert np.isfinite(value) == (whole > LEVEL * still), claim.key
        else:
            assert np.isfinite(value), claim.key


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"dataset": "cifar"}, "dataset='cifar': must be one of"),
        ({"seed": -1}, "seed=-1: must be at least 0"),
    ],
)
def test_wrong_settings_are_refused(wrong, message):
    causes.CausesConfig()
    with pytest.raises(ValueError, match=message):
        causes.CausesConfig(**wrong)
