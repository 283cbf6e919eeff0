"""Figures, tables and sentences of the chapter on stochastic gradients, from small records."""

import copy

import matplotlib.pyplot as plt
import numpy as np
import pytest

from koopnb.chapters import stochastic_gradients
from koopnb.chapters.stochastic_gradients import pooled, random_field, well
from koopnb.drawing import numbers
from koopnb.dynamics.potentials import double_well
from koopnb.experiments import noise
from koopnb.experiments.noise import initial
from koopnb.experiments.record import Record

STAGE = {"epochs": 15, "loss": 0.08, "gradient": 0.5, "noise": 40.0, "kurtosis": 49.0,
         "skewness": 5.3}  # fmt: skip
SETTINGS = [
    {"rate": rate, "batch": batch, "passed": passed, "watched": 100.0, "predicted": 10.0}
    for rate in (0.02, 0.1, 0.4)
    for batch, passed in ((4, 10), (32, 1))
]
ESCAPES = [{"batch": batch, "passed": 4, "predicted": 2.0} for batch in (4, 16)]
LOSSES = {"mini-batches": [0.1, 0.9], "same iterations": [0.1, 0.4], "same data": [2.0, 2.0]}


def one(seed=0, **parts):
    """A record with two of everything; ``parts`` replace entries of its metrics."""
    metrics = {
        "stages": [STAGE | {"epochs": 0, "kurtosis": -0.5}, STAGE],
        "field": {"bias": 0.9, "reach": 0.25},
        "noise": {
            "batches": [2, 8], "replaced": [0.5, 0.125], "not_replaced": [0.5, 0.12],
            "power": -1.01, "samples": 100, "weights": 50, "kurtosis": {"256": 0.15},
            "kurtosis_interval": [28.0, 72.0], "top_ten": 0.84,
        },
        "escape": {"settings": SETTINGS},
        "inflection": {"temperatures": [0.1, 0.001], "times": [3.0, 30.0], "passed": 1.0},
        "starts": {"batches": [1, 8], "deep": [2, 9], "diverged": [3, 0]},
        "parabola": {"steps": [0.05, 1.5], "fresh": [1.0, 4.0], "reshuffled": [0.05, 4.0]},
        "tails": {"out": ESCAPES, "in": [row | {"passed": 0} for row in ESCAPES]},
        "reshuffled": [{"epoch": n, "passed": 1, "predicted": 4.0} for n in (16, 64)],
        "limit": {"steps": [0.1, 0.05], "time": 2.0, "spreads": [0.09, 0.06], "power": 0.52},
    }  # fmt: skip
    config = {"seed": seed, "walks": 10, "budget": 4000, "starts": 10}
    curves = {f"quantiles/{size}": np.linspace(-2, 2, 9) for size in (1, 16, 256)}
    curves |= {f"networks/{name}": np.array(losses) for name, losses in LOSSES.items()}
    curves |= {"networks/gains": np.array([0.5, 2.0])}
    curves |= {"directions": np.array([0.2, 1.0]), "directions/at": np.array([1, 50])}
    return Record("noise", config, copy.deepcopy(metrics) | parts, curves, {})


@pytest.fixture(autouse=True)
def no_figure_stays_open():
    yield
    plt.close("all")


def test_numbers_of_seeds_are_pooled_and_have_intervals():
    assert numbers.extent([0.25, 0.3333], ".2f") == "0.25 to 0.33"
    middle, low, high = pooled.share(5, 10)
    assert (middle, round(low, 3), round(high, 3)) == (0.5, 0.237, 0.763)  # Wilson's
    middle, low, high = pooled.rate([{"passed": 3, "time": 10.0}, {"passed": 0, "time": 20.0}],
                                    "time")  # fmt: skip
    assert middle == 0.1
    assert (round(low * 30, 2), round(high * 30, 2)) == (0.62, 8.77)  # Garwood's, for three
    assert pooled.rate([{"passed": 0, "time": 10.0}], "time")[1] == 0


def test_the_well_is_the_double_well():
    place = np.linspace(-1.7, 1.9, 7)
    expected = [double_well()(np.array([x])).item() for x in place]
    np.testing.assert_allclose(well.height(place), expected, rtol=1e-5, atol=1e-6)
    for place in (noise.INFLECTION, noise.SHALLOW, noise.TOP, noise.DEEP):
        assert abs(double_well().gradient(np.array([place])).item()) < 1e-6
    assert well.curvature(noise.TOP) < 0 < well.curvature(noise.SHALLOW)
    top = 0.75
    expected = top**6 / 6 - top**5 / 20 - 19 * top**4 / 32 + 9 * top**2 / 16
    assert well.barrier() == pytest.approx(expected)


def test_a_strong_tilt_takes_the_shallow_minimum_away():
    assert random_field.trapped(np.array([0.0, 0.05, -0.5, 5.0])).tolist() == [
        True,
        True,
        False,
        False,
    ]


def test_the_field_says_how_often_and_where():
    distances = np.linspace(-1, 1, 5)
    batches = np.abs(distances[:, None] - np.array([0.0, 0.5]))
    found = noise.Field(distances, batches.mean(axis=1), batches, 0.5, 0.25)
    plate = stochastic_gradients.field(np.array([0.0, 5.0, 5.0, 5.0]), found, epochs=7)
    assert "In 75% of 4 draws" in plate.caption
    assert "After 7 epochs" in plate.caption
    assert "lies at 0.25 on average and scatters by 0.25" in plate.caption
    left, right = plate.figure.axes
    assert len(left.lines) == 4 + 1 + 3  # tilted, whole, and three places
    assert len(right.lines) == 2 + 1
    text = stochastic_gradients.mean_of_field([one(), one(field={"bias": 2.3, "reach": 0.4})])
    assert "at most 2.3 standard errors, in any of 2 seeds" in text
    assert "0.25 to 0.4 away" in text


