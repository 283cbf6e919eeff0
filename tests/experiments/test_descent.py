"""What is said of gradient descent: small runs, against the landscapes' own formulas."""

import numpy as np
import pytest

from koopnb.experiments import descent, store

SMALL = descent.DescentConfig(starts=6, iterations=2000, rates=2, bowls=1)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    made = descent.run(SMALL, folder)
    assert store.load(descent.SERIES[0].path(SMALL, folder)).series == "descent"
    return made


def test_shares_are_of_all_starts(one):
    assert sum(one.metrics["ends"].values()) == pytest.approx(1)
    assert set(one.metrics["ends"]) == set(descent.ENDS)


def test_what_theory_gives(one):
    """The flow loses loss, the limit is 2 / L, and above it the deep minimum keeps nothing."""
    assert one.metrics["flow"]["rises"] == 0
    assert one.metrics["flow"]["imbalance"] < 1e-4
    assert one.metrics["limits"] < 1e-3
    assert one.metrics["kept"]["above"] == 0 < one.metrics["kept"]["below"]
    assert one.metrics["slowing"] == pytest.approx(-1, abs=0.01)


def test_a_seed_is_a_draw(one):
    other = descent.force(6, np.random.default_rng(1))
    assert other["imbalance"] != one.metrics["flow"]["imbalance"]
    again = descent.force(6, np.random.default_rng(0))
    assert again == one.metrics["flow"]


def test_destinations_are_told_apart():
    starts = np.array([[1.4], [0.5], [-1.3], [-0.9]])
    found = descent.destinations(starts, 0.05)
    assert found.tolist() == [descent.ENDS[n] for n in ("deep", "shallow", "inflection", "shallow")]
    few = descent.destinations(starts, 0.05, iterations=2)
    assert (few == descent.ENDS["nowhere"]).all(), "still on the way"
    gone = descent.destinations(np.array([[1.9]]), 10.0, iterations=50)
    assert gone.tolist() == [descent.ENDS["nowhere"]], "diverged"


def test_twins_end_apart_only_across_the_barrier():
    assert descent.twins(1e-3) == pytest.approx(1.5, abs=1e-6)
    assert descent.twins(0.1, iterations=1) < 0.25


def test_the_constant_at_the_inflection_is_half_the_curvature_of_the_slope():
    """Its formula, 35/8, is on the page."""
    assert descent.slowing(-1.2)[1] == pytest.approx(35 / 8, rel=1e-3)


@pytest.mark.parametrize("field", ["starts", "iterations", "rates", "bowls"])
def test_nothing_to_run_is_refused(field):
    with pytest.raises(ValueError, match=f"{field}=0.*at least 1"):
        descent.DescentConfig(**{field: 0})
