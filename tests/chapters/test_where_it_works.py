"""Chapter 11 on made records: its words and artists tell the numbers of the data, losses too."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from koopnb.chapters.where_it_works import (
    arms,
    clock,
    conclusions,
    decay,
    grids,
    growth,
    maps,
    overview,
    score,
)
from koopnb.evidence import judge
from koopnb.evidence.statements import CLAIMS
from koopnb.experiments.record import Record
from koopnb.experiments.regimes import boundary
from koopnb.operators import radial

GOES = ("operator", "operator, bounded", "rank 10", "rank 10, bounded", "even steps", "log time",
        "line", "line in log time")  # fmt: skip
STAYS = {"last": 2.0, "mean": 1.5, "short mean": 1.8, "ema": 1.7, "radial": 1.2}


def made(seed=0, *, optimizers=("sgd", "adam"), sizes=(None, 128, 16), horizons=(0.5, 1, 2, 4),
         weight_decay=0.0, **losses):  # fmt: skip
    """The optimizer's losses are 1, and so are those of arms that ``losses`` does not name.

    A loss is a number, or an array that broadcasts to (horizons, optimizers, batch sizes).
    """
    cells = len(optimizers), len(sizes)
    path = np.arange(100, 4001, 100)
    back = np.arange(-950, 1, 50)
    curves = {
        "accuracy": np.full(cells, 0.9),
        "factor/radial": np.full(cells, 1.25),
        "path/radial": np.multiply.outer(1 / radial.FACTORS, np.ones(cells)),
        "path/record/at": back,
        "path/record": np.multiply.outer(np.linspace(3, 2, len(back)), np.ones(cells)),
        "path/own/at": path,
    }
    for name in ("own", "operator", "line"):
        curves[f"path/{name}"] = np.multiply.outer(1 / path, np.ones(cells))
    for name in ("drift", "persistence", "consistency", "held out"):
        curves[f"score/{name}"] = np.multiply.outer(
            np.ones(cells[0]), np.geomspace(1, 0.01, cells[1])
        )
    curves["score/rehearsal"] = np.ones((len(horizons), *cells))
    arms = dict.fromkeys(("own", *GOES), 1.0) | STAYS
    for name in ("own", *GOES):
        arms[f"norm/{name}"] = 1.5
        curves[f"factor/{name}"] = np.full((len(horizons), *cells), 1.1)
        curves[f"distance/{name}"] = np.full((len(horizons), *cells), 0.3)
    for name, loss in (arms | losses).items():
        shape = cells if name in STAYS else (len(horizons), *cells)
        for split in ("train", "test"):
            curves[f"{name}/{split}"] = np.broadcast_to(loss, shape)
    config = {
        "seed": seed, "optimizers": list(optimizers), "batch_sizes": list(sizes),
        "horizons": list(horizons), "burn_in": 1000, "record": 1000, "stride": 10,
        "weight_decay": weight_decay,
    }  # fmt: skip
    metrics = {"samples": 1437, "weights": 2350, "learning_rates": {"sgd": 0.1, "adam": 0.001}}
    stamp = {"seconds": 90.0, "date": "2030-01-02T03:04", "cpu": "a processor"}
    return Record("decay" if config["weight_decay"] else "regimes", config, metrics, curves, stamp)


def column(*by_horizon):
    """A loss for every horizon, alike for all optimizers and batch sizes."""
    return np.reshape(by_horizon, (-1, 1, 1))


def rows(table):
    """A Markdown table's rows by the words in its first column, without its head."""
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    return {line[0]: line[1:] for line in lines if len(line) > 1}


@pytest.fixture(autouse=True)
def figures_are_closed():
    yield
    plt.close("all")


def test_medians_are_of_the_seeds_that_have_a_number():
    numbers = {0: [1.0, np.nan], 1: [np.nan, np.nan], 2: [3.0, np.nan]}
    found = grids.median(
        [made(seed) for seed in numbers], lambda one: np.array(numbers[one.config["seed"]])
    )
    np.testing.assert_array_equal(found, [2.0, np.nan])


def test_a_table_has_every_optimizer_of_every_group():
    digits, mnist = made(operator=column(1, 7, 2, 3)), made(optimizers=("adam",), operator=np.inf)
    groups = [grids.Group("digits", [digits], 0), grids.Group("MNIST", [mnist], 1)]
    found = rows(grids.side_by_side(boundary.over_own, {"it": ("operator", 1)}, groups))
    assert found.pop("Run") == ["it"]
    assert list(found.items())[1:] == [
        ("Gradient descent, digits", ["7.00"]),
        ("Adam, digits", ["7.00"]),
        ("Adam, MNIST", ["inf"]),
    ]


