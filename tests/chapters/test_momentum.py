"""Chapter 03's figures, table and sentences, on small data of known outcome."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from koopnb.chapters import momentum
from koopnb.drawing import animations
from koopnb.dynamics import flows
from koopnb.experiments import inertia

WELL = flows.double_well()
TIMES = np.linspace(0, 2, 9)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def words(axis):
    return [text.get_text() for text in axis.texts]


def test_settings_are_those_of_the_continuum():
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in momentum.settings().splitlines()
        if line.startswith("| 0")
    ]
    assert len(rows) == 6
    for beta, alpha, tau, drag, rate in (map(float, row) for row in rows):
        assert tau == pytest.approx(alpha**0.5, abs=5e-4)
        assert drag == pytest.approx((1 - beta) / alpha**0.5, abs=5e-3)
        assert rate == pytest.approx(alpha / (1 - beta), rel=0.05)


GAPS = {
    label: scale * inertia.TAUS
    for scale, label in enumerate(
        [inertia.MATCHED, "new", "flow", inertia.TO_BALL, "Nesterov"], start=1
    )
}
ORDERS = dict(zip(GAPS, (1.25, 1.0, 0.75, -3.0, 0.9), strict=True))


def test_orders_show_what_does_not_converge_and_leave_it_out_of_the_range():
    rolling, falling = (
        flows.heavy_ball(WELL, WELL.start, TIMES, drag=1.0),
        flows.gradient_flow(WELL, WELL.start, TIMES),
    )
    methods = {tau: flows.descend(WELL, WELL.start, step=tau**2, steps=8, momentum=1 - tau)
               for tau in (0.25, 0.1)}  # fmt: skip
    plate = momentum.orders(rolling, falling, methods, GAPS, ORDERS)
    assert "at order 0.75 to 1.25" in plate.caption
    right = plate.figure.axes[1]
    assert words(right) == list(GAPS)
    np.testing.assert_array_equal(right.lines[3].get_ydata(), GAPS[inertia.TO_BALL])
    assert plate.figure.axes[0].lines[2].get_xdata()[1] == pytest.approx(0.25), "time is k τ"
    said = momentum.fitted(3e-16, ORDERS)
    assert "3e-16 in 80 iterations" in said
    assert inertia.TO_BALL not in said
    assert "Nesterov 0.90" in said


def test_regimes_measure_the_distance_to_the_formula_away_from_the_critical_drag():
    drags = np.array([0.5, 2.0, 4.0])
    right = drags / 2 - np.sqrt((drags**2 / 4 - 1).astype(complex)).real
    plate = momentum.regimes(drags, right * [1.0, 0.5, 1.1])
    assert "meet to 10.0% away" in plate.caption
    portraits, rates = plate.figure.axes
    assert len(portraits.lines) == 1 + 4 + 4 + 1
    assert portraits.lines[0].get_xydata()[-1] == pytest.approx([0, 0], abs=1e-4)
    assert "critical" in words(rates)


def test_best_beta_reads_the_lowest_points_off_the_sweeps():
    sweeps = {kappa: 0.5 + np.abs(inertia.SWEPT - at)
              for kappa, at in ((4.0, 0.15), (25.0, 0.3), (100.0, 0.6))}  # fmt: skip
    kappas = np.array([10.0, 100.0, 1000.0])
    needed = {"descent": [1, 100, 10_000], "momentum": [1, 10, 100]}
    plate = momentum.best_beta(sweeps, kappas, needed)
    assert "at 0.15 ($\\kappa = 4$), 0.30 ($\\kappa = 25$), 0.60" in plate.caption
    assert "the formula has 0.11, 0.44, 0.67" in plate.caption
    right = words(plate.figure.axes[1])
    assert right == ["gradient descent: $\\kappa^{2.00}$", "momentum: $\\kappa^{1.00}$"]


def counted(escaped):
    answers = dict.fromkeys(inertia.arms(inertia.InertiaConfig()), (0, 10))
    last = [*answers][-1]
    return {
        "passes the inflection": answers | {last: (5, 10)},
        "escapes the shallow minimum": answers | {last: (escaped, 10)},
        "leaves the deep minimum": {name: (0, 3) for name in answers},
    }


@pytest.mark.parametrize("escaped", [0, 10])
def test_passing_shows_every_share_also_where_none_or_all_pass(escaped):
    plate = momentum.passing(counted(escaped))
    assert f"from 0.00 to {escaped / 10:.2f} of starts" in plate.alt
    assert "up to 0.50 of starts" in plate.alt
    assert plate.caption.startswith("13 random starts, 4,000 iterations")
    middle = plate.figure.axes[1]
    assert [bar.get_width() for bar in middle.patches] == [0, 0, 0, 0, escaped / 10]
    assert words(middle)[-1] == f"{escaped / 10:.2f}"
    assert "(of 3 starts)" in plate.figure.axes[2].get_title(loc="left")
    labels = [label.get_text() for label in plate.figure.axes[0].get_yticklabels()]
    assert labels[1:3] == [r"descent, $\eta = 0.2$", r"momentum, $\beta = 0.9$"]


def test_shallow_draws_shares_over_the_barrier_s_height():
    tops = (0.25, 0.75)
    passed = {0.0: [0, 0], 0.9: [4, 0], 0.95: [8, 2], 0.99: [8, 8]}
    plate = momentum.shallow(tops, passed, 8, 0.02)
    axis = plate.figure.axes[0]
    np.testing.assert_allclose(axis.lines[2].get_ydata(), [1.0, 0.25])
    expected = [float(flows.double_well(top)(np.array([top]))) for top in tops]
    np.testing.assert_allclose(axis.lines[2].get_xdata(), expected)
    assert len(axis.collections) == 4, "a band for every β"
    assert words(axis)[:2] == ["gradient descent", r"momentum, $\beta = 0.9$"]
    assert plate.caption.startswith("8 starts")


def test_thresholds_translate_a_drag_to_beta():
    text = momentum.thresholds(-1.6, 0.5, 0.4, 0.04)
    assert "drag is below 0.500" in text
    assert "over it below 0.400" in text
    assert "$\\beta$ above 0.920" in text
    assert "$\\alpha = 0.040$" in text


@pytest.fixture(scope="module")
def world():
    """Two seconds, in which none of the three comes to the barrier."""
    drag, tau = 0.3, 0.2
    beta, alpha = flows.coefficients(drag, tau)
    free, braked = (flows.bead(WELL, WELL.start, TIMES, drag=g) for g in (0.0, drag))
    method = flows.descend(WELL, WELL.start, step=alpha, steps=12, momentum=beta)
    return momentum.Motions(free, braked, method, drag, tau)


def test_the_film_says_where_each_is_at_the_end(world, monkeypatch):
    made, shown = [], []
    monkeypatch.setattr(animations, "beads", lambda *data, **how: made.append((*data, how)))
    monkeypatch.setattr(animations, "show", lambda film, **words: shown.append(words))
    momentum.film(WELL, world)
    moved = flows.descend(WELL, (1.4,), step=0.04, steps=12, momentum=0.9)
    momentum.film(WELL, world._replace(method=moved))
    first, second = (words["alt"] for words in shown)
    assert "drag is in the shallow well, the method in the shallow well" in first
    assert "drag is in the shallow well, the method in the deep well" in second
    assert [one.ending for one in made[1][1]] == ["never rests", "shallow well", "deep well"]
    assert made[0][2] == {"until": TIMES[-1]}
    assert "$\\beta = 0.94$" in shown[0]["caption"]


def test_newton_s_energy_stays_without_drag_and_falls_with_it(world):
    plate = momentum.newton(WELL, world)
    free, braked, _ = plate.figure.axes[1].lines
    drift = np.ptp(free.get_ydata())
    assert drift < 1e-8
    assert f"varies by {drift:.0e}" in plate.caption
    assert (np.diff(braked.get_ydata()) < 0).all()
    swapped = momentum.newton(WELL, world._replace(free=world.braked))
    assert f"varies by {drift:.0e}" not in swapped.caption


def test_the_choice_names_its_own_settings():
    plain, pushed = (flows.descend(WELL, WELL.start, step=0.03, steps=7, momentum=beta)
                     for beta in (0.0, 0.5))  # fmt: skip
    plate = momentum.choice(WELL, plain, pushed, 0.03, 0.5)
    assert "7 iterations with $\\alpha = 0.03$" in plate.caption
    assert "$\\beta = 0.5$" in plate.caption
    assert r"momentum, $\beta = 0.5$" in words(plate.figure.axes[0])
