"""What is said of momentum: small runs, against loops and formulas."""

import numpy as np
import pytest

from koopnb.dynamics import flows
from koopnb.experiments import inertia, store

SMALL = inertia.InertiaConfig(starts=8, draws=2, iterations=300)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    made = inertia.run(SMALL, folder)
    assert store.load(inertia.SERIES[0].path(SMALL, folder)).series == "inertia"
    return made


def test_a_record_holds_what_claims_read(one):
    assert one.metrics["identity"] < 1e-12
    assert all(order == pytest.approx(1, abs=0.1) for order in one.metrics["orders"].values())
    assert inertia.MATCHED not in one.metrics["orders"], "judged in the series theory"
    assert one.metrics["to the ball"]["last"] > 0.5 * one.metrics["to the ball"]["first"]
    assert one.metrics["best"] < 0.03


def test_counts_concern_every_start_once_by_the_barrier(one):
    counted = one.metrics["counted"]
    left, right = counted["escapes the shallow minimum"], counted["leaves the deep minimum"]
    assert {left[name][1] + right[name][1] for name in left} == {SMALL.starts}


def test_count_answers_as_the_paths_end():
    starts = np.array([[-1.6], [0.2], [1.4]])
    counted = inertia.count(starts)
    for name, (step, beta) in inertia.arms(inertia.InertiaConfig()).items():
        end = [flows.descend(flows.double_well(), tuple(start), step=step, steps=4000,
                             momentum=beta).x[-1, 0] for start in starts]  # fmt: skip
        over = sum(abs(x - 1.5) < 0.1 for x in end[:2])
        assert counted["passes the inflection"][name] == (int(end[0] > -0.5), 1)
        assert counted["escapes the shallow minimum"][name] == (over, 2)
        assert counted["leaves the deep minimum"][name] == (int(end[2] < 0.75), 1)


def test_overlap_is_negative_where_intervals_lie_apart():
    def draw(hits):
        return {"question": {"arm": (hits, 100)}}

    assert inertia.overlap([draw(50), draw(52)]) > 0
    assert inertia.overlap([draw(5), draw(95)]) < 0
    assert inertia.overlap([draw(50), draw(52), draw(95)]) < 0


def test_only_the_right_limit_comes_closer():
    gaps = inertia.distances(np.array([[0.6]]))
    assert gaps[inertia.MATCHED][-1] < 0.1 * gaps[inertia.MATCHED][0]
    assert gaps[inertia.TO_BALL][-1] > 0.5 * gaps[inertia.TO_BALL][0]


def test_order_takes_the_three_smallest_steps():
    gaps = inertia.TAUS**2
    gaps[:2] = 1.0
    assert inertia.order(gaps) == pytest.approx(2)


def test_speed_at_the_inflection_is_bounded_by_the_energy():
    well = flows.double_well()
    fall = float(well(np.array([-1.6])) - well(np.array([-1.0])))
    assert inertia.speed(-1.6, drag=0.0) == pytest.approx((2 * fall) ** 0.5, rel=0.05)
    assert 0 < inertia.speed(-1.6) < inertia.speed(-1.6, drag=0.0)


def test_the_best_beta_contracts_by_its_root():
    beta = inertia.best_setting(25.0)[1]
    above = np.array([beta + 0.01, beta + 0.2])
    np.testing.assert_allclose(inertia.contractions(25.0, above), above**0.5, rtol=0.02)


@pytest.mark.parametrize("field", ["starts", "draws", "iterations"])
def test_nothing_to_run_is_refused(field):
    with pytest.raises(ValueError, match=f"{field}=0.*at least 1"):
        inertia.InertiaConfig(**{field: 0})