def test_stages_are_ranges_over_seeds():
    other = [STAGE, STAGE | {"noise": 1200.0}]
    table = stochastic_gradients.stages([one(), one(stages=other)])
    last = next(line for line in table.splitlines() if line.startswith("| 15"))
    cells = [cell.strip() for cell in last.split("|")[1:-1]]
    assert cells[3:6] == ["40 to 1,200", "80 to 2,400", "49 to 49"]
    assert "Ranges over 2 seeds" in table


def test_noise_is_told_of_the_first_seed_and_of_all():
    other = one().metrics["noise"] | {"power": -0.9, "top_ten": 0.5}
    plate = stochastic_gradients.noise([one(3), one(4, noise=other)])
    assert "fitted slopes are -1.010 to -0.900" in plate.caption
    assert "Seed 3, along the gradient: one sample's excess kurtosis is 49 (95% bootstrap " \
           "interval 28 to 72), that of batches of 256 is 0.1." in plate.caption  # fmt: skip
    assert "Ten of 50 directions hold 50% to 84%" in plate.caption
    assert len(plate.figure.axes[2].lines) == 2 + 2  # seeds, all alike, ten directions


@pytest.mark.parametrize("seeds", [1, 2])
def test_escapes_are_added_up(seeds):
    plate = stochastic_gradients.escapes([one(seed) for seed in range(seeds)])
    assert f"minimum, {10 * seeds} walks per point" in plate.caption
    assert "batches of 4 leave in 100% of the walks and batches of 32 in 10.0%" in plate.caption
    left, right = plate.figure.axes
    assert [box[0].get_ydata().tolist() for box in left.containers] == [[1.0, 0.1]] * 3
    assert [box[0].get_ydata().tolist() for box in right.containers] == [[0.1, 0.01]] * 3


def test_the_reservation_names_the_largest_step():
    text = stochastic_gradients.reservation()
    assert "f'' = 7.03" in text
    assert "= 0.28$. With $\\eta = 0.4$" in text


def test_failures_show_networks_without_an_escape():
    plate = stochastic_gradients.failures([one(), one()])
    assert "2.0 times the diffusion's" in plate.caption
    assert "0.00 times if they point the other way" in plate.caption
    middle, right = plate.figure.axes[1:]
    assert [box[0].get_ydata().tolist() for box in middle.containers] == [[2, 2], [0, 0]]
    lowest = min(line.get_ydata().min() for line in middle.lines if line.get_marker() == ".")
    assert lowest == middle.get_ylim()[0]
    assert right.containers[0][0].get_ydata().tolist() == [0.25, 0.25]


def test_the_limit_is_told_as_medians_and_a_range():
    other = one().metrics["limit"] | {"spreads": [0.07, 0.02], "power": 0.48}
    text = stochastic_gradients.limit([one(), one(limit=other)])
    assert "is 0.080 with $\\eta = 0.1$ and 0.040 with $\\eta = 0.05$, as medians of 2" in text
    assert "power of $\\eta$ is 0.48 to 0.52" in text


@pytest.mark.parametrize(
    ("passed", "told"),
    [(1.0, "All 10 walks pass"), (0.9, "Over all temperatures, 90.0% of the walks pass")],
)
def test_starts_name_the_best_batch_and_what_does_not_arrive(passed, told):
    inflection = one().metrics["inflection"] | {"passed": passed}
    descended = np.array([noise.DEEP, 0.0, 0.0, 0.0])
    plate = stochastic_gradients.starts([one(inflection=inflection)], -1.02, descended)
    assert told in plate.caption
    assert "descent is still 0.0200 before it" in plate.caption
    assert "Full batch: 25%. The best batch size is 8 with 90%" in plate.caption
    assert "with single samples 20% are in the deep well and 30.0% have diverged" in plate.caption
    assert "falls from 30 to 3.0" in plate.alt
    assert "90% for batches of 8, and 20% for single samples" in plate.alt


def test_the_floor_is_of_walks_in_the_deep_well_alone():
    hot, cooled = np.array([1.6, 0.0, np.nan]), np.array([noise.DEEP, 0.0, 0.0])
    expected = well.height(np.array([1.6, noise.DEEP]))
    text = stochastic_gradients.floor(hot, cooled, batch=8)
    assert f"stand {expected[0] - expected[1]:.3f} above" in text
    assert "= 0.043$" in text
    assert "33% of the starts are in the deep well, at most 1e-06 above" in text


def test_networks_are_counted_below_the_loss():
    plate = stochastic_gradients.networks([one(), one()])
    assert f"4 starts of a network of {initial.WEIGHTS} weights" in plate.caption
    assert "batches of 16, 192 iterations: 50% (15% to 85%)" in plate.caption
    assert "full batch, 192 iterations: 100%" in plate.caption
    assert "full batch, 12 iterations: 0%" in plate.caption
    left, right = plate.figure.axes
    assert [box[0].get_xdata().tolist() for box in left.containers] == [[0.5], [1.0], [0.0]]
    assert sum(line.get_marker() == "." for line in right.lines) == 2 * 3


@pytest.mark.parametrize("draw", ["noise", "escapes", "failures", "networks"])
def test_every_figure_is_labelled(draw):
    plate = getattr(stochastic_gradients, draw)([one()])
    assert plate.name == {"escapes": "escape"}.get(draw, draw)
    assert plate.alt.endswith(".")
    assert plate.caption.endswith(".")
