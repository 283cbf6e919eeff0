"""Generated parts of the prose pages: status, landing page, erratum, effort."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from koopnb.evidence import ledger
from koopnb.experiments import environment, series
from koopnb.publish.contents import Chapter


def write(root: Path, folder: Path, made: Mapping[Chapter, dict[str, Any]]) -> None:
    """Writes every generated part into a folder of the book's sources."""
    folder.mkdir(exist_ok=True)
    listed = ledger.entries([root / "results"])
    (folder / "status.md").write_text(status(made))
    (folder / "summary.md").write_text(summary(listed))
    (folder / "effort.md").write_text(effort(root))
    (folder / "erratum.md").write_text(erratum(root, listed))


def status(made: Mapping[Chapter, dict[str, Any]]) -> str:
    """When, where and how long: each page as it was executed, then this build."""
    head = ("Page", "Time to execute", "Executed", "Processor", "JAX")
    rows = []
    for chapter, of in made.items():
        stamp = of["environment"]
        where = f"{stamp['cpu']}, {stamp['cores']} cores"
        jax = f"{stamp['packages']['jax']} on {stamp['backend']}"
        rows.append((chapter.name, f"{of['seconds']:.0f} s", stamp["date"][:10], where, jax))
    stamp = environment.stamp()
    precision = (
        f"64-bit default {'on' if stamp['session']['float64'] else 'off'}, "
        f"matrix products at {stamp['session']['matmul']} precision"
    )
    facts = {
        "Built": stamp["date"],
        "Platform": stamp["platform"],
        "Precision": precision,
        "Python": stamp["python"],
    } | stamp["packages"]
    return f"{_table(head, rows)}\n{_table(('Environment', 'Value'), facts.items())}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [tuple(head), *(tuple(row) for row in rows)]
    lines.insert(1, ("---",) * len(lines[0]))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def summary(listed: Sequence[ledger.Entry]) -> str:
    """The verdicts on the report and on the paper, for the landing page."""
    parts = []
    for author in ("The report", "The paper"):
        own = [entry for entry in listed if entry.author == author]
        heading = f"**{author}**\n\n" + _tally(own)
        parts.append(f"{heading}\n\n" + ledger.short(own, lambda to: f"notebooks/{_address(to)}"))
    return "\n".join(parts)


def erratum(root: Path, listed: Sequence[ledger.Entry]) -> str:
    """What the operators of an earlier version had made of the same statements."""
    before = json.loads((root / "book" / "erratum.json").read_text())
    return ledger.moved(before, listed)


def effort(root: Path) -> str:
    """How long the first set of every series took to make."""
    rows = []
    for name, one in series.SERIES.items():
        found = series.stored(name, [root / "results"])
        minutes = sum(each.environment["seconds"] for each in found) / 60
        rows.append((f"`{name}`", one.what, str(len(found)), f"{minutes:.1f} min"))
    return _table(("Series", "Runs", "Records", "Time on two cores"), rows)


def _tally(listed: list[ledger.Entry]) -> str:
    counts = Counter(entry.finding.verdict for entry in listed)
    return (
        f"{len(listed)} statements: {counts['holds']} verdicts *holds*, "
        f"{counts['depends']} *depends*, {counts['fails']} *fails*."
    )


def _address(section: str) -> str:
    """A page's file and heading, as links in a chapter and on the landing page name them."""
    page, _, heading = section.partition("#")
    return f"{page}.ipynb#{heading}"
