"""Claims: a statement, its source, the number that decides it, and the verdict on records."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from koopnb.experiments import ode, record
from koopnb.experiments.record import Record


class Claim(NamedTuple):
    """A statement that one number a record decides.

    ``low <= measure(record) <= high`` says that it holds for that record. ``tolerance`` is
    the factor by which the number may differ between two machines: training amplifies
    rounding, so numbers move where verdicts must not. The numbers of a ``timed`` claim
    belong to a machine: they are shown, and never counted as moved.
    """

    key: str
    statement: str
    source: str
    quantity: str
    measure: Callable[[Record], float]
    low: float = -math.inf
    high: float = math.inf
    tolerance: float = 1.5
    timed: bool = False


class Finding(NamedTuple):
    """A claim with the number of every record and the verdict: holds, fails or depends."""

    claim: Claim
    values: tuple[float, ...]
    verdict: str


class Comparison(NamedTuple):
    """`compare`'s report: one line a claim or missing record, and how many claims moved."""

    lines: tuple[str, ...]
    moved: int


def judge(claim: Claim, records: Sequence[Record]) -> Finding:
    """Holds if every record agrees, fails if none does, depends otherwise.

    Raises:
        ValueError: no records.
    """
    if not records:
        raise ValueError(f"{claim.key}: no records to judge by; run the experiment first.")
    values = tuple(float(claim.measure(one)) for one in records)
    agreeing = sum(claim.low <= value <= claim.high for value in values)
    verdict = "holds" if agreeing == len(values) else "depends" if agreeing else "fails"
    return Finding(claim, values, verdict)


def compare(fresh: Path, reference: Path) -> Comparison:
    """Compares every claim on the records of two folders.

    A record is compared with the one of the same configuration. A claim has moved when its
    verdict differs, or its number by more than its tolerance.

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
            f"{fresh} and {reference} share no configuration; run one of: {', '.join(stored)}."
        )
    lines = [
        f"not compared: {name} has no fresh record" for name in sorted(stored.keys() - new.keys())
    ]
    count = 0
    for name in shared:
        old_record, new_record = record.load(stored[name]), record.load(new[name])
        for claim in CLAIMS[old_record.experiment]:
            old, now = (judge(claim, [one]) for one in (old_record, new_record))
            near = _near(old.values[0], now.values[0], claim.tolerance)
            moved = not claim.timed and (old.verdict != now.verdict or not near)
            count += moved
            bound = "" if math.isinf(claim.tolerance) else f" within a factor {claim.tolerance:g}"
            word = "timed" if claim.timed else "MOVED" if moved else "ok"
            lines.append(
                f"{word}  {name}  {claim.key} ({claim.quantity}): expected "
                f"{old.values[0]:.3g}{'' if claim.timed else bound}, {old.verdict}; found "
                f"{now.values[0]:.3g}, {now.verdict}"
            )
    return Comparison(tuple(lines), count)


def _near(old: float, now: float, factor: float) -> bool:
    if old == now:
        return True
    return old * now > 0 and 1 / factor <= now / old <= factor


def table(findings: Sequence[Finding]) -> str:
    """A Markdown table: statement, source, number over the records, verdict."""
    rows = [
        f"| {f.claim.statement} | {f.claim.source} | {f.claim.quantity}: {_range(f.values)} "
        f"({_bounds(f.claim)}) | **{f.verdict}** |\n"
        for f in findings
    ]
    return "| Statement | Source | Number | Verdict |\n|---|---|---|---|\n" + "".join(rows)


def ledger(findings: Mapping[str, Sequence[Finding]]) -> str:
    """A Markdown table of the same claims on several data sets, a column each."""
    names = list(findings)
    rows = [
        f"| {same[0].claim.statement} | "
        + " | ".join(f"**{f.verdict}** ({f.claim.quantity}: {_range(f.values)})" for f in same)
        + " |\n"
        for same in zip(*findings.values(), strict=True)
    ]
    head = "| Statement | " + " | ".join(names) + " |\n|" + "---|" * (1 + len(names)) + "\n"
    return head + "".join(rows)


def _range(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"


def _bounds(claim: Claim) -> str:
    if math.isinf(claim.high):
        return f"holds from {claim.low:g}"
    if math.isinf(claim.low):
        return f"holds to {claim.high:g}"
    return f"holds from {claim.low:g} to {claim.high:g}"


def _horizon(one: Record, which: int) -> str:
    return str(one.config["horizon_epochs"][which])


def _accuracy_ratio(partition: str) -> Callable[[Record], float]:
    def measure(one: Record) -> float:
        epochs = _horizon(one, 0)
        typical = one.metrics["operators"][partition][epochs]["accuracy_median"]
        return typical / one.metrics["adadelta"][epochs]["accuracy_median"]

    return measure


def _rise(partition: str) -> Callable[[Record], float]:
    def measure(one: Record) -> float:
        path = one.metrics["operators"][partition][_horizon(one, -1)]
        return float(path["loss_end"]) / float(path["loss_min"])

    return measure


def _growth(partition: str) -> Callable[[Record], float]:
    def measure(one: Record) -> float:
        iterations = one.metrics["iterations_per_epoch"] * int(_horizon(one, -1))
        return one.metrics["operators"][partition]["spectral_radius"] ** iterations

    return measure


def _dip(partition: str) -> Callable[[Record], float]:
    def measure(one: Record) -> float:
        lowest = one.metrics["operators"][partition][_horizon(one, 0)]["loss_min"]
        return lowest / one.metrics["baselines"]["mean"]["loss"]

    return measure


def _average(one: Record) -> float:
    further = one.metrics["adadelta"][_horizon(one, -1)]["loss_median"]
    return one.metrics["baselines"]["mean"]["loss"] / further


def _step(partition: str) -> Callable[[Record], float]:
    def measure(one: Record) -> float:
        operator, adadelta = one.metrics["operators"][partition], one.metrics["adadelta"]
        return operator["seconds_per_step"] / adadelta["seconds_per_step"]

    return measure


def _end(one: Record, name: str) -> Any:
    return one.curves[name][-1]


def _moved(arm: str, best: int | None = None) -> Callable[[Record], float]:
    """The paper's summary at the horizon: median error over median true change."""
    return lambda one: ode.ratio(_end(one, f"{arm}/error"), _end(one, "change"), best)


