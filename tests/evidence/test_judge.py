"""Verdicts, and records that moved."""

import pytest

from koopnb.evidence import judge
from koopnb.experiments import causes, costs, mnist, ode, record, regimes, series

CLAIM = judge.Claim(
    "small",
    "It is small",
    "nobody",
    "page#heading",
    "size",
    lambda one: one.metrics["size"],
    high=1.0,
)  # fmt: skip


def records(*sizes):
    return [
        record.make("mnist", mnist.MnistConfig(seed=seed), {"size": size}, {}, 0.0)
        for seed, size in enumerate(sizes)
    ]


@pytest.mark.parametrize(
    ("sizes", "verdict"),
    [((0.5,), "holds"), ((1.0, 0.1), "holds"), ((2.0,), "fails"), ((0.5, 2.0), "depends"),
     ((float("nan"),), "fails"), (("inf",), "fails"), ((0.5,) * 9 + (2.0,), "holds"),
     ((0.5,) * 8 + (2.0,) * 2, "depends"), ((0.5, *(2.0,) * 9), "fails")],
)  # fmt: skip
def test_verdict(sizes, verdict):
    assert judge.judge(CLAIM, records(*sizes)).verdict == verdict


def test_numbers_that_rounding_carries_over_a_bound_settle_nothing():
    """Two machines gave 1.05 and 1.0454, 1.0511 and 1.0464, by a bound of 1.05."""
    blurred = CLAIM._replace(rounding=0.05)
    found = judge.judge(blurred, records(0.9, 1.01, 0.97, *(2.0,) * 7))
    assert (found.verdict, found.agreeing) == ("depends", 2)
    assert judge.verdict_of(found).startswith("**depends** on the seed, 2 of 10")
    found = judge.judge(blurred, records(0.9, 1.01, 1.02, *(2.0,) * 7))
    assert (found.verdict, found.agreeing) == ("depends", 1)
    assert judge.verdict_of(found).startswith("**depends** on rounding, 1 of 10")
    assert judge.judge(blurred, records(0.9, 1.06, 1.07, *(2.0,) * 7)).verdict == "fails"
    assert judge.judge(blurred, records(*(0.9,) * 8, 1.0, 0.99)).verdict == "depends"
    assert judge.bounds(blurred) == "holds to 1; known to 5%"


def runs(**settings):
    """Records of every value of the settings, a list of agreeing or not for each."""
    rows = [(config, holds) for config, agree in settings.values() for holds in agree]
    return [
        record.make("mnist", mnist.MnistConfig(seed=i, **config), {"size": 2.0 - holds}, {}, 0.0)
        for i, (config, holds) in enumerate(rows)
    ]


def test_a_verdict_is_broken_down_by_setting():
    """Adagrad by itself depends, and must not hide that the optimizer decides."""
    made = runs(
        adam=({"optimizer": "adam"}, [1] * 9),
        sgd=({"optimizer": "sgd"}, [1] * 9),
        adagrad=({"optimizer": "adagrad"}, [1] * 3 + [0] * 6),
    )
    finding = judge.judge(CLAIM, made)
    assert (finding.verdict, finding.on) == ("depends", "optimizer")
    assert judge.verdict_of(finding) == (
        "**depends**, 21 of 27 agree; by optimizer: adam, sgd 9 of 9 [0.70, 1.00] each; "
        "adagrad 3 of 9 [0.12, 0.65]"
    )
    assert judge.numbers(finding) == "adam 1; sgd 1; adagrad 2 [1, 2]"


def test_the_setting_that_explains_most_breaks_a_verdict_down():
    digits, mnist_ = {"dataset": "digits"}, {"dataset": "mnist"}
    adam, sgd = {"optimizer": "adam"}, {"optimizer": "sgd"}
    by_data = runs(
        a=(digits | adam, [1, 1, 1]), b=(digits | sgd, [1, 1, 1]),
        c=(mnist_ | adam, [0, 0, 1]), d=(mnist_ | sgd, [0, 0, 0]),
    )  # fmt: skip
    finding = judge.judge(CLAIM, by_data)
    assert finding.on == "data set"
    assert [part.agreeing for part in finding.parts] == [6, 1]
    by_optimizer = runs(
        a=(digits | adam, [1, 1, 1]), b=(digits | sgd, [0, 0, 0]),
        c=(mnist_ | adam, [1, 1, 1]), d=(mnist_ | sgd, [0, 0, 1]),
    )  # fmt: skip
    assert judge.judge(CLAIM, by_optimizer).on == "optimizer"


def test_a_pooled_verdict_does_not_hide_a_setting_of_another_verdict():
    made = runs(
        adam=({"optimizer": "adam"}, [1] * 18), adagrad=({"optimizer": "adagrad"}, [1, 0])
    )  # fmt: skip
    finding = judge.judge(CLAIM, made)
    assert finding.verdict == "holds"
    assert "19 of 20 agree; by optimizer: adam 18 of 18" in judge.verdict_of(finding)
    same = judge.judge(
        CLAIM,
        runs(adam=({"optimizer": "adam"}, [1] * 2), sgd=({"optimizer": "sgd"}, [1] * 2)),
    )
    assert judge.verdict_of(same) == "**holds**, 4 of 4 [0.51, 1.00] agree"


