"""The book's ledger: every claim with what was run for it, on three disjoint sets of seeds."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from koopnb import claims
from koopnb.claims import Finding
from koopnb.experiments import series
from koopnb.statements import CLAIMS

# Whose statement a row is, by how its source begins.
AUTHORS = {"report": "The report", "paper": "The paper", "this book": "This book"}


class Entry(NamedTuple):
    """A claim's finding on the seeds that the book shows, and its verdicts on further sets."""

    key: str
    finding: Finding
    ran: str
    repeated: tuple[Finding, ...]

    @property
    def author(self) -> str:
        """Whose statement it is, one of ``AUTHORS``."""
        source = self.finding.claim.source
        return next(name for start, name in AUTHORS.items() if source.startswith(start))

    @property
    def stable(self) -> bool:
        """Whether every further set of seeds gave the same verdict."""
        return all(other.verdict == self.finding.verdict for other in self.repeated)


def entries(folders: Sequence[str | Path]) -> list[Entry]:
    """Every claim judged on the stored records.

    Raises:
        FileNotFoundError: a series without a record of the seeds that the book shows.
    """
    found = []
    for key, group in CLAIMS.items():
        first, *others = (series.stored(key, folders, offset) for offset in series.SETS)
        if not first:
            raise FileNotFoundError(
                f"No record of {key} in {', '.join(map(str, folders))}. Make them with: "
                f"python -m koopnb run {key} --records {folders[-1]}"
            )
        seeds = len({one.config["seed"] for one in first})
        ran = f"{series.SERIES[key].what}; {seeds} seed{'s' * (seeds > 1)}"
        for claim in group:
            again = [] if claim.timed else [claims.judge(claim, each) for each in others if each]
            found.append(Entry(key, claims.judge(claim, first), ran, tuple(again)))
    return found


def table(listed: Sequence[Entry], link: Callable[[str], str]) -> str:
    """The whole ledger as Markdown; ``link`` turns a claim's section into an address."""
    rows = [
        f"| {e.finding.claim.statement} | {e.finding.claim.source} | {e.ran} "
        f"| {e.finding.claim.quantity}: {claims.interval(e.finding.values)} "
        f"| {claims.bounds(e.finding.claim)} | {claims.verdict_of(e.finding)} | {_again(e)} "
        f"| [section]({link(e.finding.claim.section)}) |\n"
        for e in listed
    ]
    head = (
        "Statement", "Source", "What was run", "Number: median and range", "Tolerance", "Verdict",
        "Other seeds", "Where",
    )  # fmt: skip
    return f"| {' | '.join(head)} |\n|{'---|' * len(head)}\n" + "".join(rows)


def short(listed: Sequence[Entry], link: Callable[[str], str]) -> str:
    """Statement, number and verdict alone, each statement linked to its section."""
    rows = [
        f"| [{e.finding.claim.statement}]({link(e.finding.claim.section)}) "
        f"| {e.finding.claim.quantity}: {claims.interval(e.finding.values)} "
        f"| {claims.verdict_of(e.finding)} |\n"
        for e in listed
    ]
    return "| Statement | Number | Verdict |\n|---|---|---|\n" + "".join(rows)


def _again(entry: Entry) -> str:
    """The verdicts on further sets of seeds."""
    if entry.finding.claim.timed:
        return "timed, not repeated"
    if not entry.repeated:
        return "none"
    if entry.stable:
        return f"the same on {len(entry.repeated)} more sets"
    return "; ".join(f"{f.verdict}, {f.agreeing} of {len(f.values)}" for f in entry.repeated)
