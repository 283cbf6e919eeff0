"""Claims judged on records: verdicts, tables of them, and what moved since they were stored."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from koopnb.experiments import record
from koopnb.experiments.record import Record
from koopnb.statements import CLAIMS, Claim, group

# What a verdict may depend on, before the seed.
SETTINGS = {"optimizer": "optimizer", "points": "collocation points", "dataset": "data set"}


class Finding(NamedTuple):
    """A claim with the number of every record and the verdict: holds, fails or depends.

    ``on`` says what a verdict depends on: the seed, unless a setting decides.
    """

    claim: Claim
    values: tuple[float, ...]
    agreeing: int
    verdict: str
    on: str = ""


class Comparison(NamedTuple):
    """`compare`'s report: one line a claim or missing record, and how many claims moved."""

    lines: tuple[str, ...]
    moved: int


def judge(claim: Claim, records: Sequence[Record]) -> Finding:
    """Holds if nine tenths of the records agree, fails if at most a tenth do, else depends.

    Raises:
        ValueError: no records.
    """
    if not records:
        raise ValueError(f"{claim.key}: no records to judge by; run the experiment first.")
    values = tuple(_number(claim.measure(one)) for one in records)
    agree = [claim.low <= value <= claim.high for value in values]
    verdict = _decide(agree)
    on = _on_what(agree, records) if verdict == "depends" else ""
    return Finding(claim, values, sum(agree), verdict, on)


def _number(value: Any) -> float:
    """What is no number counts as infinite."""
    return math.inf if math.isnan(float(value)) else float(value)


def _decide(agree: Sequence[bool]) -> str:
    few, agreeing = len(agree) // 10, sum(agree)
    return "holds" if agreeing >= len(agree) - few else "depends" if agreeing > few else "fails"


def _on_what(agree: Sequence[bool], records: Sequence[Record]) -> str:
    """The setting whose every value decides by itself, with what it decides; else what varies."""
    for setting in SETTINGS:
        parts = defaultdict(list)
        for holds, one in zip(agree, records, strict=True):
            parts[str(one.config.get(setting))].append(holds)
        verdicts = {value: _decide(part) for value, part in parts.items()}
        if len(parts) > 1 and "depends" not in verdicts.values():
            where = [value for value, verdict in verdicts.items() if verdict == "holds"]
            return f"{SETTINGS[setting]}: holds for {' and '.join(where)}"
    seeds = {one.config.get("seed") for one in records}
    return "seed" if len(seeds) > 1 else "combination of settings"


def compare(fresh: Path, reference: Path) -> Comparison:
    """Compares every claim on the records of two folders.

    All seeds of a configuration that both folders hold are judged together. A claim has moved
    when its verdict differs, or the median of its numbers by more than its tolerance.

    Raises:
        FileNotFoundError: a folder holds no records, or they share none.
    """
    stored = {path.name: path for path in sorted(reference.glob("*.json"))}
    new = {path.name: path for path in sorted(fresh.glob("*.json"))}
    for folder, found in ((reference, stored), (fresh, new)):
        if not found:
            raise FileNotFoundError(
                f"{folder} holds no records. Write some with: python -m koopnb run mnist "
                f"--records {folder}"
            )
    shared = sorted(stored.keys() & new.keys())
    if not shared:
        raise FileNotFoundError(
            f"{fresh} and {reference} share no configuration. Make fresh records with: "
            f"python -m koopnb run mnist --records {fresh}"
        )
    missing = Counter(_series(name) for name in stored.keys() - new.keys())
    lines = [
        f"not compared: {name}, {number} stored record{'s' * (number > 1)} without a fresh one"
        for name, number in sorted(missing.items())
    ]
    count = 0
    series = defaultdict(list)
    for name in shared:
        series[_series(name)].append(name)
    for name, seeds in series.items():
        both = [[record.load(folder[seed]) for seed in seeds] for folder in (stored, new)]
        for claim in CLAIMS[group(both[0][0])]:
            old, now = (judge(claim, records) for records in both)
            before, after = (statistics.median(finding.values) for finding in (old, now))
            near = _near(before, after, claim.tolerance)
            moved = not claim.timed and (old.verdict != now.verdict or not near)
            count += moved
            bound = "" if math.isinf(claim.tolerance) else f" within a factor {claim.tolerance:g}"
            word = "timed" if claim.timed else "MOVED" if moved else "ok"
            lines.append(
                f"{word}  {name}, {len(seeds)} seed{'s' * (len(seeds) > 1)}  {claim.key} "
                f"({claim.quantity}): expected {before:.3g}{'' if claim.timed else bound}, "
                f"{old.verdict}; found {after:.3g}, {now.verdict}"
            )
    return Comparison(tuple(lines), count)


def _series(name: str) -> str:
    """What the names of a configuration's records share, whatever the seed."""
    return name.rsplit("-seed", 1)[0]


def _near(old: float, now: float, factor: float) -> bool:
    if old == now or math.isinf(factor):
        return True
    return old * now > 0 and 1 / factor <= now / old <= factor


def table(findings: Sequence[Finding]) -> str:
    """A Markdown table: statement, source, number over the records, verdict."""
    rows = [
        f"| {f.claim.statement} | {f.claim.source} | {f.claim.quantity}: {interval(f.values)} "
        f"({bounds(f.claim)}) | {verdict_of(f)} |\n"
        for f in findings
    ]
    return "| Statement | Source | Number | Verdict |\n|---|---|---|---|\n" + "".join(rows)


def ledger(findings: Mapping[str, Sequence[Finding]]) -> str:
    """A Markdown table of the same claims on several data sets, a column each."""
    names = list(findings)
    rows = [
        f"| {same[0].claim.statement} | "
        + " | ".join(f"{verdict_of(f)}; {f.claim.quantity}: {interval(f.values)}" for f in same)
        + " |\n"
        for same in zip(*findings.values(), strict=True)
    ]
    head = "| Statement | " + " | ".join(names) + " |\n|" + "---|" * (1 + len(names)) + "\n"
    return head + "".join(rows)


def verdict_of(finding: Finding) -> str:
    """The verdict, and on how many records it rests."""
    seeds = len(finding.values)
    if seeds == 1:
        return f"**{finding.verdict}**"
    what = f" on the {finding.on}" if finding.on else ""
    return f"**{finding.verdict}**{what}, {finding.agreeing} of {seeds} agree"


def interval(values: Sequence[float]) -> str:
    """Median and range, three digits each."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{low:.3g}" if low == high else f"{middle:.3g} [{low:.3g}, {high:.3g}]"


def bounds(claim: Claim) -> str:
    """From where to where a claim holds."""
    if math.isinf(claim.high):
        return f"holds from {claim.low:.3g}"
    if math.isinf(claim.low):
        return f"holds to {claim.high:.3g}"
    return f"holds from {claim.low:.3g} to {claim.high:.3g}"
