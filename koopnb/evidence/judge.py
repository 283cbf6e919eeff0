"""Claims judged on records: verdicts, tables of them, and what moved since they were stored."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from koopnb.evidence.statements import CLAIMS, Claim, group
from koopnb.experiments import record
from koopnb.experiments.record import Record

# What records of one claim may differ in, besides the seed.
SETTINGS = {"optimizer": "optimizer", "points": "collocation points", "dataset": "data set"}
SIGMAS = statistics.NormalDist().inv_cdf(0.975)  # of an interval of 95%


class Part(NamedTuple):
    """The records that share one value of a setting."""

    value: str
    values: tuple[float, ...]
    agreeing: int


class Finding(NamedTuple):
    """A claim with the number of every record and the verdict: holds, fails or depends.

    Where settings vary, ``parts`` splits the records by the one that tells most, named by ``on``.
    """

    claim: Claim
    values: tuple[float, ...]
    agreeing: int
    verdict: str
    on: str = "seed"
    parts: tuple[Part, ...] = ()


class Comparison(NamedTuple):
    """`compare`'s report: one line a claim or missing record, and how many claims moved."""

    lines: tuple[str, ...]
    moved: int


def judge(claim: Claim, records: Sequence[Record]) -> Finding:
    """Holds if nine tenths of the records agree, fails if at most a tenth do, else depends.

    It depends, too, where numbers lie so near a bound that rounding decides; see ``Claim``.

    Raises:
        ValueError: no records.
    """
    if not records:
        raise ValueError(f"{claim.key}: no records to judge by; run the experiment first.")
    values = tuple(_number(claim.measure(one)) for one in records)
    agree = [claim.low <= value <= claim.high for value in values]
    doubtful = [_at_bound(claim, value) for value in values]
    least = sum(yes and not near for yes, near in zip(agree, doubtful, strict=True))
    most = sum(yes or near for yes, near in zip(agree, doubtful, strict=True))
    possible = {_decide(least, len(agree)), _decide(most, len(agree))}
    verdict = possible.pop() if len(possible) == 1 else "depends"
    return Finding(claim, values, sum(agree), verdict, *_split(values, agree, records))


def _number(value: Any) -> float:
    """What is no number counts as infinite."""
    return math.inf if math.isnan(float(value)) else float(value)


def _at_bound(claim: Claim, value: float) -> bool:
    """Whether rounding could carry a number over a bound of its claim."""
    finite = [bound for bound in (claim.low, claim.high) if math.isfinite(bound)]
    return any(abs(value - bound) < claim.rounding * abs(bound) for bound in finite)


def _decide(agreeing: int, total: int) -> str:
    few = total // 10
    return "holds" if agreeing >= total - few else "depends" if agreeing > few else "fails"


def _split(
    values: Sequence[float], agree: Sequence[bool], records: Sequence[Record]
) -> tuple[str, tuple[Part, ...]]:
    """The setting that tells most about who agrees, and the records by its values.

    Where all settings tell the same of that, the numbers' order decides.
    """
    numbers = [*map(int, agree)], [sum(other < value for other in values) for value in values]
    found = []
    for setting, name in SETTINGS.items():
        parts = defaultdict(list)
        for i, one in enumerate(records):
            parts[str(one.config.get(setting))].append(i)
        if len(parts) > 1:
            found.append(([_told(of, [*parts.values()]) for of in numbers], name, parts))
    if not found:
        return "seed", ()
    _, name, parts = max(found, key=lambda one: one[0])
    made = [
        Part(key, tuple(values[i] for i in part), sum(agree[i] for i in part))
        for key, part in sorted(parts.items())
    ]
    return name, tuple(sorted(made, key=lambda part: -part.agreeing / len(part.values)))


def _told(numbers: Sequence[float], parts: Sequence[Sequence[int]]) -> float:
    """The share of the variance that the parts explain, adjusted for how many they are."""
    free, total = len(numbers) - len(parts), statistics.variance(numbers)
    if not free or not total:
        return 0.0
    inside = sum(statistics.pvariance([numbers[i] for i in part]) * len(part) for part in parts)
    return 1 - inside / free / total


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
    judged = count = 0
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
            word = "timed" if claim.timed else "MOVED" if moved else "same"
            lines.append(
                f"{word}  {name}, {len(seeds)} seed{'s' * (len(seeds) > 1)}  {claim.key} "
                f"({claim.quantity}): stored {before:.3g}{'' if claim.timed else bound}, "
                f"verdict {old.verdict!r}; fresh {after:.3g}, {now.verdict!r}"
            )
            judged += 1
    lines.append(f"{judged} claims compared, {count} moved")
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
        f"| {f.claim.statement} | {f.claim.source} | {f.claim.quantity}: {numbers(f)} "
        f"({bounds(f.claim)}) | {verdict_of(f)} |\n"
        for f in findings
    ]
    return "| Statement | Source | Number | Verdict |\n|---|---|---|---|\n" + "".join(rows)


def ledger(findings: Mapping[str, Sequence[Finding]]) -> str:
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
    if what and _decide(finding.agreeing, runs) != "depends":
        what = " on rounding"
    return f"{word}{what}, {share(finding.agreeing, runs)} agree"


def _differ(finding: Finding) -> bool:
    """Whether the verdict depends, or is not that of every part by itself."""
    alone = {_decide(part.agreeing, len(part.values)) for part in finding.parts}
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


def wilson(agreeing: int, total: int) -> tuple[float, float]:
    """The interval of 95% for the share in a population of which ``total`` runs are a sample.

    Source: Wilson, J. Am. Stat. Assoc. 22 (1927), 209-212.
    """
    part, extra = agreeing / total, SIGMAS**2 / total
    middle = (part + extra / 2) / (1 + extra)
    half = math.sqrt(part * (1 - part) * extra + extra**2 / 4) / (1 + extra)
    return max(0.0, middle - half), min(1.0, middle + half)


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
