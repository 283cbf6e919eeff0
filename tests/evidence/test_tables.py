"""How findings are written: words, numbers and tables."""

import pytest
from support.records import CLAIM, runs, sized

from koopnb.evidence import tables
from koopnb.evidence.judge import judge


def test_a_verdict_is_broken_down_by_setting():
    """Adagrad by itself depends, and must not hide that the optimizer decides."""
    made = runs(
        adam=({"optimizer": "adam"}, [1] * 9),
        sgd=({"optimizer": "sgd"}, [1] * 9),
        adagrad=({"optimizer": "adagrad"}, [1] * 3 + [0] * 6),
    )
    finding = judge(CLAIM, made)
    assert (finding.verdict, finding.on) == ("depends", "optimizer")
    assert tables.verdict_of(finding) == (
        "**depends**, 21 of 27 agree; by optimizer: adam, sgd 9 of 9 [0.70, 1.00] each; "
        "adagrad 3 of 9 [0.12, 0.65]"
    )
    assert tables.numbers(finding) == "adam 1; sgd 1; adagrad 2 [1, 2]"


def test_a_pooled_verdict_does_not_hide_a_setting_of_another_verdict():
    made = runs(
        adam=({"optimizer": "adam"}, [1] * 18), adagrad=({"optimizer": "adagrad"}, [1, 0])
    )  # fmt: skip
    finding = judge(CLAIM, made)
    assert finding.verdict == "holds"
    assert "19 of 20 agree; by optimizer: adam 18 of 18" in tables.verdict_of(finding)
    same = judge(
        CLAIM,
        runs(adam=({"optimizer": "adam"}, [1] * 2), sgd=({"optimizer": "sgd"}, [1] * 2)),
    )
    assert tables.verdict_of(same) == "**holds**, 4 of 4 [0.51, 1.00] agree"


@pytest.mark.parametrize(
    ("agreeing", "total", "shown"),
    [(27, 30, "27 of 30 [0.74, 0.97]"), (30, 30, "30 of 30 [0.89, 1.00]"),
     (0, 10, "0 of 10 [0.00, 0.28]"), (1, 1, "1 of 1 [0.21, 1.00]")],
)  # fmt: skip
def test_a_share_has_wilsons_interval(agreeing, total, shown):
    assert tables.share(agreeing, total) == shown


def test_what_is_timed_has_no_interval():
    finding = judge(CLAIM._replace(timed=True), sized(0.5, 0.5))
    assert tables.verdict_of(finding) == "**holds**, 2 of 2 agree"


def test_what_is_proved_is_no_share():
    proved = CLAIM._replace(proved=True)
    finding = judge(proved, sized(*[0.5] * 30))
    assert tables.verdict_of(finding) == "**holds**, proved; checked on 30 runs"
    assert tables.verdict_of(judge(proved, sized(0.5))) == "**holds**, proved"
    assert "1 of 2 [0.09, 0.91]" in tables.verdict_of(judge(proved, sized(0.5, 2.0)))


def test_the_table_says_on_how_many_seeds_a_verdict_rests():
    finding = judge(CLAIM, sized(0.5, 2.0, 3.0))
    assert (finding.agreeing, finding.verdict) == (1, "depends")
    row = "size: 2 [0.5, 3] (holds to 1) | **depends** on the seed, 1 of 3 [0.06, 0.79] agree |"
    assert row in tables.table([finding])
    assert "**holds**" in tables.table([judge(CLAIM, sized(0.5))])
