"""Chapter 13 on made findings: every row, share and median is that of its finding."""

import matplotlib.pyplot as plt
import pytest

from koopnb.chapters import verdict
from koopnb.evidence import judge, ledger, tables
from koopnb.evidence.claim import Claim
from koopnb.evidence.statements import CLAIMS
from koopnb.experiments.record import Record


def entry(key, claim, values, *, settings=None, sets=1):
    """A claim judged on made numbers, the same in every set of seeds; ``settings``: optimizers."""
    settings = settings or ["one"] * len(values)
    records = [
        Record(key, {"seed": seed, "optimizer": setting}, {"it": value}, {}, {})
        for seed, (value, setting) in enumerate(zip(values, settings, strict=True))
    ]
    finding = judge.judge(claim._replace(measure=lambda one: one.metrics["it"]), records)
    return ledger.Entry(key, finding, "runs", (finding,) * sets)


def claim(**how):
    fields = {"key": "small", "statement": "It is small", "source": "report", "high": 1.0} | how
    return Claim(section="01-page#here", quantity="size", measure=len, **fields)


@pytest.fixture(autouse=True)
def figures_are_closed():
    yield
    plt.close("all")


LISTED = [
    entry("theory", claim(), [0.5, 0.5, 2.0, 2.0]),
    entry("theory", claim(statement="It is exact", proved=True), [0.5]),
    entry("costs", claim(statement="It is fast", source="paper", timed=True), [3.0]),
    entry(
        "optimizers", claim(statement="It never grows", source="paper"),
        [0.5, 0.5, 2.0, 2.0], settings=["adam", "adam", "sgd", "sgd"],
    ),
    entry("regimes", claim(statement="It is new", source="this book"), [0.5]),
]  # fmt: skip


def test_a_glance_shows_every_verdict_on_the_report_and_the_paper():
    plate = verdict.glance(LISTED)
    words = [text.get_text() for text in plate.figure.axes[0].texts]
    assert words == [
        "The report", "depends", "It is small", "proved", "holds", "It is exact",
        "The paper", "timed", "fails", "It is fast", "depends", "It never grows",
    ]  # fmt: skip
    assert "Of the report's 2 statements 1 count as holding, 1 as depending, 0 as failing." in (
        plate.caption
    )
    assert "Of the paper's 2 statements 0 count as holding, 1 as depending, 1 as failing." in (
        plate.alt
    )


def test_a_glance_marks_shares_their_interval_and_their_parts():
    small, never = LISTED[0].finding, LISTED[3].finding
    lines = verdict.glance(LISTED).figure.axes[0].lines
    band, mark, *parts, whole = lines
    assert tuple(band.get_xdata()) == judge.wilson(small.agreeing, 4)
    assert list(mark.get_xdata()) == list(whole.get_xdata()) == [0.5]
    assert list(mark.get_ydata()) == [1]
    assert list(whole.get_ydata()) == [5]
    assert [list(line.get_xdata()) for line in parts] == [[1.0], [0.0]]
    assert len(never.parts) == 2


def test_a_long_statement_is_broken_into_lines():
    long = entry("theory", claim(statement="word " * 20), [0.5])
    texts = verdict.glance([long]).figure.axes[0].texts
    assert max(len(line) for line in texts[-2].get_text().splitlines()) <= 60
    assert "\n" in texts[-2].get_text()


def test_statements_are_one_authors_and_lead_to_their_sections():
    table = verdict.statements(LISTED, "The paper")
    assert "It is fast" in table
    assert "It is small" not in table
    assert "[section](01-page.ipynb#here)" in table


def every_claim(value):
    return [entry(key, claim, [value] * 3) for key, claims in CLAIMS.items() for claim in claims]


def test_answers_have_the_median_of_every_claim():
    text = verdict.answers(every_claim(0.125))
    assert "node operators keep 0.12 of the rise" in text
    assert "in factors it costs 0.12 times" in text
    assert text.count("**") == 2 * 5
    assert "0.38" in verdict.answers(every_claim(0.375))


def test_answers_have_the_shares_that_agree_and_those_that_do_not():
    listed = every_claim(0.125)
    place = next(i for i, one in enumerate(listed) if one.finding.claim.key == "node-useful")
    useful = listed[place].finding.claim
    listed[place] = entry("ode", useful, [1.0, 0.5], settings=["adam", "sgd"])
    text = verdict.answers(listed)
    assert "lower the loss by a tenth in 1 of 2 trainings (by optimizer: sgd 1 of 1" in text
    assert "adam 0 of 1" in text
    agreeing = next(
        one.finding.agreeing for one in listed if one.finding.claim.key == "node-comparable"
    )
    assert f"are as accurate on {tables.share(agreeing, 3)} seeds and layer" in text


def test_sets_that_disagree_are_listed():
    same = entry("theory", claim(), [0.5] * 10, sets=3)
    assert verdict.set_by_set([same, LISTED[0]]) == (
        "1 statements were judged on 3 disjoint sets of seeds. "
        "For 1 of them each set alone gives the verdict of all together."
    )
    other = entry("theory", claim(), [2.0] * 10).finding
    parted = same._replace(sets=(same.finding, other))
    assert verdict.set_by_set([parted]).endswith(
        "- It is small: holds (10 of 10), fails (0 of 10).\n"
    )
