"""Two folders of records in, what moved between them out."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from koopnb.evidence.judge import judge
from koopnb.evidence.statements import CLAIMS, Claim
from koopnb.experiments import store
from koopnb.experiments.record import Record, alike


class Comparison(NamedTuple):
    """What a comparison says, a line for each claim or lack, and how many claims moved.

    ``damaged`` counts the files that are no records.
    """

    lines: tuple[str, ...]
    moved: int
    damaged: int = 0


def compare(fresh: Path, reference: Path) -> Comparison:
    """Compares every claim on the records of two folders.

    All seeds of a configuration that both folders hold are judged together. A claim has moved
    when its verdict differs, or the median of its numbers by more than its tolerance. A file that
    is no record is named, and the others are compared.

    Raises:
        FileNotFoundError: a folder holds no records, or they share none.
    """
    (stored, broken), (new, broken_too) = (_records(folder) for folder in (reference, fresh))
    bad = [*broken, *broken_too]
    for folder, found in ((reference, stored), (fresh, new)):
        if not found and not bad:
            raise FileNotFoundError(
                f"{folder} holds no records. Write some with: python -m koopnb run mnist "
                f"--records {folder}"
            )
    shared = sorted(stored.keys() & new.keys())
    if not shared and not bad:
        raise FileNotFoundError(
            f"{fresh} and {reference} share no configuration. Make fresh records with: "
            f"python -m koopnb run mnist --records {fresh}"
        )
    missing = Counter(map(_seedless, stored.keys() - new.keys()))
    lines = [f"damaged: {message}" for message in bad]
    lines += [
        f"not compared: {name}, {number} stored record{'s' * (number > 1)} without a fresh one"
        for name, number in sorted(missing.items())
    ]
    together: dict[str, list[tuple[Record, Record]]] = defaultdict(list)
    for name in shared:
        if _same_run(stored[name], new[name]):
            together[_seedless(name)].append((stored[name], new[name]))
        else:
            lines.append(f"not compared: {name}, which has another revision, session or setting")
    judged = moved = 0
    for name, pairs in together.items():
        for claim in CLAIMS.get(pairs[0][0].series, ()):
            line, has_moved = _compared(claim, name, pairs)
            lines.append(line)
            judged, moved = judged + 1, moved + has_moved
    lines.append(f"{judged} claims compared, {moved} moved")
    return Comparison(tuple(lines), moved, len(bad))


def _records(folder: Path) -> tuple[dict[str, Record], list[str]]:
    """A folder's records by name, and what is wrong with files that are none."""
    found, wrong = {}, []
    for path in store.every(folder):
        try:
            found[store.name_of(path)] = store.load(path)
        except store.Damaged as error:
            wrong.append(str(error))
    return found, wrong


def _seedless(name: str) -> str:
    """What the names of a configuration's records share, whatever the seed."""
    return name.rsplit("seed", 1)[0].rstrip("-/")


def _same_run(one: Record, other: Record) -> bool:
    return (
        one.revision == other.revision
        and one.environment["session"] == other.environment["session"]
        and alike(one.config, other.config)
    )


def _compared(claim: Claim, name: str, pairs: Sequence[tuple[Record, Record]]) -> tuple[str, bool]:
    """A claim's line, and whether it moved."""
    old, now = (judge(claim, records) for records in zip(*pairs, strict=True))
    before, after = (statistics.median(finding.values) for finding in (old, now))
    near = _near(before, after, claim.tolerance)
    moved = not claim.timed and (old.verdict != now.verdict or not near)
    bound = "" if math.isinf(claim.tolerance) else f" within a factor {claim.tolerance:g}"
    word = "timed" if claim.timed else "MOVED" if moved else "same"
    line = (
        f"{word}  {name}, {len(pairs)} seed{'s' * (len(pairs) > 1)}  {claim.key} "
        f"({claim.quantity}): stored {before:.3g}{'' if claim.timed else bound}, "
        f"verdict {old.verdict!r}; fresh {after:.3g}, {now.verdict!r}"
    )
    return line, moved


def _near(old: float, now: float, factor: float) -> bool:
    if old == now or math.isinf(factor):
        return True
    return old * now > 0 and 1 / factor <= now / old <= factor