def test_what_was_run_is_told():
    text = overview.described([made(), made(1)], [made()])
    assert "up to 4,000 iterations ahead" in text
    assert "or 128, 16 of them" in text
    assert "Gradient descent 0.1, Adam 0.001. 2 seeds each" in text
    assert "computed 2030-01-02 on a processor in 3.0 and 1.5 minutes" in text


def test_paths_are_those_of_adam():
    one = made(7, operator=column(1, 1, 3, 1) * np.array([[[9], [1]]]))
    plate = overview.paths(one)
    assert "seed 7;" in plate.caption
    assert "3 with the full batch, 3 with batches of 128, 3 with batches of 16." in plate.caption
    titles = [axis.get_title(loc="left") for axis in plate.figure.axes]
    assert titles == ["full batch", "batches of 128", "batches of 16"]
    labels = [line.get_label() for line in plate.figure.axes[0].lines]
    assert labels[1:] == ["Adam itself", "operator", "straight line", "best average"]
    assert list(plate.figure.axes[0].lines[-1].get_ydata()) == [1.5, 1.5]  # the best of three


def numbers_of(axis):
    return [text.get_text() for text in axis.texts]


def test_a_map_shows_medians_over_the_seeds_and_loses_where_they_do():
    runs = [
        made(seed, operator=column(1.5, value, np.inf, 1)) for seed, value in enumerate((2, 3, 9))
    ]
    plate = maps.beside_own(runs)
    assert "Gradient descent 1.50 (no change: 2.00), Adam 1.50 (no change: 2.00)." in plate.caption
    assert len(plate.figure.axes) == 4
    assert numbers_of(plate.figure.axes[0]) == ["1.50", "3.00", ">999", "1.00"] * 3
    assert numbers_of(plate.figure.axes[2]) == ["2.00"] * 12
    assert plate.figure.axes[0].get_title(loc="left") == "Gradient descent"


def test_a_map_beside_averages_divides_by_the_best_of_them():
    plate = maps.beside_averages([made(operator=3.0, line=0.25)])
    assert set(numbers_of(plate.figure.axes[0])) == {"2.00"}
    assert set(numbers_of(plate.figure.axes[2])) == {"0.25"}
    plate = maps.on_mnist([made(horizons=(0.5, 1, 2), operator=3.0)])
    assert [set(numbers_of(axis)) for axis in plate.figure.axes[::2]] == [
        {"3.00"},
        {"2.00"},
        {"2.00"},
    ]


def test_the_worst_cells_are_named_up_to_twice_the_record():
    loss = np.ones((4, 2, 3))
    loss[1, 1, 2], loss[2, 0, 1], loss[3, 0, 0] = 40, 30, 1000
    loss[1, :, 0] = [1.05, 1.2]
    loss[2, :, 0] = 1.5
    text = maps.what_fails([made(operator=loss)])
    assert "Adam, batch 16, 1 records ahead: 40 times the optimizer's loss" in text
    assert "Gradient descent, batch 128, 2 records ahead: 30 times" in text
    assert "1,000" not in text
    assert "only 0% of the runs" in text
    assert "against 50% one record and 100% half a record ahead" in text
    assert "achieve 50% (Gradient descent), 50% (Adam)" in text  # 2 to 1.5, the optimizer to 1


def test_the_line_is_told_where_it_wins_and_how_it_loses():
    line = np.ones((4, 2, 3))
    line[0, :, 0], line[1, :, 0] = 0.5, [0.5, 1.5]
    line[3] = 1e4
    text = maps.straight_line([made(line=line, operator=column(1, 2, 3, np.inf))])
    assert "half a record ahead with 2 of 2 (Gradient descent, Adam)" in text
    assert (
        "one record ahead with 1 of 2 (Gradient descent); twice the record ahead with 0 of 2."
        in text
    )
    assert "1e+04 times as high four times the record ahead" in text
    assert "the operator, 1 times, 2 times, 3 times, inf times." in text


def test_a_rising_loss_is_counted():
    rising = made(optimizers=("adam",))
    rising.curves["path/record"][1::2] += 1
    text = maps.smooth_runs([made()], [rising])
    assert "50 iterations apart, it rises in 53% (Adam) of the cases" in text
    assert "is 1 (Adam). On digits it was 1 (Adam)" in text


@pytest.mark.parametrize("draw", [growth.without_decay, growth.with_decay])
def test_arms_stand_at_their_norms_and_losses(draw):
    plate = draw([made(line=0.5, own=1.0)])
    axis = plate.figure.axes[0]
    at = {line.get_label(): (line.get_xdata()[0], line.get_ydata()[0]) for line in axis.lines}
    assert at["line"] == (1.1, 0.25)
    assert at["optimizer"] == (1.1, 0.5)
    assert at["last weights"] == (1, 1)
    low, high = axis.get_xlim()
    assert low < 1 < 1.1 < high
    if draw is growth.without_decay:
        assert "1.25 (Gradient descent), 1.25 (Adam)" in plate.caption


