"""Claims on what the report's experiment costs."""

from collections.abc import Callable

from koopnb.evidence.claim import Claim
from koopnb.evidence.statements.training import horizon
from koopnb.experiments import costs
from koopnb.experiments.record import Record


def _step(arm: str) -> Callable[[Record], float]:
    return lambda one: one.metrics["step"][arm] / one.metrics["step"]["optimizer"]


def _saving(arm: str, which: int) -> Callable[[Record], float]:
    def measure(one: Record) -> float:
        whole = costs.whole(one, int(horizon(one, which)))
        return sum(whole["optimizer"].values()) / sum(whole[arm].values())

    return measure


def _price(one: Record, arm: str) -> float:
    """Seconds for the fit and the jump alone."""
    return float(one.metrics["fit"][arm] + one.metrics["jump"][arm])


FASTER = "compiled training over whole cost"
COSTS = (
    *(
        Claim(
            f"{arm}-clock",
            f"Called singly, a compiled gradient step is faster than a step of {arm} operators as "
            "matrices",
            f"report, Discussion, figures {figures}",
            "07-mnist-experiment#the-clock",
            "time of an operator step over Adadelta's, both single calls",
            _step(arm),
            low=1.0,
            timed=True,
        )
        for figures, arm in (("1 (c) and 3 (c)", "node"), ("2 (c) and 4 (c)", "layer"))
    ),
    Claim(
        "better-code",
        "With better code, a jump of node operators costs less than the two epochs it replaces",
        "report, Discussion",
        "07-mnist-experiment#the-clock",
        f"{FASTER}, two epochs in one jump",
        _saving("node, jump", 1),
        low=1.0,
        timed=True,
    ),
    Claim(
        "network-intractable",
        "The network operator is intractable: fit and jump cost ten times those of node operators",
        "paper; report, Method",
        "06-partitions#what-it-costs-measured",
        "its fit and jump over those of node operators",
        lambda one: _price(one, "network") / _price(one, "node"),
        low=10.0,
        timed=True,
    ),
    Claim(
        "node-faster",
        "Node operators are more than ten times faster than one epoch of training, with all costs "
        "counted",
        "paper",
        "07-mnist-experiment#the-clock",
        f"{FASTER}, one epoch in one jump",
        _saving("node, jump", 0),
        low=10.0,
        timed=True,
    ),
    Claim(
        "bounded-jump",
        "Fit and jump of a bounded network operator take at most a hundredth of two epochs of "
        "training",
        "this book",
        "07-mnist-experiment#the-clock",
        "compiled training over fit and jump alone, two epochs",
        lambda one: 2 * one.metrics["epoch"] / _price(one, "bounded"),
        low=100.0,
        timed=True,
    ),
    Claim(
        "bounded-whole",
        "With recording and checking, a bounded network operator takes at most a hundredth of two "
        "epochs of training",
        "this book",
        "07-mnist-experiment#the-clock",
        f"{FASTER}, two epochs in one jump",
        _saving("bounded, jump", 1),
        low=100.0,
        timed=True,
    ),
    Claim(
        "bounded-faster",
        "A jump of a bounded network operator takes at most a tenth of the longest run's time, "
        "all costs counted",
        "this book",
        "07-mnist-experiment#the-clock",
        f"{FASTER}, one jump",
        _saving("bounded, jump", -1),
        low=10.0,
        timed=True,
    ),
)

CLAIMS = {"costs": COSTS}
