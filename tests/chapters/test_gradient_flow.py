"""Chapter 01's figures and sentences, on small data of known outcome."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from koopnb.chapters import gradient_flow
from koopnb.drawing import animations, palette
from koopnb.dynamics import flows
from koopnb.experiments.descent import ENDS

WELL, NETWORK = flows.double_well(), flows.two_weight_network()
TIMES = np.linspace(0, 12, 25)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def paths():
    """Two starts that arrive, and one on the saddle's ridge that does not."""
    starts = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    starts[2] = 0.0
    return flows.gradient_flow(NETWORK, starts, np.r_[0, np.geomspace(1e-2, 2e3, 300)])


@pytest.fixture(scope="module")
def descents():
    return {eta: flows.descend(WELL, WELL.start, step=eta, steps=int(np.ceil(12 / eta)))
            for eta in (0.02, 0.24)}  # fmt: skip


def words(axis):
    return [text.get_text() for text in axis.texts]


def test_order_draws_every_landscape_and_names_the_range_of_orders():
    flow = flows.gradient_flow(WELL, (0.7,), np.linspace(0, 4, 41))
    steep = {eta: flows.descend(WELL, (0.7,), step=eta, steps=4) for eta in (0.4, 1.0)}
    steps = np.array([0.1, 0.05])
    errors = {
        name: (steps, scale * steps) for name, scale in zip("abcd", (1, 2, 3, 4), strict=True)
    }
    plate = gradient_flow.order(flow, steep, errors, {"a": 0.5, "b": 1.25})
    left, right = plate.figure.axes
    assert "between 0.50 and 1.25" in plate.caption
    assert {"a", "b", "c", "d"} <= set(words(right))
    np.testing.assert_allclose(right.lines[3].get_ydata(), 4 * steps)
    assert left.lines[1].get_xdata()[1] == pytest.approx(0.4), "time is k η"


def test_fitted_orders_are_said():
    assert "bowl 1.002, network 0.500." in gradient_flow.fitted({"bowl": 1.0021, "network": 0.5})


def test_landscape_shows_the_energy_balance_of_the_highest_path(paths):
    plate = gradient_flow.landscape(NETWORK, paths)
    line, rings = plate.figure.axes[1].lines
    assert line.get_ydata()[0] == paths.loss[:, 0].max()
    np.testing.assert_allclose(rings.get_ydata(), line.get_ydata()[::15], atol=1e-4)
    assert "1 of 3 random starts" in plate.caption


def test_who_does_not_arrive_is_counted(paths):
    text = gradient_flow.arrivals(NETWORK, paths)
    assert "Of 3 starts" in text
    assert "2 end at one of the two" in text
    assert "0 of 900 recorded intervals" in text


def ends(rates, above):
    """Below the limit a quarter of the starts ends at each place, above it as told."""
    each = np.array([[ENDS[name] for name in ENDS]] * len(rates))
    each[rates > 0.3] = ENDS[above]
    return each


def test_destinations_map_every_end_to_its_colour():
    rates = np.array([0.05, 0.1, 0.5])
    plate = gradient_flow.destinations(np.linspace(-1, 1, 4)[:, None], rates, ends(rates, "deep"))
    lower = plate.figure.axes[1]
    mesh = lower.collections[0]
    colours = {name: mesh.cmap(mesh.norm(end)) for name, end in ENDS.items()}
    assert colours["inflection"] == pytest.approx(plt.matplotlib.colors.to_rgba(palette.STOPPED))
    assert len(set(colours.values())) == 4
    assert "at 3 learning rates" in plate.caption
    assert "0.284" in plate.caption
    assert "stuck at the inflection" in words(lower)


@pytest.mark.parametrize(
    ("above", "deep", "nowhere"), [("deep", "1.00", "0.00"), ("nowhere", "0.00", "1.00")]
)
def test_what_larger_rates_keep_is_said_as_it_is(above, deep, nowhere):
    rates = np.array([0.05, 0.1, 0.5])
    text = gradient_flow.stuck(rates, ends(rates, above), (0.002, 1.5), (-0.9, 4.0))
    assert f"deep minimum is 0.25, above it {deep}; and {nowhere} of those" in text
    assert "Two starts 0.002 apart" in text
    assert "end 1.50 apart" in text
    assert "$t^{-0.900}$, with $a = 4.000$" in text
    assert text.count("| 0.25 ") == 4
    assert "of 4 evenly spaced starts" in text


def test_limits_name_the_largest_deviation_and_the_exponent():
    largest = np.array([1.0, 4.0, 4.0])
    kappas = np.array([2.0, 20.0, 200.0, 2000.0])
    plate = gradient_flow.limits(
        ["bowl, 1", "network", "network, mirrored"], largest, np.array([2.0, 0.5, 0.51]),
        kappas, [1, 400, 40_000, 4_000_000],
    )  # fmt: skip
    assert "at 3 minima" in plate.caption
    assert "from $2/L$ is 2.00%" in plate.caption
    assert "exponent for $\\kappa \\ge 20$ is 2.00" in plate.caption
    left = plate.figure.axes[0]
    assert "bowl, 1" in words(left)
    assert "network, mirrored" not in words(left)
    assert len(left.lines[1].get_xdata()) == 3


def test_the_film_shows_every_path_by_its_own_step(descents, monkeypatch):
    made, shown = [], []
    monkeypatch.setattr(animations, "beads", lambda *data, **how: made.append((*data, how)))
    monkeypatch.setattr(animations, "show", lambda film, **words: shown.append(words))
    sticky = flows.sticky_bead(WELL, WELL.start, TIMES)
    gradient_flow.film(WELL, sticky, descents, until=12.0)
    ((_, worlds, how),) = made
    assert how == {"until": 12.0}
    assert [world.step for world in worlds] == [None, 0.02, 0.24]
    assert [world.path for world in worlds] == [sticky, *descents.values()]
    assert "$\\eta = 0.02$ and $\\eta = 0.24$" in shown[0]["caption"]


def test_positions_and_the_choice_are_those_of_the_paths(descents):
    sticky, flow = (
        law(WELL, WELL.start, TIMES) for law in (flows.sticky_bead, flows.gradient_flow)
    )
    curves = gradient_flow.positions(sticky, flow, descents).figure.axes[0].lines
    np.testing.assert_array_equal(curves[1].get_ydata(), sticky.x[:, 0])
    np.testing.assert_allclose(curves[3].get_xdata(), descents[0.24].time * 0.24)
    plate = gradient_flow.choice(WELL, descents)
    slow = plate.figure.axes[0].lines[2]
    np.testing.assert_array_equal(slow.get_xdata(), descents[0.02].x[:40, 0])
    assert "\\theta_0 = -1.6" in plate.caption
