"""A claim and records in, a finding out: its numbers, and whether it holds, fails or depends."""

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from koopnb.checks import Refusal
from koopnb.evidence.claim import Claim
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


def judge(claim: Claim, records: Sequence[Record]) -> Finding:
    """Holds if nine tenths of the records agree, fails if at most a tenth do, else depends.

    It depends, too, where numbers lie so near a bound that rounding decides; see ``Claim``.

    Raises:
        Refusal: no records.
    """
    if not records:
        raise Refusal(f"{claim.key}: no records to judge by; run the experiment first.")
    values = tuple(_number(claim.measure(one)) for one in records)
    agree = [claim.low <= value <= claim.high for value in values]
    doubtful = [_at_bound(claim, value) for value in values]
    least = sum(yes and not near for yes, near in zip(agree, doubtful, strict=True))
    most = sum(yes or near for yes, near in zip(agree, doubtful, strict=True))
    possible = {decide(least, len(agree)), decide(most, len(agree))}
    verdict = possible.pop() if len(possible) == 1 else "depends"
    return Finding(claim, values, sum(agree), verdict, *_split(values, agree, records))


def decide(agreeing: int, total: int) -> str:
    """The verdict on so many records of which so many agree, rounding left aside."""
    few = total // 10
    return "holds" if agreeing >= total - few else "depends" if agreeing > few else "fails"


def wilson(agreeing: int, total: int) -> tuple[float, float]:
    """The interval of 95% for the share in a population of which ``total`` runs are a sample.

    Source: Wilson, J. Am. Stat. Assoc. 22 (1927), 209-212.
    """
    part, extra = agreeing / total, SIGMAS**2 / total
    middle = (part + extra / 2) / (1 + extra)
    half = math.sqrt(part * (1 - part) * extra + extra**2 / 4) / (1 + extra)
    return max(0.0, middle - half), min(1.0, middle + half)


def _number(value: Any) -> float:
    """What is no number counts as infinite."""
    return math.inf if math.isnan(float(value)) else float(value)


def _at_bound(claim: Claim, value: float) -> bool:
    """Whether rounding could carry a number over a bound of its claim."""
    finite = [bound for bound in (claim.low, claim.high) if math.isfinite(bound)]
    return any(abs(value - bound) < claim.rounding * abs(bound) for bound in finite)


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
