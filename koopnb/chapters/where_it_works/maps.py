"""The map: batch size against horizon against optimizer, and what it says."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from koopnb.chapters.where_it_works.grids import (
    AHEAD,
    batches,
    curve,
    median,
    named,
    optimizers,
)
from koopnb.drawing import figures, plates
from koopnb.drawing.numbers import extent
from koopnb.evidence.statements.regimes import FULL, HALF, ONE, SMALLEST, TWO
from koopnb.experiments.record import Record
from koopnb.experiments.regimes import boundary

JUMP = partial(boundary.over_own, arm="operator")
STILL = partial(boundary.over_own, arm="last")
LINE = partial(boundary.over_own, arm="line")
BESIDE_AVERAGE = partial(boundary.over, arm="operator", other="average")


@plates.styled
def beside_own(records: Sequence[Record]) -> plates.Plate:
    """The operator's loss over the optimizer's own, and that of the last weights over it."""
    jump, still = (median(records, numbers)[HALF, :, FULL] for numbers in (JUMP, STILL))
    pairs = zip(optimizers(records), jump, still, strict=True)
    told = ", ".join(f"{name} {one:.2f} (no change: {none:.2f})" for name, one, none in pairs)
    return plates.Plate(
        _maps(records, {"operator / own": JUMP, "no change / own": STILL}, height=5.6),
        "Two rows of five colour maps, one an optimizer, batch size against horizon. In the row of "
        "the operator the upper left corners, full batches and short horizons, are nearly white; "
        "orange grows to the lower right. In the row of no change everything is orange.",
        "Digits. Training loss of the predicted weights over the optimizer's own, and, for "
        "comparison, that of the last recorded weights. Half the record ahead, full batch: "
        f"{told}.",
        "map-own",
    )


@plates.styled
def beside_averages(records: Sequence[Record]) -> plates.Plate:
    """The operator's loss over the best average's, and the line's over the optimizer's own."""
    return plates.Plate(
        _maps(records, {"operator / average": BESIDE_AVERAGE, "line / own": LINE}, height=5.6),
        "Two rows of five colour maps. The operator over the best average is blue in most cells, "
        "and orange for the smallest batches and long horizons. The straight line over the "
        "optimizer is deep blue in the upper rows and deep orange in the lower right.",
        "Digits. Above: training loss of the predicted weights over that of the best of three "
        "averages. Below: that of a straight line over the optimizer's own; blue means that the "
        "line has a lower loss, which larger weights alone can have too.",
        "map-average",
    )


@plates.styled
def on_mnist(records: Sequence[Record]) -> plates.Plate:
    """Operator over own, operator over average, and no change over own, on MNIST."""
    rows = {"operator / own": JUMP, "operator / average": BESIDE_AVERAGE, "no change / own": STILL}
    return plates.Plate(
        _maps(records, rows, height=6.2),
        "Three rows of three colour maps for MNIST. For Adam and Adadelta with the full batch the "
        "operator is nearly white at short horizons; for gradient descent even the full batch is "
        "orange at every horizon. Over the average, the smallest batch is orange with gradient "
        "descent and Adadelta.",
        f"The first {records[0].metrics['samples']:,} images of MNIST: training loss of the "
        "predicted weights over the optimizer's own and over the best average's, and the last "
        "recorded weights over the optimizer's own.",
        "map-mnist",
    )


def _maps(
    records: Sequence[Record], rows: Mapping[str, Callable[..., np.ndarray]], height: float
) -> Figure:
    """One panel an optimizer and quantity: batch size down, horizon to the right."""
    names = optimizers(records)
    figure, axes = plt.subplots(
        len(rows), len(names), figsize=(9.5, height), sharex=True, sharey=True, squeeze=False
    )
    for line, (label, numbers) in zip(axes, rows.items(), strict=True):
        found = median(records, numbers)
        for place, axis in enumerate(line):
            figures.ratio_map(
                axis, found[:, place].T, rows=batches(records),
                columns=[f"{horizon:g}" for horizon in records[0].config["horizons"]],
                title="",
            )  # fmt: skip
        line[0].set_ylabel(f"{label}\n\nbatch size")
    for first, last, name in zip(axes[0], axes[-1], names, strict=True):
        first.set_title(name)
        last.set_xlabel("horizon / record")
    return figure


def what_fails(records: Sequence[Record]) -> plates.Text:
    """The worst cells up to twice the record, and the shares of the decrease at that horizon."""
    jump, names, sizes = median(records, JUMP)[: TWO + 1], optimizers(records), batches(records)
    worst = sorted(((value, at) for at, value in np.ndenumerate(jump)), reverse=True)[:3]
    cells = "; ".join(
        f"{names[i]}, batch {sizes[j]}, {records[0].config['horizons'][h]:g} records ahead: "
        f"{value:,.0f} times the optimizer's loss"
        for value, (h, i, j) in worst
    )
    near = np.mean([boundary.answers(one, "near") for one in records], axis=(0, 2))[:, FULL]
    fall = median(records, STILL)[TWO, :, FULL]
    share = median(records, boundary.progress, "operator")[TWO]
    return plates.Text(
        f"**What fails first.** Up to twice the record, the worst cells are {cells}. And even with "
        f"the full batch, only {near[TWO]:.0%} of the runs end at most a tenth above the "
        f"optimizer's loss twice the record ahead, against {near[ONE]:.0%} one record and "
        f"{near[HALF]:.0%} half a record ahead.\n\n"
        "**What works.** A tenth is a hard bound where the loss itself falls by a factor of "
        f"{extent(fall, '.1f')} on the way. Counted as a share of the optimizer's own decrease, "
        f"full-batch jumps of twice the record achieve {named(records, share[:, FULL], '.0%')}; "
        f"with batches of {sizes[-1]} it is {named(records, share[:, SMALLEST], '.0%')}, where a "
        "negative share is a loss above that of the record's end."
    )


def straight_line(records: Sequence[Record]) -> plates.Text:
    """Where a straight line ends below the optimizer, and how badly it and the operator can end."""
    line, jump, names = median(records, LINE), median(records, JUMP), optimizers(records)
    below = []
    for ahead, losses in zip(AHEAD[: TWO + 1], line[: TWO + 1, :, FULL], strict=True):
        lower = [name for name, loss in zip(names, losses, strict=True) if loss < 1]
        which = f" ({', '.join(lower)})" if lower else ""
        below.append(f"{ahead} ahead with {len(lower)} of {len(names)}{which}")
    ends = ", ".join(
        f"{cells.max():,.3g} times as high {ahead} ahead"
        for ahead, cells in zip(AHEAD, line, strict=False)
    )
    return plates.Text(
        "The straight line deserves a paragraph of its own. With the full batch its loss is below "
        f"the optimizer's own {'; '.join(below)}. At its worst, over all cells, it ends {ends}; "
        f"the operator, {', '.join(f'{cells.max():,.3g} times' for cells in jump)}."
    )


def smooth_runs(digits: Sequence[Record], mnist: Sequence[Record]) -> plates.Text:
    """Drift of full-batch records on both data sets, and how often their loss rises on MNIST."""
    drift = median(mnist, curve, "score/drift")[:, FULL]
    shared = [digits[0].config["optimizers"].index(o) for o in mnist[0].config["optimizers"]]
    on_digits = median(digits, curve, "score/drift")[shared, FULL]
    losses = np.array([one.curves["path/record"][..., FULL] for one in mnist])
    rises = np.mean(np.diff(losses, axis=1) > 0, axis=(0, 1))
    apart = np.diff(mnist[0].curves["path/record/at"])[0]
    return plates.Text(
        "On MNIST a full batch is not enough. With it there is no noise at all, and still the "
        "drift of the record, which [a later section](#a-score-of-the-record) defines and which "
        f"is 1 on a straight line, is {named(mnist, drift, '.2g')}. On digits it was "
        f"{named(mnist, on_digits, '.2g')}. Nor does the loss simply fall: between two points of "
        f"the record that are stored for it, {apart} iterations apart, it rises in "
        f"{named(mnist, rises, '.0%')} of the cases."
    )