def _over(arm: str, other: str) -> Callable[[Record], float]:
    """Median loss of one arm over that of another, at the horizon."""
    return lambda one: float(
        np.median(_end(one, f"{arm}/loss")) / np.median(_end(one, f"{other}/loss"))
    )


def _speed(one: Record) -> float:
    cost = one.metrics["seconds"]["float64"]
    whole = cost["record"] + cost["fit"]["node"] + cost["predict"]["node"] + cost["check"]
    return cost["train"] / whole


CLAIMS: dict[str, tuple[Claim, ...]] = {
    "mnist": (
        *(
            Claim(
                f"{partition}-comparable",
                f"For one epoch, {partition} operators are comparable with Adadelta",
                f"report, Discussion, figure {figure}",
                "accuracy over Adadelta's, medians over the epoch",
                _accuracy_ratio(partition),
                low=0.97,
                tolerance=1.03,
            )
            for figure, partition in ((1, "node"), (2, "layer"))
        ),
        *(
            Claim(
                f"{partition}-deteriorates",
                f"Beyond one epoch, {partition} operators deteriorate",
                f"report, Discussion, figure {figure}",
                "loss at the end over its lowest point",
                _rise(partition),
                low=1.05,
                tolerance=math.inf,
            )
            for figure, partition in ((3, "node"), (4, "layer"))
        ),
        Claim(
            "node-growth",
            "Node operators have modes that grow exponentially",
            "report, Discussion",
            "spectral radius to the power of the horizon",
            _growth("node"),
            low=1.2,
            tolerance=math.inf,
        ),
        *(
            Claim(
                f"{partition}-clock",
                f"A compiled gradient step is faster than a step of explicit {partition} operators",
                f"report, Discussion, figures {figures}",
                "time of an operator step over Adadelta's, both single calls",
                _step(partition),
                low=1.0,
                timed=True,
            )
            for figures, partition in (("1 (c) and 3 (c)", "node"), ("2 (c) and 4 (c)", "layer"))
        ),
        Claim(
            "node-dip-is-average",
            "The early dip of node operators is what averaging the record gives",
            "this book",
            "lowest loss over that of the averaged weights",
            _dip("node"),
            low=0.9,
            high=1.15,
            tolerance=1.15,
        ),
        Claim(
            "average-suffices",
            "The averaged record is at least as good as more epochs of Adadelta",
            "this book",
            "its loss over Adadelta's median",
            _average,
            high=1.0,
            tolerance=1.15,
        ),
    ),
    "ode": (
        Claim(
            "node-accurate",
            "Node operators predict the weights",
            "paper, section 4",
            "median error over median change",
            _moved("node float64"),
            high=0.5,
        ),
        Claim(
            "network-accurate",
            "The network operator predicts the weights",
            "paper, section 3",
            "median error over median change",
            _moved("network float64"),
            high=0.5,
        ),
        Claim(
            "node-compromise",
            "Node operators are as good as the network operator",
            "paper, section 3",
            "median loss over the network operator's",
            _over("node float64", "network float64"),
            high=1.5,
            tolerance=math.inf,
        ),
        Claim(
            "node-useful",
            "Predicting with node operators is better than stopping at the record's end",
            "paper, section 4",
            "median loss over that at the end of the record",
            _over("node float64", "no change"),
            high=1.0,
            tolerance=math.inf,
        ),
        Claim(
            "beats-average",
            "The network operator beats the plain average of the record by a tenth",
            "this book",
            "median loss over that of the average",
            _over("network float64", "mean"),
            high=0.9,
            tolerance=3.0,
        ),
        Claim(
            "ode-clock",
            "Node operators are more than ten times faster, all costs counted",
            "paper, abstract",
            "training time over cost",
            _speed,
            low=10.0,
            timed=True,
        ),
    ),
}