@pytest.mark.parametrize(
    ("agreeing", "total", "shown"),
    [(27, 30, "27 of 30 [0.74, 0.97]"), (30, 30, "30 of 30 [0.89, 1.00]"),
     (0, 10, "0 of 10 [0.00, 0.28]"), (1, 1, "1 of 1 [0.21, 1.00]")],
)  # fmt: skip
def test_a_share_has_wilsons_interval(agreeing, total, shown):
    assert judge.share(agreeing, total) == shown


@pytest.mark.parametrize(("agreeing", "total"), [(3, 9), (27, 30), (5, 36)])
def test_the_ends_of_an_interval_are_where_the_share_lies_1_96_deviations_off(agreeing, total):
    for end in judge.wilson(agreeing, total):
        deviation = (end * (1 - end) / total) ** 0.5
        assert abs(agreeing / total - end) == pytest.approx(1.959964 * deviation, rel=1e-6)


def test_what_is_timed_has_no_interval():
    finding = judge.judge(CLAIM._replace(timed=True), records(0.5, 0.5))
    assert judge.verdict_of(finding) == "**holds**, 2 of 2 agree"


def test_what_is_proved_is_no_share():
    proved = CLAIM._replace(proved=True)
    finding = judge.judge(proved, records(*[0.5] * 30))
    assert judge.verdict_of(finding) == "**holds**, proved; checked on 30 runs"
    assert judge.verdict_of(judge.judge(proved, records(0.5))) == "**holds**, proved"
    assert "1 of 2 [0.09, 0.91]" in judge.verdict_of(judge.judge(proved, records(0.5, 2.0)))


def test_without_a_tolerance_only_the_verdict_can_move():
    assert judge._near(0.03, -0.02, float("inf"))
    assert judge._near(0.2, 0.0, float("inf"))
    assert not judge._near(0.03, -0.02, 10.0)


def test_the_table_says_on_how_many_seeds_a_verdict_rests():
    finding = judge.judge(CLAIM, records(0.5, 2.0, 3.0))
    assert (finding.agreeing, finding.verdict) == (1, "depends")
    row = "size: 2 [0.5, 3] (holds to 1) | **depends** on the seed, 1 of 3 [0.06, 0.79] agree |"
    assert row in judge.table([finding])
    assert "**holds**" in judge.table([judge.judge(CLAIM, records(0.5))])


def test_records_are_judged_by_the_claims_of_their_part():
    def part(**how):
        return judge.group(record.make("mnist", mnist.protocol(**how), {}, {}, 0.0))

    assert part() == "mnist"
    assert part(arithmetic="paper") == "paper"
    assert part(optimizer="adam") == "optimizers"
    assert judge.group(record.make("costs", costs.CostsConfig(), {}, {}, 0.0)) == "costs"
    assert judge.group(record.make("ode", ode.OdeConfig(), {}, {}, 0.0)) == "ode"
    assert judge.group(record.make("regimes", regimes.RegimesConfig(), {}, {}, 0.0)) == "regimes"
    for part_, key in (("operators", "causes"), ("cutoffs", "cutoffs")):
        made = record.make("causes", causes.CausesConfig(part=part_), {}, {}, 0.0)
        assert judge.group(made) == key
    assert set(judge.CLAIMS) == set(series.SERIES)


def test_seeds_of_a_configuration_are_compared_together(tmp_path, monkeypatch):
    monkeypatch.setitem(judge.CLAIMS, "mnist", (CLAIM,))
    for folder, sizes in (("old", (0.5, 0.6, 0.9)), ("new", (0.9, 0.6, 0.5))):
        for seed, one in enumerate(records(*sizes)):
            record.save(one, mnist.MnistConfig(seed=seed), tmp_path / folder)
    found = judge.compare(tmp_path / "new", tmp_path / "old")
    assert found.moved == 0
    assert found.lines[1:] == ("1 claims compared, 0 moved",)
    assert "3 seeds" in found.lines[0]


def test_no_records_no_verdict():
    with pytest.raises(ValueError, match="small: no records to judge by"):
        judge.judge(CLAIM, [])


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.setitem(judge.CLAIMS, "mnist", (CLAIM,))
    reference, fresh = tmp_path / "results", tmp_path / "fresh"
    record.save(records(0.8)[0], mnist.MnistConfig(seed=0), reference)

    def compare(size):
        record.save(records(size)[0], mnist.MnistConfig(seed=0), fresh)
        return judge.compare(fresh, reference)

    return compare


def test_equal_records_have_not_moved(folders):
    assert folders(0.8).moved == 0
    assert folders(0.9).moved == 0


@pytest.mark.parametrize("size", [1.1, 0.3, -0.8, float("nan")])
def test_a_moved_claim_is_named_with_both_numbers(folders, size):
    found = folders(size)
    assert found.moved == 1
    assert "MOVED" in found.lines[0]
    assert "small (size): stored 0.8 within a factor 1.5, verdict 'holds'; fresh" in found.lines[0]


def test_folders_without_records_are_named(tmp_path, folders):
    with pytest.raises(FileNotFoundError, match="fresh holds no records"):
        judge.compare(tmp_path / "fresh", tmp_path / "results")
    record.save(records(1, 2)[1], mnist.MnistConfig(seed=1), tmp_path / "fresh")
    with pytest.raises(FileNotFoundError, match="share no configuration"):
        judge.compare(tmp_path / "fresh", tmp_path / "results")
