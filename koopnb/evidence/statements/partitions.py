"""Claims on what an operator of each partition sees, costs and predicts."""

import itertools
import math
from collections.abc import Callable

import numpy as np

from koopnb.evidence.claim import Claim
from koopnb.evidence.statements.training import AMPLIFIED
from koopnb.experiments.partitions import ARMS, COUPLINGS
from koopnb.experiments.record import Record


def _unseen(one: Record) -> float:
    """The largest error where a block holds the pair, over the least where none does.

    Couplings and partitions both grow: a pair is in one block from the next partition on.
    """
    errors = np.array([[one.metrics["couplings"][where][name] for name in ARMS]
                       for where in COUPLINGS])  # fmt: skip
    held = np.triu(np.ones_like(errors, bool), 1)
    return float(errors[held].max() / errors[~held].min())


def _growth(quantity: str) -> Callable[[Record], float]:
    """A cost over that of the partition before, where it grows least."""

    def measure(one: Record) -> float:
        costs = [one.metrics["partitions"][name][quantity] for name in ARMS]
        return min(after / before for before, after in itertools.pairwise(costs))

    return measure


def _last_losses(one: Record, table: str) -> dict[str, float]:
    """The loss at the longest horizon, by partition or width; no number counts as infinite."""
    ends = {name: float(found["loss"][-1]) for name, found in one.metrics[table].items()}
    return {name: math.inf if math.isnan(end) else end for name, end in ends.items()}


def _over_lowest(table: str, chosen: str | None = None) -> Callable[[Record], float]:
    """The loss of one row, the last if none is named, over the lowest of the others."""

    def measure(one: Record) -> float:
        losses = _last_losses(one, table)
        own = losses.pop(chosen or list(losses)[-1])
        return own / min(losses.values())

    return measure


PARTITIONS = (
    Claim(
        "partitions-nested",
        "Every partition sees one coupling more than the one before it",
        "this book",
        "06-partitions#what-a-block-can-see",
        "largest error of an operator with the pair in one block over the least of the others",
        _unseen,
        high=1e-6,
        tolerance=math.inf,
        proved=True,
    ),
    Claim(
        "explicit-cost-grows",
        "As explicit matrices, operators cost more with every step from weight to network",
        "report, Method; paper",
        "06-partitions#what-it-costs-counted",
        "numbers of their matrices over those of the partition before, where least",
        _growth("entries"),
        low=1.0,
        proved=True,
    ),
    Claim(
        "factors-cost-grows",
        "Kept in factors, operators cost more with every step from weight to network",
        "report, Method; paper",
        "06-partitions#what-it-costs-counted",
        "bytes of their factors over those of the partition before, where least",
        _growth("factor_bytes"),
        low=1.0,
    ),
    Claim(
        "network-lowest",
        "Two epochs ahead, the network operator has the lowest loss of the five partitions",
        "this book",
        "06-partitions#what-it-buys",
        "its loss over the lowest of the others, picked on the test set",
        _over_lowest("partitions", "network"),
        high=1.0,
        tolerance=math.inf,
        rounding=AMPLIFIED,
    ),
    Claim(
        "average-beats-partitions",
        "Two epochs ahead, averaging beats the operators of every partition",
        "this book",
        "06-partitions#what-it-buys",
        "lowest loss of the five, picked on the test set, over that of the averaged weights",
        lambda one: min(_last_losses(one, "partitions").values()) / one.metrics["mean"],
        low=1.0,
        tolerance=1.5,
    ),
    Claim(
        "full-nodes-ahead",
        "Two epochs ahead, full nodes have a lower loss than quasi-nodes of every width",
        "report, Results",
        "06-partitions#full-nodes-or-quasi-nodes",
        "their loss over the lowest of quasi-nodes, picked on the test set",
        _over_lowest("widths"),
        high=1.0,
        tolerance=math.inf,
        rounding=AMPLIFIED,
    ),
)

FITS = (
    Claim(
        "network-fit-intractable",
        "The network operator is intractable: in single precision with JAX's cutoff, its fit takes "
        "ten times as long as that of node operators",
        "paper; report, Method",
        "06-partitions#what-it-costs-measured",
        "time of its fit over that of node operators",
        lambda one: (
            one.metrics["partitions"]["network"]["seconds_to_fit"]
            / one.metrics["partitions"]["node"]["seconds_to_fit"]
        ),
        low=10.0,
        timed=True,
    ),
)

CLAIMS = {"partitions": PARTITIONS, "fits": FITS}
