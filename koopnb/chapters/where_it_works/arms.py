"""The test data, and every arm."""

from collections.abc import Sequence

import numpy as np

from koopnb.chapters.where_it_works.grids import (
    NAMES,
    Group,
    batches,
    median,
    optimizers,
    side_by_side,
)
from koopnb.drawing import plates
from koopnb.evidence.statements.regimes import FULL, ONE, TWO
from koopnb.experiments.record import Record
from koopnb.experiments.regimes import boundary

ARMS = {
    "operator": "rank 5",
    "operator, bounded": "rank 5, bounded",
    "rank 10": "rank 10",
    "rank 10, bounded": "rank 10, bounded",
    "even steps": "rank 8, even steps",
    "log time": "rank 8, log time",
    "line": "straight line",
    "line in log time": "line, log time",
    "average": "best average",
    "last": "no change",
    "radial": "best scaling",
}


def on_test(digits: Sequence[Record], mnist: Sequence[Record]) -> plates.Text:
    """Test losses over that of the last recorded weights, full batch, one record ahead."""
    columns = {
        "optimizer itself": ("own", ONE),
        "operator": ("operator", ONE),
        "operator in log time": ("log time", ONE),
        "straight line": ("line", ONE),
        "line in log time": ("line in log time", ONE),
        "best average": ("average", ONE),
        "line's norm alone": ("norm/line", ONE),
        "best scaling": ("radial", ONE),
    }
    groups = [Group("digits", digits, FULL), Group("MNIST", mnist, FULL)]
    return plates.Text(
        "Full batches, one record ahead: *test* loss over that of the last recorded weights.\n\n"
        + side_by_side(_test_over_last, columns, groups)
    )


def _test_over_last(one: Record, arm: str) -> np.ndarray:
    return boundary.over_own(one, arm, "test") / boundary.over_own(one, "last", "test")


def every(digits: Sequence[Record], mnist: Sequence[Record]) -> plates.Text:
    """What holding the eigenvalues in the disc costs, and all arms' losses in tables to open."""
    free, held = (
        median(digits, boundary.over_own, arm)[TWO, :, FULL]
        for arm in ("operator", "operator, bounded")
    )
    pairs = zip(free, held, optimizers(digits), strict=True)
    costs = ", ".join(f"{before:.2f} to {after:.2f} ({name})" for before, after, name in pairs)
    tables = [
        plates.dropdown(
            f"{name}, {label} loss over the optimizer's own, "
            f"{records[0].config['horizons'][TWO]:g} records ahead, by batch size",
            _losses(records, split),
        )
        for name, records in (("Digits", digits), ("MNIST", mnist))
        for split, label in (("train", "training"), ("test", "test"))
    ]
    return plates.Text(
        "Holding the eigenvalues within the unit disc, [which saved the operators of the MNIST "
        "page](07-mnist-experiment), costs here: twice the record ahead with the full batch the "
        f"loss over the optimizer's own goes from {costs}. The weights of a network that separates "
        "its classes really do grow, and a bounded operator may not.\n\n"
        + "".join(f"{table}\n\n" for table in tables)
    )


def _losses(records: Sequence[Record], split: str) -> plates.Text:
    """Every arm's loss over the optimizer's own, worst with the full batch first."""
    found = {
        label: median(records, boundary.over_own, arm, split)[TWO] for arm, label in ARMS.items()
    }
    rows = []
    for i, optimizer in enumerate(records[0].config["optimizers"]):
        for label, losses in sorted(found.items(), key=lambda pair: -pair[1][i, FULL]):
            values = dict(zip(batches(records), map(_short, losses[i]), strict=True))
            rows.append({"Optimizer": NAMES[optimizer], "Arm": label} | values)
    return plates.table(rows)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}" if value < 0.1 else f"{value:.2f}"
