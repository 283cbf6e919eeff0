"""The book's ledger: every claim with what was run for it, on three disjoint sets of seeds."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from koopnb.evidence import tables
from koopnb.evidence.judge import Finding, judge
from koopnb.evidence.statements import CLAIMS
from koopnb.experiments import series

# Whose statement a row is, by how its source begins.
AUTHORS = {"report": "The report", "paper": "The paper", "this book": "This book"}


class Entry(NamedTuple):
    """A claim's finding on all seeds together, and on each of the disjoint sets of them."""

    key: str
    finding: Finding
    ran: str
    sets: tuple[Finding, ...]

    @property
    def author(self) -> str:
        """Whose statement it is, one of ``AUTHORS``."""
        source = self.finding.claim.source
        return next(name for start, name in AUTHORS.items() if source.startswith(start))

    @property
    def stable(self) -> bool:
        """Whether every set of seeds by itself gives the verdict of all together."""
        return all(one.verdict == self.finding.verdict for one in self.sets)


def entries(folders: Sequence[str | Path]) -> list[Entry]:
    """Every claim judged on the stored records.

    Raises:
        FileNotFoundError: a series without all records of its first set of seeds. Further sets
            count where they are whole.
    """
    return [entry for key in CLAIMS for entry in judged(key, folders)]


def judged(key: str, folders: Sequence[str | Path]) -> list[Entry]:
    """`entries` of one key of ``CLAIMS``."""
    sets = [series.stored(key, folders, offset) for offset in series.SETS]
    needed = len(series.jobs(key))
    if len(sets[0]) < needed:
        raise FileNotFoundError(
            f"{', '.join(map(str, folders))} holds {len(sets[0])} of the {needed} records of "
            f"{key}. Make them with: python -m koopnb run {key} --records {folders[-1]}"
        )
    whole = len(sets[0])
    sets = [records for records in sets if len(records) == whole]
    pooled = [one for records in sets for one in records]
    seeds = len({one.config["seed"] for one in pooled})
    ran = f"{series.SERIES[key].what}; {seeds} seed{'s' * (seeds > 1)}"
    found = []
    for claim in CLAIMS[key]:
        each = tuple(judge(claim, records) for records in sets)
        found.append(Entry(key, judge(claim, pooled), ran, each))
    return found


def of_page(page: str) -> list[Finding]:
    """The findings that a page of the book shows, on all seeds; what is not stored is run."""
    found = []
    for key, group in CLAIMS.items():
        shown = [claim.key for claim in group if claim.section.split("#")[0] == page]
        if shown:
            series.obtain(key)
            entries_of_key = judged(key, series.folders())
            found += [e.finding for e in entries_of_key if e.finding.claim.key in shown]
    return found


def table(listed: Sequence[Entry], link: Callable[[str], str]) -> str:
    """The whole ledger as Markdown; ``link`` turns a claim's section into an address."""
    rows = [
        f"| {e.finding.claim.statement} | {e.finding.claim.source} | {e.ran} "
        f"| {e.finding.claim.quantity}: {tables.numbers(e.finding)} "
        f"| {tables.bounds(e.finding.claim)} | {tables.verdict_of(e.finding)} | {_by_set(e)} "
        f"| [section]({link(e.finding.claim.section)}) |\n"
        for e in listed
    ]
    head = (
        "Statement", "Source", "What was run", "Number: median and range", "Tolerance", "Verdict",
        "Set by set", "Where",
    )  # fmt: skip
    return f"| {' | '.join(head)} |\n|{'---|' * len(head)}\n" + "".join(rows)


def short(listed: Sequence[Entry], link: Callable[[str], str]) -> str:
    """Statement, number and verdict alone, each statement linked to its section."""
    rows = [
        f"| [{e.finding.claim.statement}]({link(e.finding.claim.section)}) "
        f"| {e.finding.claim.quantity}: {tables.numbers(e.finding)} "
        f"| {tables.verdict_of(e.finding)} |\n"
        for e in listed
    ]
    return "| Statement | Number | Verdict |\n|---|---|---|\n" + "".join(rows)


def moved(before: Mapping[str, Mapping[str, Any]], listed: Sequence[Entry]) -> str:
    """Earlier verdicts beside those of today, as Markdown, where either differs in a digit.

    ``before`` maps "series/claim" to its statement, median, verdict and counts of that time.
    Claims that are gone since then stand at the end.
    """
    now = {f"{entry.key}/{entry.finding.claim.key}": entry.finding for entry in listed}
    rows, gone = [], []
    for key, old in before.items():
        was = f"{float(old['median']):.3g}; {old['verdict']}, {old['agreeing']} of {old['runs']}"
        if key not in now:
            gone.append(f"| {old['statement']} | {was} | judged no more |\n")
            continue
        finding = now[key]
        middle = f"{statistics.median(finding.values):.3g}"
        here = f"{middle}; {finding.verdict}, {finding.agreeing} of {len(finding.values)}"
        if here != was:
            mark = f"**{here}**" if finding.verdict != old["verdict"] else here
            rows.append(f"| {finding.claim.statement} | {was} | {mark} |\n")
    return "| Statement | Before | Now |\n|---|---|---|\n" + "".join(rows + gone)


def _by_set(entry: Entry) -> str:
    """The verdict of every set of seeds by itself."""
    if len(entry.sets) == 1:
        return "timed once" if entry.finding.claim.timed else "one set"
    if entry.stable:
        return f"the same on all {len(entry.sets)}"
    return ", ".join(f"{one.verdict} ({one.agreeing} of {len(one.values)})" for one in entry.sets)
