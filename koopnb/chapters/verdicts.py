"""The verdicts that stand at the end of a chapter."""

from koopnb.drawing import plates
from koopnb.evidence import judge, ledger
from koopnb.experiments import record


def of_page(page: str) -> plates.Text:
    """Every claim that a page shows, with its number and verdict on all stored sets of seeds."""
    found = ledger.entries(record.folders(), page)
    return plates.Text(judge.table([entry.finding for entry in found]))
