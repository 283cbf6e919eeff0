"""The figures, tables and sentences of chapter 09, on records made by hand."""

import re

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
from support.ode_records import SPREAD, START_LOSS, costs, six, trained

from koopnb.chapters import ode_networks as chapter
from koopnb.chapters.ode_networks import wording
from koopnb.drawing.palette import COLOURS
from koopnb.evidence import judge
from koopnb.evidence.statements import CLAIMS
from koopnb.experiments import ode
from koopnb.experiments.ode import oscillator

OPTIMIZERS = ("Adadelta", "Adam", "Adagrad")


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def rows(text):
    """The rows of a Markdown table, each by its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    head, _, *cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len(set(head)) == len(head)
    return [dict(zip(head, row, strict=True)) for row in cells]


def lines_with(axis, **properties):
    return [one for one in axis.lines if all(plt.getp(one, k) == v for k, v in properties.items())]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(12345.0, "12,000"), (9.996, "10"), (9.994, "9.99"), (0.0996, "0.10"), (0.0994, "0.099"),
     (5.94e-5, "5.9e-05"), (np.inf, "inf")],
)  # fmt: skip
def test_numbers_have_two_digits_or_two_decimals(value, expected):
    assert wording.plain(value) == expected


def test_words_of_sentences():
    assert wording.decimal(5.94e-5) == "0.000059"
    assert wording.by_optimizer({"adam": 0.5, "adagrad": 20.4}) == "Adam 0.50, Adagrad 20"
    assert wording.joined(["a"]) == "a"
    assert wording.joined(["a", "b", "c"]) == "a, b and c"
    assert wording.called([]) == "none of the optimizers"
    assert wording.called(["adam", "adadelta"]) == "Adam and Adadelta"


def test_the_setting_is_that_of_the_records():
    records = six()
    told = chapter.setting(records)
    assert "**5 networks** of 152 weights trains for 60 iterations, is recorded for 20" in told
    assert "predicted 10 iterations ahead" in told
    assert "Adadelta 1, Adam 0.001, Adagrad 0.01" in told
    assert "all trainings with all operators took 6 minutes" in told
    assert records[0].environment["date"][:10] in told


def test_the_training_shows_every_loss_and_where_it_is_recorded():
    records = six()
    plate = chapter.training(records)
    assert [axis.get_title("left") for axis in plate.figure.axes] == [*OPTIMIZERS]
    for axis in plate.figure.axes:
        *networks, median = axis.lines
        drawn = np.array([one.get_ydata() for one in networks]).T
        np.testing.assert_array_equal(drawn, records[0].curves["training/loss"])
        np.testing.assert_array_equal(median.get_ydata(), drawn[:, 2])
        spans = [(patch.get_x(), patch.get_width()) for patch in axis.patches]
        assert spans == [(60, 20), (80, 10)]
    assert "the last 11% of the training" in plate.caption
    assert plate.name == "training"


def test_the_limit_is_the_share_of_iterations_that_are_replaced():
    told = chapter.limit(six())
    assert "1.125 times faster" in told
    assert "the last 10 of 90 iterations" in told
    before, recorded = wording.plain(2**5.9), wording.plain(2**2.0)
    assert f"Adadelta {before}, Adam {before}, Adagrad {before}; and by these" in told
    assert f"recorded: Adadelta {recorded}," in told
    assert f"it is {START_LOSS} with Adadelta, {START_LOSS} with Adam and" in told


def test_forecasts_show_every_network_all_of_them_and_the_best():
    plate = chapter.forecasts(
        six(errors=lambda o, _: {"network float64": 3.0 if o == "adam" else 0.2, "mean": 1.5})
    )
    axis = plate.figure.axes[1]
    dots, bars = lines_with(axis, marker="."), lines_with(axis, linewidth=2.2)
    np.testing.assert_allclose(dots[3].get_ydata(), 3.0 * SPREAD, rtol=1e-6)
    np.testing.assert_allclose(bars[3].get_ydata(), 3.0, rtol=1e-6)
    assert dots[3].get_color() == COLOURS["node"]
    assert dots[4].get_color() == dots[5].get_color() == COLOURS["mean"]
    assert len(lines_with(axis, marker="D")) == len(bars) == 6
    names = [label.get_text() for label in axis.get_xticklabels()]
    assert names == ["weight", "node", "layer", "network", "straight\nline", "average"]
    assert "10 iterations ahead, fixed points: Adadelta 0.20, Adam 3.00, Adagrad" in plate.caption
    assert "Of node operators: Adadelta 0.50, Adam 0.50" in plate.alt
    assert "The average lies above one" in plate.alt
    assert "not always above one" in chapter.forecasts(six()).alt


def test_every_arm_is_told_worst_first():
    records = six(
        errors=lambda o, p: {"layer float64": 8.0 if (o, p) == ("adam", "jittered") else 0.3}
    )
    told = chapter.every_arm(records)
    assert told.startswith(":::{admonition} Every arm, worst first\n:class: dropdown\n")
    table = rows(told)
    assert len(table) == 6 * 5
    assert (table[0]["Optimizer"], table[0]["Points"], table[0]["Arm"]) == (
        "Adam", "jittered", "layer",
    )  # fmt: skip
    assert table[0]["All 5 (95% interval)"] == "8 (4 to 16)"
    assert table[0]["Networks that beat no change"] == "0%"
    assert table[1]["Networks that beat no change"] == "80%"  # the fifth network's change is 1, too
    assert {row["Arm"] for row in table[-5:]} == {"layer"}


def test_selection_says_what_the_best_eleven_do():
    one = trained()
    for name, values in (("weight float64", np.linspace(2.0, 0.4, 15)), ("no change", np.ones(15))):
        one.curves[f"{name}/error"] = np.tile(values, (2, 1))
    for arm in ("node", "layer", "network"):
        one.curves[f"{arm} float64/error"] = np.tile(np.full(15, 0.5), (2, 1))
    told = chapter.selection([one])
    assert "lowers the summary in 1 of 4 cases" in told
    middle, best = 1.2, np.median(np.sort(np.linspace(2.0, 0.4, 15))[:11])
    assert best < 1 < middle
    assert f"by 1.00 in the median, and by {best / middle:.2f} to 1.00 in all" in told
    assert "It moves 1 of them across 1" in told
    assert "It moves none of them" in chapter.selection(six())


def beside(o, p):
    """Networks lose to the line with Adam and jitter; nodes always lose."""
    network = 0.8 if (o, p) == ("adam", "jittered") else 0.04
    return {"linear": 0.4, "network float64": network, "node float64": 2.0, "layer float64": 0.36}


def test_operators_that_lose_to_the_line_are_counted():
    told = chapter.closer_than_line(six(errors=beside))
    assert "in 5 of 6 trainings" in told
    assert "lies below 1 in 5. For layer operators these numbers are 6 and 0" in told
    assert told.endswith("for node operators 0 and 0.")


def test_the_figure_and_the_table_beside_the_line_agree():
    records = six(errors=beside)
    plate = chapter.line(records)
    node, layer, network = (one.lines[0] for one in plate.figure.axes[0].containers)
    np.testing.assert_allclose(network.get_xdata(), [0.1, 0.1, 0.1, 2.0, 0.1, 0.1], rtol=1e-6)
    np.testing.assert_allclose(node.get_xdata(), 5.0, rtol=1e-6)
    assert layer.get_color() == COLOURS["layer"]
    ticks = [label.get_text() for label in plate.figure.axes[0].get_yticklabels()]
    assert ticks[:3] == ["Adadelta, fixed", "Adadelta, jittered", "Adam, fixed"]
    assert plate.caption.startswith("In 5 of 6 trainings the median error")
    assert "0.10 at best (Adadelta, fixed points) and 2.00 at worst (Adam, jitter" in plate.caption
    assert "Network operators with fixed points: Adadelta 0.10, Adam 0.10" in plate.alt
    assert chapter.line(six()).caption.startswith("In 0 of 6 trainings")
    won = six(errors={"network float64": 0.1})
    assert chapter.line(won).caption.startswith("In every training")
    table = rows(chapter.line_table(records))
    found = [row["network operators"].split()[0] for row in table]
    assert found == ["0.10", "0.10", "0.10", "2.00", "0.10", "0.10"]
    low, high = ode.error_interval(records[3], "network float64", "linear")
    assert low < 2 < high
    assert table[3]["network operators"] == f"2.00 ({low:.2f} to {high:.2f})"


def test_the_window_of_the_line_is_that_of_the_records():
    assert "the last 10 recorded weights and the operators all 20" in chapter.line_window(six())


def test_the_horizon_says_where_the_line_is_closer():
    ends = {"adadelta": (0.9, 0.8), "adam": (0.1, 0.9), "adagrad": (0.1, 0.2)}
    records = six(
        errors=lambda o, _: {"network float64": ends[o][1], "linear": 0.5},
        first=lambda o, _: {"network float64": ends[o][0], "linear": 0.5},
    )
    plate = chapter.horizon(records)
    axis = plate.figure.axes[1]
    (network,) = lines_with(axis, label="network")
    np.testing.assert_array_equal(network.get_xdata(), [5, 10])
    np.testing.assert_allclose(network.get_ydata(), [0.1, 0.9], rtol=1e-6)
    assert lines_with(axis, label="straight line")[0].get_linestyle() == "--"
    assert (
        "at no horizon with Adadelta, at 50% of the horizons with Adam and at all horizons with "
        "Adagrad" in plate.caption
    )
    assert (
        "are at Adadelta 0.90, Adam 0.10, Adagrad 0.10, at the last at Adadelta 0.80" in plate.alt
    )


def test_rattle_is_what_averaging_does_to_the_loss():
    told = chapter.rattle(six(losses=lambda o, _: {"mean": 0.4 if o == "adadelta" else 1.02}))
    assert "the last 10 recorded weights" in told
    assert "Adadelta 0.40, Adam 1.02, Adagrad 1.02." in told


def test_worth_is_the_loss_over_that_of_the_record_and_may_be_infinite():
    records = six(losses=lambda o, _: {"node float64": np.inf if o == "adam" else 30.0})
    table = rows(chapter.worth_table(records))
    assert [row["node"] for row in table] == ["30", "inf", "30"]
    assert {row["training goes on"] for row in table} == {"1.00"}
    plate = chapter.worth(records)
    assert "Adadelta 30, Adam inf, Adagrad 30." in plate.caption
    dots = lines_with(plate.figure.axes[0], marker=".")
    np.testing.assert_allclose(dots[1].get_ydata(), 30.0 * SPREAD, rtol=1e-6)
    assert len(dots) == 7


def test_a_loss_that_is_not_near_the_lines_is_not_said_to_be():
    near = chapter.worth_compared(six(losses={"node float64": 12.0}))
    assert "their loss 12 times that of network operators" in near
    assert "within a tenth of the straight line's and the average's." in near
    far = chapter.worth_compared(six(losses=lambda o, _: {"linear": 0.5 if o == "adam" else 1.0}))
    assert "within a tenth of the average's." in far
    assert "over the straight line's is: Adadelta 1.00, Adam 2.00, Adagrad 1.00" in far
    assert "within" not in chapter.worth_compared(six(losses={"network float64": 3.0}))


def test_solutions_are_those_of_the_median_and_the_worst_network():
    records = six()
    rng = np.random.default_rng(0)
    weights = 0.3 * rng.standard_normal((5, 152))
    for one in records:
        one.curves["node float64/weights"] = weights
        one.curves["node float64/loss"] = np.tile([5.0, 1.0, 3.0, 4.0, 2.0], (2, 1))
    axes = np.reshape(chapter.solutions(records).figure.axes, (2, 4))
    assert [axis.get_title("left") for axis in axes[0]] == [
        "Adadelta, median", "Adadelta, worst", "Adam, median", "Adam, worst",
    ]  # fmt: skip
    t = np.linspace(0, oscillator.END, 20)
    times = jnp.broadcast_to(jnp.asarray(t, jnp.float32), (5, 20))
    orbits = oscillator.solution(ode.networks_of_rows(weights), times)
    for column, which in enumerate((2, 0, 2, 0)):
        for row in (0, 1):
            (drawn,) = lines_with(axes[row, column], label="node operators")
            np.testing.assert_allclose(drawn.get_ydata(), orbits[which, row], rtol=1e-4, atol=1e-5)
            (true,) = lines_with(axes[row, column], label="the equation itself")
            np.testing.assert_array_equal(true.get_ydata(), oscillator.truth(t)[row])


def test_networks_of_zeros_stand_still_at_the_start():
    records = six()
    still = np.array(oscillator.START)[:, None] - oscillator.truth(
        np.linspace(0, oscillator.END, 20)
    )
    expected = wording.plain(np.sqrt(np.mean(still**2)))
    for row in rows(chapter.distances_table(records)):
        assert {*row.values()} - {row["Optimizer"]} == {expected}
    assert (
        f"{expected} with Adadelta and {expected} with Adam" in chapter.solutions(records).caption
    )


def test_a_cutoff_that_loses_is_counted():
    records = six(
        errors=lambda o, _: {"network float64": 0.04, "node float32": 0.3 if o == "adam" else 0.6},
        ranks={"network float64": 150, "network float32": 2},
    )
    told = chapter.cutoff(records)
    # Node operators with two optimizers and network operators with all three; layers are equal.
    assert "Of the 9 rows of blocks with several weights" in told
    assert "smaller error in 5." in told
    assert "up to 150 directions of the 152 weights" in told
    assert "up to 2 in single precision" in told
    assert "an error of 0.04 of the true change against one of 0.50" in told
    adam = [row for row in rows(chapter.cutoff_table(records)) if row["Optimizer"] == "Adam"]
    assert [row["Operators"] for row in adam] == ["weight", "node", "layer", "network"]
    assert [row["Largest rank"] for row in adam] == ["3", "3", "3", "150"]
    assert adam[1]["Single precision, JAX's cutoff"] == "0.3"
    assert adam[1]["Error / change, double precision, MATLAB's cutoff"] == "0.5"


def noisy(o, p):
    size = {"adadelta": 0.8, "adam": 0.08, "adagrad": 0.02}[o]
    return {"network float64": size * (3 if (o, p) == ("adagrad", "jittered") else 1)}


def test_noise_is_compared_with_the_choice_of_the_optimizer():
    told = chapter.noise(six(errors=noisy))
    assert told.startswith("The optimizer matters more than the jitter.")
    assert "Adadelta 1.00, Adam 1.00, Adagrad 3.00" in told
    assert "by 40 with fixed points and by 13 with jittered ones" in told
    jitter = chapter.noise(six(errors=lambda o, p: {"network float64": 0.1 * (1 + (p == "fixed"))}))
    assert jitter.startswith("Jitter changes")
    assert "Adadelta 2.00, Adam 2.00, Adagrad 2.00" in jitter
    table = rows(chapter.noise_table(six(errors=noisy, losses={"trained": 0.7})))
    assert [row["Network"].split()[0] for row in table] == [
        "0.80", "0.80", "0.08", "0.08", "0.02", "0.06",
    ]  # fmt: skip
    assert {row["training's"] for row in table} == {"0.70"}
    assert {row["Loss at the record's end"] for row in table} == {f"{START_LOSS:.2g}"}


def test_the_clock_counts_one_cost_after_another():
    plate = chapter.clock({"float64": costs(), "float32": costs()}, 10)
    alone, checked, whole = plate.figure.axes[0].containers
    widths = [[bar.get_width() for bar in bars] for bars in (alone, checked, whole)]
    both = [(600.0, 6.0), (6 / 2.0, 6 / 11.5), (6 / 2.5, 6 / 12)]
    np.testing.assert_allclose(widths, [2 * pair for pair in both])
    assert "600 times as fast if only the prediction counts and 2.4 times" in plate.caption
    assert "network operators 0.5 times with all costs" in plate.caption
    assert "10 trained iterations" in plate.figure.axes[0].get_xlabel()


def test_the_claims_are_judged_on_the_records():
    records = six(errors=lambda o, _: {"node float64": 2.0 if o == "adadelta" else 0.1})
    findings = [judge.judge(claim, records) for claim in CLAIMS["ode"]]
    table = rows(chapter.claims(findings, records))
    assert len(table) == len(findings)
    assert [table[0][name] for name in OPTIMIZERS] == ["2.00; 2.00", "0.10; 0.10", "0.10; 0.10"]
    assert table[0]["Number, and its bound"].endswith("≤ 0.5")
    assert table[0]["Verdict"].startswith("**depends**, 4 of 6 agree; by optimizer: ")
    assert table[-1]["Number, and its bound"].endswith("≥ 10")
    assert table[-1]["Verdict"].startswith("**fails**")


def test_the_gain_of_training_is_counted():
    assert "in none of the 6 trainings" in chapter.training_gain(six())
    told = chapter.training_gain(six(losses=lambda o, _: {"trained": 0.8 if o == "adam" else 1.0}))
    assert "in 2 of the 6 trainings" in told


def test_the_summary_follows_the_numbers():
    clock = {"float64": costs()}
    mixed = chapter.summary(
        six(
            errors=lambda o, _: {
                "network float64": 0.7 if o == "adadelta" else 0.05,
                "linear": 0.5,
            },
            losses=lambda o, _: {"node float64": 1.05 if o == "adagrad" else 40.0},
        ),
        clock,
    )
    assert mixed.startswith("**With Adam and Adagrad network operators predict the weights")
    assert "10 iterations ahead their errors over the true change are Adadelta 0.70" in mixed
    assert "closer than a straight line in 4 of 6 trainings" in mixed
    assert "**Their loss is the straight line's, within a tenth.**" in mixed
    assert "compromise with Adagrad, and not with Adadelta and Adam.**" in mixed
    assert "node operators are 2.4 times as fast" in mixed
    assert "network operators 0.5 times" in mixed
    lost = chapter.summary(
        six(errors={"network float64": 0.9}, losses={"node float64": 9.0, "linear": 0.2}), clock
    )
    assert lost.startswith("**With none of the optimizers network operators predict the weights")
    assert "**Their loss is not the straight line's.**" in lost
    assert "it is 5.00 to 5.00 times as high" in lost
    assert "compromise with none of the optimizers.**" in lost


@pytest.mark.parametrize("name", ["training", "forecasts", "line", "horizon", "worth", "solutions"])
def test_a_plate_says_as_sentences_what_it_shows(name):
    plate = getattr(chapter, name)(six())
    for words in (plate.alt, plate.caption):
        assert re.fullmatch(r"[A-Z].*\.", words)