def test_cases_below_scaling_are_counted_over_both_data_sets():
    text = growth.counted([made(line=0.5)], [made(optimizers=("adam",), line=1.3, radial=1.4)])
    assert "below the optimizer in 0 of 3 cases, the straight line in 2 of 3" in text
    assert "and the line below the best scaling in 3 of 3" in text
    assert rows(text)["Adam, MNIST"][:3] == ["1.40", "1.30", "1.50"]
    share = np.log(2 / 1.5) / np.log([4, 2 / 1.3])
    assert f"{share.min():.0%} to {share.max():.0%} of the line's" in text


def test_gains_that_no_run_has_are_left_out():
    text = growth.counted([made(line=3.0)], [made(line=3.0)])
    assert "of the optimizer's own" in text
    assert "of the line's" not in text


def test_both_clocks_show_every_seed_and_their_median():
    runs = [made(seed, **{"log time": value}) for seed, value in enumerate((1.0, 3.0, 2.0))]
    plate = clock.both(runs)
    lines = {line.get_label(): line.get_ydata() for line in plate.figure.axes[0].lines}
    assert list(lines["operator, log time"]) == [2.0] * 4
    assert len(plate.figure.axes[0].lines) == 4 * (3 + 1)
    assert "0.30, 0.30 (operator, log time)" in plate.caption
    assert plate.caption.endswith("for Gradient descent, Adam.")


def test_log_time_is_told_with_its_failures():
    noisy = np.ones((4, 2, 3))
    noisy[1, :, 2] = [1.2, 4.5]
    mnist = made(optimizers=("adam",), operator=column(1, 2, 5, 1))
    text = clock.repaired([made(**{"log time": noisy})], [mnist])
    assert "With batches of 16, digits, one record ahead" in text
    assert "1.2 to 4.5 times" in text
    assert rows(text)["Adam, MNIST"][0] == "2.00"
    assert rows(text)["Adam, MNIST"][4] == "5.00"


def test_decay_is_described_beside_no_decay():
    decayed = made(weight_decay=0.01, sizes=(None, 32), radial=np.array([[1.0, 2.0], [2.0, 2.0]]))
    decayed.curves["accuracy"][:, 0] = 0.8
    text = decay.described([decayed], [made()])
    assert "0.01/2 times" in text
    assert "it is 80.0%, and 90.0% without" in text
    assert "now 1.25 to 1.25" in text
    assert "by 50.0% at the most, by 0.0% in the median. Computed in 1.5 minutes" in text


def test_shares_with_decay_can_be_negative_and_missing():
    fallen = made(weight_decay=0.01, sizes=(None, 32), operator=column(1.2, 3, 1, 1))
    stuck = made(weight_decay=0.01, sizes=(None, 32), last=1.0)
    text = decay.shares([fallen])
    assert rows(text)["Adam, full batch"][0] == "0.80"
    assert rows(text)["Adam, batches of 32"][4] == "-1.00"
    assert "end 2.00 to 2.00 times as high" in text
    assert "**fails**" in text
    assert set(rows(decay.shares([stuck]))["Adam, full batch"]) == {"nan"}


@pytest.fixture(scope="module")
def sets():
    """Jumps are good where drift is high, on the runs that set thresholds and on digits."""
    good = np.broadcast_to([1.0, 1.05, 9.0], (4, 2, 3))
    three = {"horizons": (0.5, 1, 2)}
    setting = {
        "digits": [made(100, operator=good)],
        "mnist": [made(100, operator=good[:3], **three)],
    }
    judging = {
        "digits": [made(operator=good)],
        "mnist": [made(operator=good[:3, :, ::-1], **three)],
    }
    return setting, judging


def test_scores_are_judged_where_thresholds_were_set_and_elsewhere(sets):
    guesses = score.judged(*sets)
    assert len(guesses) == 3 * 3 * 5
    drift = next(guess for guess in guesses if guess.rule.score == "drift")
    assert [error.rate for error in drift.errors] == [0, 0, 2 / 3, 2 / 3]
    rates = score.rates(guesses)
    assert rates["drift"][0] == rates["drift"][1] == 0
    np.testing.assert_allclose(rates["drift"][2:], 2 / 3)
    np.testing.assert_allclose(rates["*one answer*"], 1 / 3)


def test_wrong_guesses_are_told_worst_first(sets):
    guesses = score.judged(*sets)
    short, every = score.errors(guesses).split(":::{admonition}")
    rates = score.rates(guesses)
    first = [rates[name][0] for name in rows(short) if name in rates]
    assert len(first) == 6
    assert first == sorted(first, reverse=True)
    assert rows(short)["drift"] == ["0%", "0%", "67%", "67%"]
    assert "67% (2 + 2 of 6)" in every
    assert every.count("*one answer*") == 9


