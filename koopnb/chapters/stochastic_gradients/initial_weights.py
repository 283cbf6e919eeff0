"""Networks from weights of very different size: mini-batches beside the full batch."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from koopnb.chapters.stochastic_gradients.pooled import share
from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS, NOTE
from koopnb.experiments.noise import initial
from koopnb.experiments.record import Record

WAYS = {
    "mini-batches": (
        f"batches of {initial.BATCH}, {initial.ITERATIONS} iterations", COLOURS["works"]
    ),
    "same iterations": (f"full batch, {initial.ITERATIONS} iterations", COLOURS["fails"]),
    "same data": (f"full batch, {initial.PASSES} iterations", COLOURS["third"]),
}  # fmt: skip


@plates.styled
def networks(records: Sequence[Record]) -> plates.Plate:
    """The share of networks that reach the loss, and the last loss of each by its first size."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.4), width_ratios=(1, 1.3))
    tried = sum(len(one.curves["networks/gains"]) for one in records)
    told = []
    for row, (way, (label, colour)) in enumerate(WAYS.items()):
        each = [one.curves[f"networks/{way}"] < initial.READY for one in records]
        found = share(int(np.sum(each)), tried)
        told.append("{}: {:.0%} ({:.0%} to {:.0%})".format(label, *found))
        _share(left, row, found, [float(of.mean()) for of in each], colour)
        for one in records:
            gains, last = one.curves["networks/gains"], one.curves[f"networks/{way}"]
            right.plot(gains, last, ".", color=colour, alpha=0.35, markersize=3.5)
    left.set_yticks(range(len(WAYS)), [label.replace(", ", "\n") for label, _ in WAYS.values()])
    left.set(
        xlim=(-0.05, 1.05), ylim=(len(WAYS) - 0.5, -0.5),
        title=f"(a) share with a loss below {initial.READY:g}",
    )  # fmt: skip
    left.grid(axis="y", visible=False)
    _rulers(right)
    return plates.Plate(
        figure,
        alt="Two panels on many initial networks. Left, the share that reaches the target loss: "
        "mini-batches are behind full batch with equally many iterations and far ahead of full "
        "batch with equally many passes over the data, which is at zero. Right, final loss "
        "against the size of the initial weights: small initial weights end with high losses.",
        caption=f"{tried} starts of a network of {initial.WEIGHTS} weights on {initial.SAMPLES} "
        f"digits, learning rate {initial.STEP:g}. Dots are all starts with Wilson's 95% "
        f"intervals, strokes single seeds. {'; '.join(told)}.",
        name="networks",
    )


def _share(axis: Axes, row: int, found: np.ndarray, seeds: Sequence[float], colour: str) -> None:
    middle, low, high = found
    axis.errorbar(
        middle, row, xerr=[[middle - low], [high - middle]], fmt="o", color=colour, capsize=4,
        markersize=8,
    )  # fmt: skip
    heights = row + 0.2 + np.linspace(0, 0.3, len(seeds))
    axis.plot(seeds, heights, "|", color=colour, markersize=7)


def _rulers(axis: Axes) -> None:
    axis.axhline(initial.READY, color=NOTE, linewidth=0.8)
    axis.set(
        xscale="log", yscale="log", title="(b) the loss of every start", ylabel="training loss",
        xlabel="size of the initial weights, relative to the usual",
    )  # fmt: skip
    axis.set_xticks([0.25, 0.5, 1, 2, 4], ["1/4", "1/2", "1", "2", "4"])
    axis.minorticks_off()
