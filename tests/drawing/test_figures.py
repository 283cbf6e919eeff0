"""Figures: what is drawn is the data, and what is shown carries its text."""

import numpy as np
import pytest

from koopnb.drawing import figures
from koopnb.dynamics import flows


def test_a_single_run_is_drawn_as_it_is(axis):
    (line,) = figures.paths(
        axis,
        [figures.SeedCurves("a", "C0", np.arange(3), [np.array([1.0, 3.0, 2.0])])],
        title="t",
        ylabel="y",
    )
    np.testing.assert_array_equal(line.get_ydata(), [1, 3, 2])
    assert line.get_label() == "a"


def test_every_seed_and_their_median_are_drawn(axis):
    runs = [np.array([1.0, 1.0]), np.array([2.0, 5.0]), np.array([9.0, 6.0])]
    arm = figures.SeedCurves("a", "C0", np.arange(2), runs)
    *lines, band, middle = figures.paths(axis, [arm], title="", ylabel="")
    assert [list(line.get_ydata()) for line in lines] == [list(run) for run in runs]
    np.testing.assert_array_equal(middle.get_ydata(), [2, 5])
    assert band.get_paths()[0].get_extents().ymin >= 1


def test_a_median_of_runs_that_overflowed_leaves_the_panel(axis):
    runs = [np.array([1.0, 2.0]), np.array([1.0, np.nan]), np.array([1.0, np.inf])]
    *_, middle = figures.paths(
        axis, [figures.SeedCurves("a", "C0", np.arange(2), runs)], title="", ylabel=""
    )
    np.testing.assert_array_equal(middle.get_ydata(), [1, np.inf])


@pytest.mark.parametrize("of", ["x", "y"])
def test_logarithmic_ticks_are_plain_numbers(axis, of):
    axis.plot([0.1, 10], [0.1, 10])
    figures.log_ticks(axis, (0.2, 1, 5), of=of)
    lines = getattr(axis, f"{of}axis")
    assert lines.get_scale() == "log"
    assert [label.get_text() for label in lines.get_ticklabels()] == ["0.2", "1", "5"]
    assert len(lines.get_minorticklocs()) == 0


def test_epoch_marks_leave_out_the_last_end(axis):
    marks = figures.epochs(axis, 10, 30)
    assert [mark.get_xdata()[0] for mark in marks] == [10, 20]


def test_times_show_every_sample_and_name_the_median(axis):
    samples = {"slow": (np.array([0.001, 0.002, 0.009]), "C0"), "fast": (np.array([1e-5]), "C1")}
    figures.times(axis, samples, title="")
    points = [line.get_xdata() for line in axis.lines if line.get_marker() == "."]
    np.testing.assert_allclose(points[0], [1, 2, 9])
    assert [text.get_text() for text in axis.texts] == ["2 ms", "0.01 ms"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["slow", "fast"]
    assert axis.get_xlim() == pytest.approx((0.01, 10))


def test_a_wire_is_the_graph_of_its_potential(axis):
    line, stars = figures.wire(axis, flows.double_well())
    expected = np.polynomial.Polynomial(flows.double_well().coefficients)
    np.testing.assert_allclose(line.get_ydata(), expected(line.get_xdata()), atol=1e-12)
    assert sorted(stars.get_xdata()) == [0.0, 1.5]


def test_a_landscape_shows_the_levels_of_its_potential(axis):
    _, lines, stars = figures.landscape(axis, flows.quadratic((1.0, 4.0)))
    level, points = lines.levels[5], lines.get_paths()[5].vertices
    np.testing.assert_allclose(0.5 * (points**2 @ [1.0, 4.0]), level, rtol=1e-2)
    assert stars.get_xdata() == [0.0]


def test_a_ratio_map_shows_every_number_and_is_white_at_one(axis):
    ratios = np.array([[1.0, 0.1], [12.3, np.nan]])
    image, *texts = figures.ratio_map(
        axis, ratios, rows=["a", "b"], columns=["c", "d"], title="t", limit=10
    )
    np.testing.assert_allclose(image.get_array(), [[0, -1], [1, 1]])
    np.testing.assert_allclose(image.cmap(image.norm(0.0))[:3], 1, atol=0.01)
    assert [text.get_text() for text in texts] == ["1.00", "0.10", "12", ">999"]
    assert texts[0].get_color() == "black"
    assert texts[1].get_color() == "white"
