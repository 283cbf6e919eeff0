"""The statements that these runs bear on, judged."""

from collections.abc import Mapping, Sequence

from koopnb.chapters.mnist_experiment.other_optimizers import TITLES, by_optimizer
from koopnb.drawing.plates import Text
from koopnb.evidence import judge, tables
from koopnb.evidence.statements import CLAIMS
from koopnb.experiments.record import Record


def judged(**records: Sequence[Record]) -> list[judge.Finding]:
    """The findings of all claims of some series, whose records are given by the series' name."""
    return [judge.judge(claim, among) for key, among in records.items() for claim in CLAIMS[key]]


def _judged_optimizers(others: Sequence[Record]) -> Mapping[str, list[judge.Finding]]:
    return {TITLES[name]: judged(optimizers=among) for name, among in by_optimizer(others).items()}


def verdicts(report: Sequence[Record], paper: Sequence[Record], clock: Record) -> Text:
    """A table of every statement on Adadelta, with the number that decides it and the verdict."""
    return Text(tables.table(judged(mnist=report, paper=paper, costs=[clock])))


def optimizer_verdicts(others: Sequence[Record]) -> Text:
    """A table of the statements on the other optimizers, a column per optimizer."""
    found = _judged_optimizers(others)
    seeds = len({one.config["seed"] for one in others})
    return Text(
        f"The same for the other optimizers, {seeds} seeds each:\n\n" + tables.side_by_side(found)
    )


def verdict_lines(
    report: Sequence[Record], paper: Sequence[Record], others: Sequence[Record]
) -> str:
    """Every verdict in a line of its own, for comparison with a stored page."""
    lines = [f"{found.claim.key}: {found.verdict}" for found in judged(mnist=report, paper=paper)]
    lines += [
        f"{title}, {found.claim.key}: {found.verdict}"
        for title, findings in _judged_optimizers(others).items()
        for found in findings
    ]
    return "\n".join(lines)
