"""Chapter 04's figures, tables and sentences, on small or made-up data."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from koopnb.chapters import koopman_theory
from koopnb.chapters.koopman_theory.orbits import STARTS
from koopnb.drawing.palette import COLOURS
from koopnb.dynamics.systems import observe, orbit
from koopnb.experiments.closure.dictionaries import Growing
from koopnb.operators.koopman import fit


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def operators():
    states = orbit((2.0, -1.0), 12, 0.9, 0.5)
    return {
        "lifted": fit(observe(states)),
        "projections": fit(observe(states, ("x1", "x2"))),
    }


@pytest.fixture(scope="module")
def forecasts(operators):
    return koopman_theory.forecasts(operators, 0.9, 0.5)


def test_two_views_show_a_grid_and_level_lines():
    plate = koopman_theory.two_views(0.8, 0.3)
    points, functions = plate.figure.axes
    blue = [line for line in points.lines if line.get_color() == COLOURS["works"]]
    assert len(blue) == 14 == len(points.lines) / 2
    assert max(np.max(line.get_xdata()) for line in blue) == pytest.approx(0.8 * 1.5)
    labels = [text.get_text() for text in functions.get_legend().get_texts()]
    assert labels == ["$g = x_2$", r"$Kg = g \circ \Phi$"]


def test_linearity_is_told_with_its_numbers():
    text = koopman_theory.linear(2e-15, 46.6, points=1500)
    assert "1,500 random points" in text
    assert "differ by at most 2e-15" in text
    assert text.endswith("differ by up to 47.")


def test_forecasts_are_compared_with_the_orbits(forecasts):
    assert forecasts.worst["lifted"].max() < 1e-9
    assert forecasts.worst["projections"].max() > 0.1
    start = forecasts.paths["lifted"][0][0]
    np.testing.assert_allclose(start, STARTS[0])


def test_the_slow_manifolds_errors_are_those_of_its_forecasts(forecasts):
    worse = forecasts._replace(
        worst=forecasts.worst | {"projections": np.full_like(forecasts.worst["lifted"], 3.2)}
    )
    plate = koopman_theory.slow_manifold(worse, 0.9, 0.5, 13)
    assert "$a = 0.9$, $b = 0.5$, predicted from one record of 13 states" in plate.caption
    assert "up to 3 with two" in plate.alt
    _, errors = plate.figure.axes
    np.testing.assert_array_equal(errors.lines[1].get_ydata(), 3.2)


def test_eigenvalues_are_set_beside_the_true_ones(operators, forecasts):
    text = koopman_theory.eigenvalues(operators["lifted"], forecasts, 0.9, 0.5)
    assert "0.900000000000, 0.810000000000, 0.500000000000" in text
    assert f"the projections by {forecasts.worst['projections'][-1]:.2g}." in text
    other = koopman_theory.eigenvalues(operators["lifted"], forecasts, 0.9, 0.4)
    assert "by at most 0.1." in other


def test_a_leak_is_told_with_its_numbers():
    text = koopman_theory.leak({"gap": 6e-16, "largest": 0.314, "error": 0.7}, 0.99)
    assert "agree to 6e-16" in text
    assert "leak is 0.31; the error it adds up to is 0.7" in text
    assert text.endswith(r"$\rho = 0.9900$.")


def growing(errors, true, predicted):
    points = np.linspace(-1, 1, len(true))
    return Growing((2, 4, 8, 16), (1, 10, 40), np.array(errors), points, true, predicted)


@pytest.fixture
def systems():
    curve = np.linspace(-1, 1, 5)
    errors = [[0.2, 0.8, 1.0], [0.1, 0.4, 0.9], [0.05, 0.2, 0.9], [1e-12, 0.1, 0.8]]
    wells = growing(errors, curve, {9: curve / 2, 45: curve})
    path = np.stack([curve, curve**2], axis=1)
    return wells, growing(errors, path, {5: path + 0.1})


def test_what_dictionaries_predict_is_drawn_beside_the_truth(systems):
    wells, cycle = systems
    plate = koopman_theory.not_closed(wells, cycle)
    left, right = plate.figure.axes
    assert [line.get_color() for line in left.lines] == [
        COLOURS[name] for name in ("truth", "fails", "works")
    ]
    np.testing.assert_array_equal(left.lines[1].get_ydata(), wells.predicted[9])
    np.testing.assert_array_equal(right.lines[1].get_xdata(), cycle.predicted[5][:, 0])
    assert "a prediction over 4 steps" in plate.caption


def test_errors_fall_with_the_size_of_the_dictionary(systems):
    plate = koopman_theory.slow_decay(*systems)
    for axis, system in zip(plate.figure.axes, systems, strict=True):
        drawn = np.array([line.get_ydata() for line in axis.lines]).T
        np.testing.assert_array_equal(drawn, np.maximum(system.errors, 1e-9))
    text = koopman_theory.falling_errors(*systems)
    assert "From 2 to 16 observables" in text
    assert "falls from 0.2 to 1e-12" in text
    assert "to the power -1.0" in text, "0.2 at 8 and 0.1 at 16"


def test_norms_level_off_for_one_measure_only():
    (axis,) = koopman_theory.square_integrable().figure.axes
    curves = [line for line in axis.lines if len(line.get_ydata())]
    rises = [line.get_ydata()[-1] / line.get_ydata()[-12] for line in curves]
    colours = {line.get_color() for line, rise in zip(curves, rises, strict=True) if rise < 1.001}
    assert colours == {COLOURS["works"]}
    assert len(curves) == 6


def test_two_futures_are_summed_up_over_seeds():
    one = {"descent": 0.0, "batches": 1.0, "schedule": 0.5, "momentum": 0.9, "adadelta": 0.4}
    text = koopman_theory.two_futures([one, one | {"batches": 3.0}, one | {"batches": 4.0}])
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    assert rows[0][1] == "Difference of the steps, median of 3 seeds"
    assert rows[3] == ["mini-batches of 8: two batches", "3", "1 to 4"]
    assert rows[2][1:] == ["0", "0 to 0"]


def errors_of(alone, both, seeds=2):
    """The same errors at every horizon."""
    return np.tile(np.array([alone, both])[None, :, None], (seeds, 1, 3))


@pytest.mark.parametrize(
    ("both", "better", "colour"), [(0.1, 2, "works"), (30.0, 0, "fails"), (np.inf, 0, "fails")]
)
def test_seeds_that_lose_are_seen_and_counted(both, better, colour):
    errors = {"momentum": errors_of(1.0, 0.1), "adadelta": errors_of(1.0, both)}
    plate = koopman_theory.accumulators(errors)
    axis = plate.figure.axes[1]
    lines = [line for line in axis.lines if line.get_marker() == "o"]
    assert {line.get_color() for line in lines} == {COLOURS[colour]}
    assert [text.get_text() for text in axis.texts] == [f"{better} of 2\nbetter"] * 3
    assert all(np.isfinite(line.get_ydata()).all() for line in lines)
    text = koopman_theory.gains(errors)
    assert f"1 to {both:.2g} 100 steps ahead ({better} of 2)." in text
    assert "better at 2 and 2 of 2 seeds" in text