def test_drift_is_set_beside_one_answer_for_all(sets):
    text = score.conclusion(score.judged(*sets))
    assert "wrong in 0% of the cases on digits and 67% on MNIST" in text
    assert "one answer for all is wrong in 33% and 33%" in text


@pytest.mark.parametrize(
    ("name", "threshold", "said"),
    [("drift", 0.1, "≥ 0.1"), ("held out", -2.0, "≤ 2"), ("drift", -np.inf, "always"),
     ("held out", np.inf, "never")],
)  # fmt: skip
def test_a_threshold_is_said_in_the_sense_of_its_score(name, threshold, said):
    assert score._threshold(boundary.Rule(name, threshold)) == said


def test_drift_is_drawn_against_what_a_jump_is_worth(sets):
    judging = sets[1]
    plate = score.drift(judging)
    near, progress, better = plate.figure.axes
    marks = near.lines[0]
    assert marks.get_label() == "MNIST"
    assert sorted(set(marks.get_ydata())) == [1, 1.05, 9]
    assert progress.get_title(loc="left") == "progress: one record ahead"
    assert better.lines[0].get_ydata().max() == 6  # 9 over the best average's 1.5
    assert near.lines[-1].get_xdata()[0] == 0.036
    errors = score.chosen(judging)["near"]
    assert errors[0].lost + errors[0].bad == 0
    missed = f"MNIST {errors[1].lost} and {errors[1].bad} of 6"
    assert errors[1].lost + errors[1].bad > 0
    assert f"near: digits 0 good jumps refused and 0 bad ones taken of 6, {missed}" in plate.caption


def test_a_worth_without_a_number_is_at_the_upper_edge():
    stuck = [made(last=1.0)]
    _, worth = score._points(stuck, score.WORTH["progress"])
    assert set(worth.ravel()) == {30.0}


def test_test_losses_are_over_those_of_the_last_weights():
    text = arms.on_test([made(operator=4.0)], [made(optimizers=("adam",), line=np.inf)])
    assert rows(text)["Adam, digits"][:2] == ["0.50", "2.00"]
    assert rows(text)["Adam, MNIST"][3] == "inf"


def test_every_arm_is_listed_worst_first():
    found = {"rank 10": 12345.0, "operator, bounded": 3.0, "log time": 0.05}
    text = arms.every([made(**found)], [made()])
    assert "goes from 1.00 to 3.00 (Gradient descent), 1.00 to 3.00 (Adam)" in text
    assert text.count(":::{admonition}") == 4
    assert "Digits, training loss over the optimizer's own, 2 records ahead" in text
    first = [line for line in text.splitlines() if line.startswith("| Gradient descent")][
        : len(arms.ARMS)
    ]
    assert first[0].split("|")[2:4] == [" rank 10            ", " 12,345 "]
    assert first[-1].split("|")[2].strip() == "rank 8, log time"
    assert first[-1].split("|")[3].strip() == "0.05"


@pytest.fixture(scope="module")
def findings(sets):
    runs = sets[1] | {"digits with weight decay": [made(weight_decay=0.01, sizes=(None, 32))]}
    return {
        name: [judge.judge(claim, some) for claim in CLAIMS[some[0].series]]
        for name, some in runs.items()
    }


def test_verdicts_are_those_of_the_findings(findings):
    text = conclusions.verdicts(findings)
    assert text.count("\n| ") == 2 * (1 + len(CLAIMS["regimes"]))


def test_the_smooth_side_is_told_by_its_verdicts(findings):
    said = conclusions.smooth_side(findings)
    judged = (*findings["digits"], *findings["digits with weight decay"])
    verdict = {finding.claim.key: finding.verdict for finding in judged}
    assert verdict["full-short"] != verdict["decay-line"]
    assert f"half a record ahead **{verdict['full-short']}**" in said
    assert f"the line's tenth **{verdict['decay-line']}**" in said
    failed = {
        name: [one._replace(verdict="fails") for one in some] for name, some in findings.items()
    }
    assert conclusions.smooth_side(failed).count("**fails**") == 10


def test_advice_has_the_extremes_of_the_optimizers(sets):
    line = np.ones((4, 2, 3))
    line[1, :, 0] = [0.4, 1.7]
    text = conclusions.advice([made(line=line, radial=np.array([[0.01], [1.6]]))], sets[1]["mnist"])
    assert "and 0.40 to 1.70 one." in text
    assert "reached 0.01 to 1.60 of the optimizer's loss" in text
    assert "below about 0.016" in text
