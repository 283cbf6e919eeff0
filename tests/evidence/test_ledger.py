"""The ledger: what is pooled, what is compared set by set, where a row leads."""

import re
import statistics
from pathlib import Path

import pytest

from koopnb.evidence import ledger
from koopnb.evidence.claim import Claim
from koopnb.evidence.judge import Finding
from koopnb.evidence.statements import CLAIMS
from koopnb.experiments import record, series, store, theory

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
RESULTS = Path(__file__).parents[2] / "results"
EVERY = [(key, claim) for key, group in CLAIMS.items() for claim in group]


def claim(**how):
    fields = {"high": 1.0, "source": "report, figure 1"} | how
    return Claim(
        key="small", statement="It is small", section="01-page#a-section", quantity="size",
        measure=lambda one: one.metrics["size"], **fields,
    )  # fmt: skip


def save(folder, sizes):
    for seed, size in sizes.items():
        config = theory.TheoryConfig(seed)
        made = record.make("theory", config, {"size": size}, {}, 0.0)
        store.save(made, theory.SERIES[0].path(config, folder))


@pytest.fixture
def only(monkeypatch):
    def use(one):
        monkeypatch.setattr(ledger, "CLAIMS", {"theory": (one,)})

    return use


@pytest.mark.parametrize(
    ("second", "stable", "shown"),
    [(0.5, True, "the same on all 2"), (2.0, False, "holds (10 of 10), fails (0 of 10)")],
)
def test_sets_are_pooled_and_compared(tmp_path, only, second, stable, shown):
    only(claim())
    save(tmp_path, dict.fromkeys(range(10), 0.5) | dict.fromkeys(range(10, 20), second))
    (entry,) = ledger.entries([tmp_path])
    assert len(entry.finding.values) == 20
    assert [len(one.values) for one in entry.sets] == [10, 10]
    assert entry.finding.verdict == ("holds" if stable else "depends")
    assert entry.stable == stable
    assert entry.ran == "systems whose answers are known; 20 seeds"
    table = ledger.table([entry], lambda section: section.replace("#", ".html#"))
    assert f"| {shown} | [section](01-page.html#a-section) |" in table
    row = ledger.short([entry], str).splitlines()[-1]
    assert row.startswith("| [It is small](01-page#a-section) | size: ")


def test_a_timed_claim_is_not_said_to_be_repeated(tmp_path, only):
    only(claim(timed=True))
    save(tmp_path, dict.fromkeys(range(10), 0.5))
    assert "| timed once |" in ledger.table(ledger.entries([tmp_path]), str)


def test_without_records_it_says_how_to_make_them(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds 0 of the 10 records of mnist"):
        ledger.entries([tmp_path])


@pytest.mark.parametrize(("key", "one"), EVERY, ids=lambda value: getattr(value, "key", value))
def test_every_claim_has_an_author_and_leads_to_a_heading(key, one):
    entry = ledger.Entry(key, Finding(one, (1.0,), 1, "holds"), "", ())
    assert entry.author in ledger.AUTHORS.values()
    page, heading = one.section.split("#")
    titles = re.findall(r"^## (.+)$", (NOTEBOOKS / f"{page}.md").read_text(), re.MULTILINE)
    slugs = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
    assert heading in slugs, f"{page} has {slugs}"


def test_the_committed_records_are_whole():
    """All seeds that the book shows."""
    folder = [NOTEBOOKS.parent / "results"]
    for name, one in series.SERIES.items():
        found = series.stored(name, folder)
        assert len(found) == len(series.jobs(name, one.seeds)), name


def test_an_erratum_shows_what_moved_and_what_is_gone():
    """A number that stays the same is not listed; a verdict that moves is in bold."""
    listed = ledger.entries([RESULTS])
    entry = next(e for e in listed if not e.finding.claim.timed)
    finding = entry.finding
    old = {
        "statement": "as it was called",
        "median": str(float(f"{statistics.median(finding.values):.3g}")),
        "verdict": finding.verdict,
        "agreeing": finding.agreeing,
        "runs": len(finding.values),
    }
    key = f"{entry.key}/{finding.claim.key}"
    assert finding.claim.statement not in ledger.moved({key: old}, listed)
    other = "fails" if finding.verdict != "fails" else "holds"
    assert f"; {finding.verdict}, " in ledger.moved({key: old | {"verdict": other}}, listed)
    assert "**" in ledger.moved({key: old | {"verdict": other}}, listed)
    assert "as it was called | " in ledger.moved({"mnist/none": old}, listed)
    assert "judged no more" in ledger.moved({"mnist/none": old}, listed)


def test_a_page_shows_its_own_claims_from_every_series(tmp_path, monkeypatch):
    """Also of a series that has claims of other pages; a page without claims has no findings."""
    here = claim()
    elsewhere = here._replace(key="elsewhere", section="02-page#a-section")
    monkeypatch.setattr(ledger, "CLAIMS", {"theory": (elsewhere, here), "inertia": (elsewhere,)})
    monkeypatch.setattr(series, "folders", lambda: [tmp_path])
    save(tmp_path, dict.fromkeys(range(20), 0.5))
    (finding,) = ledger.of_page("01-page")
    assert finding.claim == here
    assert len(finding.values) == 20
    assert ledger.of_page("03-page") == []
