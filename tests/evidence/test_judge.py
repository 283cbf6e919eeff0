"""Verdicts on records, and the settings that they depend on."""

import pytest
from support.records import CLAIM, runs, sized

from koopnb.evidence import tables
from koopnb.evidence.judge import judge, wilson


@pytest.mark.parametrize(
    ("sizes", "verdict"),
    [((0.5,), "holds"), ((1.0, 0.1), "holds"), ((2.0,), "fails"), ((0.5, 2.0), "depends"),
     ((float("nan"),), "fails"), (("inf",), "fails"), ((0.5,) * 9 + (2.0,), "holds"),
     ((0.5,) * 8 + (2.0,) * 2, "depends"), ((0.5, *(2.0,) * 9), "fails")],
)  # fmt: skip
def test_verdict(sizes, verdict):
    assert judge(CLAIM, sized(*sizes)).verdict == verdict


def test_numbers_that_rounding_carries_over_a_bound_settle_nothing():
    """Two machines gave 1.05 and 1.0454, 1.0511 and 1.0464, by a bound of 1.05."""
    blurred = CLAIM._replace(rounding=0.05)
    found = judge(blurred, sized(0.9, 1.01, 0.97, *(2.0,) * 7))
    assert (found.verdict, found.agreeing) == ("depends", 2)
    assert tables.verdict_of(found).startswith("**depends** on the seed, 2 of 10")
    found = judge(blurred, sized(0.9, 1.01, 1.02, *(2.0,) * 7))
    assert (found.verdict, found.agreeing) == ("depends", 1)
    assert tables.verdict_of(found).startswith("**depends** on rounding, 1 of 10")
    assert judge(blurred, sized(0.9, 1.06, 1.07, *(2.0,) * 7)).verdict == "fails"
    assert judge(blurred, sized(*(0.9,) * 8, 1.0, 0.99)).verdict == "depends"
    assert tables.bounds(blurred) == "holds to 1; known to 5%"


def test_the_setting_that_explains_most_breaks_a_verdict_down():
    digits, mnist_ = {"dataset": "digits"}, {"dataset": "mnist"}
    adam, sgd = {"optimizer": "adam"}, {"optimizer": "sgd"}
    by_data = runs(
        a=(digits | adam, [1, 1, 1]), b=(digits | sgd, [1, 1, 1]),
        c=(mnist_ | adam, [0, 0, 1]), d=(mnist_ | sgd, [0, 0, 0]),
    )  # fmt: skip
    finding = judge(CLAIM, by_data)
    assert finding.on == "data set"
    assert [part.agreeing for part in finding.parts] == [6, 1]
    by_optimizer = runs(
        a=(digits | adam, [1, 1, 1]), b=(digits | sgd, [0, 0, 0]),
        c=(mnist_ | adam, [1, 1, 1]), d=(mnist_ | sgd, [0, 0, 1]),
    )  # fmt: skip
    assert judge(CLAIM, by_optimizer).on == "optimizer"


@pytest.mark.parametrize(("agreeing", "total"), [(3, 9), (27, 30), (5, 36)])
def test_the_ends_of_an_interval_are_where_the_share_lies_1_96_deviations_off(agreeing, total):
    for end in wilson(agreeing, total):
        deviation = (end * (1 - end) / total) ** 0.5
        assert abs(agreeing / total - end) == pytest.approx(1.959964 * deviation, rel=1e-6)


def test_no_records_no_verdict():
    with pytest.raises(ValueError, match="small: no records to judge by"):
        judge(CLAIM, [])
