"""Claims on why predictions deteriorate."""

import math
from collections.abc import Callable, Iterable

from koopnb.experiments.record import Record
from koopnb.statements.claim import Claim
from koopnb.statements.training import LEVEL

ALL = "growth+decay+turning"


def _factor(arm: str, acting: str, epochs: int) -> Callable[[Record], float]:
    return lambda one: float(one.metrics["factors"][arm][acting]["loss"][str(epochs)])


def _left(arm: str, acting: str, epochs: int) -> Callable[[Record], float]:
    """What is left of the rise in loss, when only some of the factors act."""

    def measure(one: Record) -> float:
        still, some, whole = (
            _factor(arm, which, epochs)(one) for which in ("nothing", acting, ALL)
        )
        # Where nothing rises, no switch can be said to spoil it.
        return (some - still) / (whole - still) if whole > LEVEL * still else math.inf

    return measure


def _mean(one: Record) -> float:
    return float(one.metrics["baselines"]["mean"])


def _repaired(arm: str, repair: str, epochs: int) -> Callable[[Record], float]:
    return lambda one: float(one.metrics["repairs"][arm][repair][str(epochs)]) / _mean(one)


def _best(one: Record) -> float:
    """The lowest loss of any repair of any operator, over that of the averaged weights."""
    every = one.metrics["repairs"].values()
    losses = [float(by["10"]) for repairs in every for by in repairs.values()]
    return min(loss for loss in losses if not math.isnan(loss)) / _mean(one)


def _one_node(one: Record) -> float:
    return float(max(one.curves["nodes/alone"])) / one.metrics["baselines"]["last"]


def _range(arm: str, dtypes: Iterable[str], epochs: int) -> Callable[[Record], float]:
    def measure(one: Record) -> float:
        rows = [row for dtype in dtypes for row in one.metrics["sweep"][arm][dtype]]
        losses = [float(row["loss"][str(epochs)]) for row in rows]
        losses = [math.inf if math.isnan(loss) else loss for loss in losses]
        return max(losses) / min(losses)

    return measure


REST = "rise in loss that is left"

CAUSES = (
    *(
        Claim(
            f"{arm}-grows",
            f"What spoils {arm} operators by {words} epochs is exponential growth",
            source,
            "10-why-it-deteriorates#three-switches",
            f"{REST} without growing modes",
            _left(arm, "decay+turning", epochs),
            high=0.4,
            tolerance=math.inf,
        )
        for arm, epochs, words, source in (
            ("node", 2, "two", "report, Discussion"),
            ("layer", 2, "two", "report, Discussion"),
            ("network", 10, "ten", "this book"),
        )
    ),
    *(
        Claim(
            f"{arm}-turns",
            f"What spoils {arm} operators by {words} epochs is turning",
            "this book",
            "10-why-it-deteriorates#three-switches",
            f"{REST} without turning modes",
            _left(arm, "growth+decay", epochs),
            high=0.4,
            tolerance=math.inf,
        )
        for arm, epochs, words in (("node", 2, "two"), ("layer", 2, "two"), ("network", 10, "ten"))
    ),
    Claim(
        "node-decays",
        "Decay by itself spoils node operators by two epochs",
        "this book, after the report",
        "10-why-it-deteriorates#three-switches",
        "loss with decay alone over that at a standstill",
        lambda one: _factor("node", "decay", 2)(one) / _factor("node", "nothing", 2)(one),
        low=1.5,
        tolerance=math.inf,
    ),
    Claim(
        "one-node",
        "One node is enough to raise the loss by a quarter",
        "this book",
        "10-why-it-deteriorates#which-node-fails-first",
        "loss with the worst node alone predicted over that of the last weights",
        _one_node,
        low=1.25,
        tolerance=math.inf,
    ),
    Claim(
        "dip-is-average",
        "The early dip needs no dynamics: it is what dropping fast modes gives",
        "this book",
        "10-why-it-deteriorates#the-early-dip",
        "loss of the slow modes at a standstill over the lowest of the path, node operators",
        lambda one: one.metrics["dip"]["node"]["slow modes"] / one.metrics["dip"]["node"]["lowest"],
        high=LEVEL,
        tolerance=1.1,
    ),
    *(
        Claim(
            f"{arm}-repaired",
            f"Centring and bounding together make {arm} operators last ten epochs",
            "this book",
            "10-why-it-deteriorates#what-repairs-what",
            "loss at T = 10 over that of the averaged weights",
            _repaired(arm, "centred, bounded", 10),
            high=1.15,
            tolerance=1.5,
        )
        for arm in ("node", "layer", "network")
    ),
    Claim(
        "repairs-beat-average",
        "Some repair beats the plain average by a twentieth at T = 10",
        "this book",
        "10-why-it-deteriorates#what-repairs-what",
        "best of all repairs over the averaged weights",
        _best,
        high=1 / LEVEL,
        tolerance=1.2,
    ),
    Claim(
        "observables",
        "Identity and projection observables give different operators",
        "report, Discussion",
        "10-why-it-deteriorates#identity-or-projections",
        "distance of the two spectra",
        lambda one: one.metrics["observables"]["distance"],
        low=1e-6,
        tolerance=math.inf,
    ),
)

CUTOFFS = (
    Claim(
        "node-cutoff-decides",
        "The cutoff decides the loss of node operators in double precision",
        "this book",
        "10-why-it-deteriorates#the-cutoff",
        "highest over lowest loss at T = 2, ten decades",
        _range("node", ["float64"], 2),
        low=2.0,
        tolerance=math.inf,
    ),
    Claim(
        "network-cutoff-decides",
        "The cutoff decides the loss of network operators in double precision",
        "this book",
        "10-why-it-deteriorates#the-cutoff",
        "highest over lowest loss at T = 2, ten decades",
        _range("network", ["float64"], 2),
        low=2.0,
        tolerance=math.inf,
    ),
)
