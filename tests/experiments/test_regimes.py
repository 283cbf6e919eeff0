"""The regime grid: training by a plain loop, losses by plain NumPy, rules by brute force."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support.helpers import explicit

from koopnb import load_dataset
from koopnb.evidence.judge import judge
from koopnb.evidence.statements import CLAIMS
from koopnb.experiments import record, regimes, store
from koopnb.experiments.regimes import boundary, candidates
from koopnb.networks import MLP
from koopnb.operators import scores

SMALL = regimes.RegimesConfig(
    optimizers=("sgd",), batch_sizes=(None, 512), hidden=(6,), samples=600, burn_in=30,
    record=200, stride=10, horizons=(0.5, 1),
)  # fmt: skip


@pytest.fixture(scope="module")
def data():
    loaded = load_dataset("digits")
    return jnp.asarray(loaded.x_train[:600]), jnp.asarray(loaded.y_train[:600])


@pytest.fixture(scope="module")
def found():
    return regimes.run(SMALL)


def rows(snapshots):
    return np.concatenate(
        [np.asarray(x, np.float64).reshape(len(x), -1) for x in jax.tree.leaves(snapshots)], axis=1
    )


def loss(flat, like, x, y):
    """Mean negative log-likelihood of a row of weights, in NumPy."""
    h, parts, at = np.asarray(x, np.float64), [], 0
    for leaf in jax.tree.leaves(like):
        parts.append(flat[at : at + leaf[0].size].reshape(leaf.shape[1:]))
        at += leaf[0].size
    (w0, b0), (w1, b1) = parts[:2], parts[2:]
    logits = np.maximum(h @ w0.T + b0, 0) @ w1.T + b1
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(y)), np.asarray(y)].mean()


def test_full_batch_training_is_plain_gradient_descent(data):
    x, y = data
    runs = regimes.train(SMALL, "sgd", None, x, y)
    assert len(rows(runs.record)) == 20
    np.testing.assert_array_equal(runs.at, regimes.kept(SMALL))
    assert len(rows(runs.further)) == len(runs.at)

    def f(layers):
        logits = jax.nn.relu(x @ layers[0].weight.T + layers[0].bias[None])
        logits = logits @ layers[1].weight.T + layers[1].bias[None]
        return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(y)), y])

    layers = MLP((64, 6, 10), key=jax.random.split(jax.random.key(0))[0]).layers
    step = jax.jit(lambda p: jax.tree.map(lambda a, g: a - 0.1 * g, p, jax.grad(f)(p)))
    for _ in range(40):
        layers = step(layers)
    first = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(layers)])
    np.testing.assert_allclose(rows(runs.record)[0], first, atol=1e-5)


@pytest.mark.parametrize(("place", "batch_size"), [(0, None), (1, 512)])
def test_a_record_holds_the_losses_that_numpy_finds(data, found, place, batch_size):
    x, y = data
    runs = regimes.train(SMALL, "sgd", batch_size, x, y)
    snapshots, further = rows(runs.record), rows(runs.further)

    def at(flat):
        return loss(flat, runs.record, x, y)

    for h, end in enumerate(SMALL.ends):
        near = [at(w) for w, t in zip(further, runs.at, strict=True) if abs(t - end) <= 50]
        assert len(near) == 11
        curve = found.curves["own/train"][h, 0, place]
        assert curve == pytest.approx(np.median(near), rel=1e-4)
        k, _ = explicit(snapshots, 0.0, rank=5)
        guess = np.linalg.matrix_power(k, end // 10) @ snapshots[-1]
        assert found.curves["operator/train"][h, 0, place] == pytest.approx(at(guess), rel=2e-2)
        t = np.arange(10)
        slope, start = np.polyfit(t, snapshots[-10:], 1)
        line = start + slope * (9 + end // 10)
        assert found.curves["line/train"][h, 0, place] == pytest.approx(at(line), rel=1e-3)
        aim = further[runs.at == end][0]
        missed = np.linalg.norm(line - aim) / np.linalg.norm(snapshots[-1] - aim)
        assert found.curves["distance/line"][h, 0, place] == pytest.approx(missed, rel=1e-3)
    ages = 30 / 10 + np.arange(1, 21)
    ticks = np.geomspace(ages[0], ages[-1], candidates.TICKS)
    even = np.stack([np.interp(ticks, ages, x) for x in snapshots.T], axis=1)
    for h, end in enumerate(SMALL.ends):
        ahead = np.log((230 + end) / 230) / np.log(ticks[1] / ticks[0])
        slope, start = np.polyfit(np.arange(10), even[-10:], 1)
        line = found.curves["line in log time/train"][h, 0, place]
        assert line == pytest.approx(at(start + slope * (9 + ahead)), rel=1e-3)
        assert len(snapshots) == candidates.TICKS  # so that these are the even steps
        for name, seen, far in (("log time", even, ahead), ("even steps", snapshots, end / 10)):
            k, _ = explicit(seen, 0.0, rank=candidates.LOG_RANK)
            low, high = (np.linalg.matrix_power(k, int(far) + i) @ seen[-1] for i in (0, 1))
            guess = low + (far - int(far)) * (high - low)
            assert found.curves[f"{name}/train"][h, 0, place] == pytest.approx(at(guess), rel=2e-2)
    stays = {"last": snapshots[-1], "mean": snapshots[-10:].mean(0),
             "short mean": snapshots[-2:].mean(0)}  # fmt: skip
    for name, flat in stays.items():
        assert found.curves[f"{name}/train"][0, place] == pytest.approx(at(flat), rel=1e-4)
    assert found.curves["path/record"][-1, 0, place] == pytest.approx(at(snapshots[-1]), rel=1e-4)
    drift = found.curves["score/drift"][0, place]
    assert drift == pytest.approx(scores.drift(runs.record), rel=1e-4)


def test_records_are_judged_and_their_paths_have_times(found):
    assert found.curves["own/test"].shape == (2, 1, 2)
    assert found.curves["path/own/at"][-1] == 200
    assert found.curves["path/record/at"].tolist() == list(range(-150, 1, 50))
    assert found.metrics["samples"] == 600
    assert found.metrics["weights"] == 64 * 6 + 6 + 60 + 10
    short = judge(CLAIMS["regimes"][1], [found])
    middle = np.median(found.curves["operator/train"] / found.curves["own/train"], axis=1)[0, 0]
    middle = max(middle, 1 / middle)  # of one optimizer, so that the median is its number
    assert short.claim.key == "full-short"
    assert short.values[0] == pytest.approx(middle)


def made(operator, own, last, averages, drift):
    """A record of one horizon, one optimizer and as many batch sizes as there are numbers."""
    curves = {"operator/train": [[operator]], "own/train": [[own]], "last/train": [last],
              "score/drift": [drift]}  # fmt: skip
    curves |= {f"{name}/train": [value] for name, value in averages.items()}
    arrays = {name: np.array(value, np.float32) for name, value in curves.items()}
    return record.Record("regimes", {}, {}, arrays, {})


@pytest.fixture
def example():
    averages = {"mean": [3.0, 1.0, 5.0, 4.0], "short mean": [2.0, 3.0, 5.0, 4.0],
                "ema": [9.0, 9.0, 4.0, 9.0]}  # fmt: skip
    return made([1.05, 2.0, 3.0, 5.0], [1.0] * 4, [3.0, 4.0, 5.0, 0.5], averages,
                [0.9, 0.1, 0.3, 0.2])  # fmt: skip


def test_answers_are_those_of_their_definitions(example):
    assert boundary.average(example).tolist() == [[2.0, 1.0, 4.0, 4.0]]
    share = boundary.progress(example, "operator")[0, 0]
    np.testing.assert_allclose(share[:3], [1.95 / 2, 2 / 3, 0.5], rtol=1e-6)
    assert np.isnan(share[3])  # the optimizer's own loss rose
    answers = {q: boundary.answers(example, q)[0, 0].tolist() for q in boundary.QUESTIONS}
    assert answers == {
        "near": [True, False, False, False],
        "progress": [True, False, False, False],
        "better": [True, False, True, False],
    }


def test_the_chosen_threshold_has_the_fewest_errors(example):
    rule, found = boundary.choose([example], "drift", "better", 0)
    assert 0.2 < rule.threshold < 0.3
    assert found == boundary.Errors(lost=0, bad=0, good=2, cells=4)
    everyone = boundary.errors([example], boundary.Rule("drift", -np.inf), "better", 0)
    assert everyone == boundary.Errors(lost=0, bad=2, good=2, cells=4)
    assert (everyone.rate, everyone.constant) == (0.5, 0.5)
    nobody = boundary.errors([example], boundary.Rule("drift", 1.0), "near", 0)
    assert nobody == boundary.Errors(lost=1, bad=0, good=1, cells=4)
    assert (nobody.rate, nobody.constant) == (0.25, 0.25)


def test_the_fixed_rules_are_those_that_the_stored_records_choose():
    results = Path(__file__).parents[2] / "results"
    records = [
        store.load(regimes.SERIES[0].path(regimes.grid(name, seed), results))
        for name in ("digits", "mnist")
        for seed in range(100, 105)
    ]
    for (question, h), rule in boundary.CHOSEN.items():
        found, _ = boundary.choose(records, rule.score, question, h)
        assert float(f"{found.threshold:.2g}") == rule.threshold
    wrong = {
        score: sum(
            boundary.choose(records, score, question, h)[1].rate
            for question in boundary.QUESTIONS
            for h in range(3)
        )
        for score in boundary.SCORES
    }
    assert min(wrong, key=wrong.get) == "drift"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"optimizers": ("lion",)}, "optimizers=.*lion.*: choose one or more of"),
        ({"batch_sizes": (0,)}, "batch_sizes=.*: give one or more, each at least 1 or None"),
        ({"record": 1_005}, "record=1005, stride=10: the record must be a multiple"),
        ({"record": 100}, "at least 20 of them, 200"),
        ({"horizons": (0.01,)}, "horizons=.*: give one or more that are multiples of 10"),
    ],
)
def test_wrong_settings_are_refused(wrong, message):
    regimes.RegimesConfig()
    with pytest.raises(ValueError, match=message):
        regimes.RegimesConfig(**wrong)
