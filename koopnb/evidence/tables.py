"""Findings as Markdown: tables of claims, and the words and numbers in them."""

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence

from koopnb.evidence.claim import Claim
from koopnb.evidence.judge import Finding, decide, wilson


def table(findings: Sequence[Finding]) -> str:
    """A Markdown table: statement, source, number over the records, verdict."""
    rows = [
        f"| {f.claim.statement} | {f.claim.source} | {f.claim.quantity}: {numbers(f)} "
        f"({bounds(f.claim)}) | {verdict_of(f)} |\n"
        for f in findings
    ]
    return "| Statement | Source | Number | Verdict |\n|---|---|---|---|\n" + "".join(rows)


def side_by_side(findings: Mapping[str, Sequence[Finding]]) -> str:
    """A Markdown table of the same claims on several data sets, a column each."""
    names = list(findings)
    rows = [
        f"| {same[0].claim.statement} | "
        + " | ".join(f"{verdict_of(f)}; {f.claim.quantity}: {numbers(f)}" for f in same)
        + " |\n"
        for same in zip(*findings.values(), strict=True)
    ]
    head = "| Statement | " + " | ".join(names) + " |\n|" + "---|" * (1 + len(names)) + "\n"
    return head + "".join(rows)


def verdict_of(finding: Finding) -> str:
    """The verdict and the share that it rests on, setting by setting where settings differ."""
    runs, word = len(finding.values), f"**{finding.verdict}**"
    if runs == 1:
        return f"{word}, proved" if finding.claim.proved else word
    if finding.claim.proved and finding.verdict != "depends":
        return f"{word}, proved; checked on {runs} runs"
    if finding.claim.timed:  # of one machine: no sample of others
        return f"{word}, {finding.agreeing} of {runs} agree"
    if _differ(finding):
        return f"{word}, {finding.agreeing} of {runs} agree; by {finding.on}: {breakdown(finding)}"
    what = " on the seed" if finding.verdict == "depends" else ""
    if what and decide(finding.agreeing, runs) != "depends":
        what = " on rounding"
    return f"{word}{what}, {share(finding.agreeing, runs)} agree"


def _differ(finding: Finding) -> bool:
    """Whether the verdict depends, or is not that of every part by itself."""
    alone = {decide(part.agreeing, len(part.values)) for part in finding.parts}
    return len(finding.parts) > 1 and (finding.verdict == "depends" or alone != {finding.verdict})


def breakdown(finding: Finding) -> str:
    """The share of every part, equal ones together: "adam, sgd 9 of 9 [0.70, 1.00] each"."""
    same = defaultdict(list)
    for part in finding.parts:
        same[part.agreeing, len(part.values)].append(part.value)
    return "; ".join(
        f"{', '.join(names)} {share(*counts)}{' each' if len(names) > 1 else ''}"
        for counts, names in same.items()
    )


def share(agreeing: int, total: int) -> str:
    """A share with its interval of 95%: "27 of 30 [0.74, 0.97]"."""
    low, high = wilson(agreeing, total)
    return f"{agreeing} of {total} [{low:.2f}, {high:.2f}]"


def numbers(finding: Finding) -> str:
    """Median and range, for every part by itself where settings differ."""
    if not finding.parts:
        return interval(finding.values)
    return "; ".join(f"{part.value} {interval(part.values)}" for part in finding.parts)


def interval(values: Sequence[float]) -> str:
    """Median and range, three digits each."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{low:.3g}" if low == high else f"{middle:.3g} [{low:.3g}, {high:.3g}]"


def bounds(claim: Claim) -> str:
    """From where to where a claim holds, and how well its number is known."""
    known = f"; known to {claim.rounding:.0%}" if claim.rounding else ""
    if math.isinf(claim.high):
        return f"holds from {claim.low:.3g}{known}"
    if math.isinf(claim.low):
        return f"holds to {claim.high:.3g}{known}"
    return f"holds from {claim.low:.3g} to {claim.high:.3g}{known}"
