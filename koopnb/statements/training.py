"""Claims on the report's experiment: in its arithmetic, in the paper's, with other optimizers."""

import math
from collections.abc import Callable

from koopnb.experiments.mnist import GUESSING
from koopnb.experiments.record import Record
from koopnb.statements.claim import Claim

LEVEL = 1.05  # a loss within a twentieth counts as equal


def horizon(one: Record, which: int) -> str:
    """The key of a record's horizon at that place of its list, the last of it beyond."""
    epochs = one.config["horizon_epochs"]
    return str(epochs[min(which, len(epochs) - 1) if which > 0 else which])


def _of(arm: str, which: int, quantity: str) -> Callable[[Record], float]:
    """A number of an operator's path, or of the optimizer's, at the horizon of that place."""

    def measure(one: Record) -> float:
        paths = one.metrics["operators"] | {"optimizer": one.metrics["optimizer"]}
        return float(paths[arm][horizon(one, which)][quantity])

    return measure


def _mean(one: Record) -> float:
    return float(one.metrics["baselines"]["mean"]["loss"])


def _over(
    upper: Callable[[Record], float], lower: Callable[[Record], float]
) -> Callable[[Record], float]:
    return lambda one: upper(one) / lower(one)


def _accuracy(arm: str) -> Callable[[Record], float]:
    return _over(_of(arm, 0, "accuracy_median"), _of("optimizer", 0, "accuracy_median"))


def _growth(arm: str) -> Callable[[Record], float]:
    def measure(one: Record) -> float:
        iterations = one.metrics["iterations_per_epoch"] * int(horizon(one, 1))
        return one.metrics["operators"][arm]["spectral_radius"] ** iterations

    return measure


# Factors: fixed on seeds 100 to 102, which judge nothing.
ACCURATE = "accuracy over the optimizer's, medians over the first epoch"
RISE = "loss at the end over its lowest point"

REPORT = (
    *(
        Claim(
            f"{arm}-comparable",
            f"For one epoch, {arm} operators are comparable with Adadelta",
            f"report, Discussion, figure {figure}",
            "07-mnist-experiment#one-epoch",
            ACCURATE,
            _accuracy(arm),
            low=0.97,
            tolerance=1.03,
        )
        for figure, arm in ((1, "node"), (2, "layer"))
    ),
    *(
        Claim(
            f"{arm}-deteriorates",
            f"Beyond one epoch, {arm} operators deteriorate",
            f"report, Discussion, figure {figure}",
            "07-mnist-experiment#two-epochs",
            RISE,
            _over(_of(arm, 1, "loss_end"), _of(arm, 1, "loss_min")),
            low=1.05,
            tolerance=math.inf,
        )
        for figure, arm in ((3, "node"), (4, "layer"))
    ),
    Claim(
        "node-generous",
        "Full-node operators are more generous than quasi-node operators",
        "report, Results",
        "06-partitions#full-nodes-or-quasi-nodes",
        "loss at the end of one epoch over that of quasi-nodes",
        _over(_of("node", 0, "loss_end"), _of("quasi-node", 0, "loss_end")),
        high=1.0,
        tolerance=math.inf,
    ),
    Claim(
        "node-growth",
        "Node operators have modes that grow exponentially",
        "report, Discussion",
        "07-mnist-experiment#ten-epochs",
        "spectral radius to the power of two epochs' iterations",
        _growth("node"),
        low=1.2,
        tolerance=math.inf,
    ),
    *(
        Claim(
            f"{arm}-guesses",
            f"In the end, {arm} operators are worse than guessing",
            "this book",
            "07-mnist-experiment#ten-epochs",
            "loss at the longest horizon",
            _of(arm, -1, "loss_end"),
            low=GUESSING,
            tolerance=math.inf,
        )
        for arm in ("node", "layer")
    ),
    Claim(
        "node-dip-is-average",
        "The early dip of node operators is what averaging the record gives",
        "this book",
        "07-mnist-experiment#the-average-beside-them",
        "lowest loss in the first epoch over that of the averaged weights",
        _over(_of("node", 0, "loss_min"), _mean),
        low=0.9,
        high=1.15,
        tolerance=1.15,
    ),
    Claim(
        "average-suffices",
        "The averaged record is at least as good as two more epochs of Adadelta",
        "this book",
        "07-mnist-experiment#the-average-beside-them",
        "its loss over Adadelta's median in the second epoch",
        _over(_mean, _of("optimizer", 1, "loss_median")),
        high=1.0,
        tolerance=1.15,
    ),
    Claim(
        "average-lasts",
        "The averaged record is at least as good as the longest run of Adadelta",
        "this book",
        "07-mnist-experiment#the-average-beside-them",
        "its loss over Adadelta's median in the last epoch",
        _over(_mean, _of("optimizer", -1, "loss_median")),
        high=1.0,
        tolerance=1.25,
    ),
    Claim(
        "bounded-is-average",
        "A bounded network operator on window means stays level with averaging",
        "this book",
        "07-mnist-experiment#the-average-beside-them",
        "its loss at the longest horizon over that of the averaged weights",
        _over(_of("bounded", -1, "loss_end"), _mean),
        low=1 / LEVEL,
        high=LEVEL,
        tolerance=1.1,
    ),
)

PAPER = tuple(
    Claim(
        f"{arm}-accurate",
        f"For one epoch, {arm} operators in the paper's arithmetic predict accurately",
        "paper",
        "07-mnist-experiment#every-operator-in-both-arithmetics",
        ACCURATE,
        _accuracy(f"{arm}-64"),
        low=0.97,
        tolerance=math.inf,
    )
    for arm in ("weight", "quasi-node", "node", "layer", "network")
)

OPTIMIZERS = (
    Claim(
        "node-worse",
        "After two epochs, node operators are worse than the optimizer",
        "this book",
        "07-mnist-experiment#other-optimizers",
        "loss over the optimizer's median in the second epoch",
        _over(_of("node", 1, "loss_end"), _of("optimizer", 1, "loss_median")),
        low=1.05,
        tolerance=math.inf,
    ),
    Claim(
        "bounded-lasts",
        "The bounded operator is level with the longest run of the optimizer, or better",
        "this book",
        "07-mnist-experiment#other-optimizers",
        "loss over the optimizer's median in the last epoch",
        _over(_of("bounded", -1, "loss_end"), _of("optimizer", -1, "loss_median")),
        high=LEVEL,
        tolerance=1.5,
    ),
)
