"""Which nodes do the harm, and what single weights do."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from koopnb.chapters.why_it_deteriorates.readings import last, per_epoch, read
from koopnb.drawing import figures, plates
from koopnb.drawing.numbers import spread
from koopnb.drawing.palette import COLOURS, INK, MARK, NOTE
from koopnb.experiments.causes import STOPPED
from koopnb.experiments.record import Record

LAYERS = tuple(COLOURS[name] for name in ("adadelta", "node", "mean", "third"))
SMALLEST = 1e-3  # distances below are drawn there
ALONE = (1, 1.2, 1.5, 2, 3, 5, 10, 30, 100)
TOGETHER = (0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10)


def _rise(one: Record) -> np.ndarray:
    """The loss with each node alone moved two epochs ahead, over that of the last weights."""
    return one.curves["nodes/alone"] / one.metrics["baselines"]["last"]


def _without(records: Sequence[Record], stopped: int) -> np.ndarray:
    """The loss with the worst few nodes kept from moving."""
    return read(records, "nodes", "without", str(stopped))


@plates.styled
def nodes(records: Sequence[Record]) -> plates.Plate:
    """What one node does alone, how far it goes, and what all do without the worst."""
    figure, axes = plt.subplots(1, 3, figsize=(9.8, 3.6), width_ratios=(1.25, 1, 0.9))
    for one in records:
        _dots(axes[0], axes[1], one, labelled=one is records[0])
    highest = max(2.0, *(float(_rise(one).max()) for one in records))
    figures.log_ticks(axes[0], [tick for tick in ALONE if tick <= 1.2 * highest])
    axes[0].set(
        xlabel="node", ylabel="loss / loss before", title="one node alone, two epochs ahead"
    )
    axes[1].plot([SMALLEST, 30], [SMALLEST, 30], color=NOTE, linewidth=1)
    axes[1].set(
        xscale="log", yscale="log", xlabel="growth of its leading mode", ylabel="distance it went",
        title="implied and seen",
    )  # fmt: skip
    _others(axes[2], records)
    figure.legend(*axes[1].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    layers = [int(one.curves["nodes/layer"][one.metrics["nodes"]["worst"]]) + 1 for one in records]
    worst = spread([float(_rise(one).max()) for one in records])
    every = spread(_without(records, 0) / last(records))
    return plates.Plate(
        figure,
        "Left: the loss with one node alone moved two epochs ahead, for every node and seed: most "
        "lie near one, single nodes far above. Middle: distance a node went against the growth its "
        "leading mode implies; where growth is large the dots lie near the diagonal. Right: the "
        "loss falls as the worst nodes are kept from moving.",
        f"Every dot is a node of one of {len(records)} seeds. The worst node alone raises the loss "
        f"by a factor of {worst} (worst by test loss), all nodes together by {every}; the worst "
        f"lie in layers {', '.join(map(str, layers))}. Middle: with $v$ the leading mode, the "
        r"growth $\lVert v \rVert (\rho^{s-1} - 1)$ against $\lVert \hat x(s) - x_n \rVert$ of its "
        "node. Dotted: the loss of the last weights.",
        "nodes",
    )


def _dots(alone: Axes, gone: Axes, one: Record, *, labelled: bool) -> None:
    layers, rise = one.curves["nodes/layer"].astype(int), _rise(one)
    implied, seen = (
        np.maximum(one.curves[f"nodes/{key}"], SMALLEST) for key in ("implied", "seen")
    )
    for layer in np.unique(layers):
        here, colour = layers == layer, LAYERS[layer]
        alone.plot(np.flatnonzero(here), rise[here], ".", color=colour, alpha=0.6)
        label = f"layer {layer + 1}" if labelled else None
        gone.plot(implied[here], seen[here], ".", color=colour, alpha=0.6, label=label)


def _others(axis: Axes, records: Sequence[Record]) -> None:
    counts = (0, *STOPPED)
    losses = np.array([_without(records, count) for count in counts])
    axis.plot(counts, losses, "-o", color=MARK, markersize=3, linewidth=0.8)
    axis.axhline(float(np.median(last(records))), color=INK, linestyle=":", linewidth=1.2)
    low, high = 0.8 * losses.min(), 1.2 * losses.max()
    figures.log_ticks(axis, [tick for tick in TOGETHER if low < tick < high])
    axis.set(xlabel="worst nodes kept from moving", ylabel="loss", title="all nodes but the worst")
    axis.set_xscale("symlog", linthresh=1)
    axis.set_xticks(counts, map(str, counts))
    axis.minorticks_off()


def kept_still(records: Sequence[Record]) -> plates.Text:
    """How many nodes are harmless, what the worst ones do, and whether their radius tells."""
    harmless = np.mean([np.mean(_rise(one) < 1.05) for one in records])
    without = [spread(_without(records, count)) for count in (0, 1, 4, 16)]
    worst = np.array([_rise(one).max() for one in records])
    largest = np.array([_rise(one)[np.argmax(one.curves["nodes/radius"])] for one in records])
    return plates.Text(
        f"{harmless:.0%} of all nodes, each by itself, raise the loss by less than a twentieth. "
        f"With all nodes moving, the loss after two epochs is {without[0]}; with the worst one "
        f"kept still {without[1]}, with four {without[2]}, with sixteen {without[3]}. Which nodes "
        "are worst is picked on the test set. The spectral radius does not tell: the node in which "
        f"it is largest raises the loss by a quarter on {np.sum(largest >= 1.25)} of "
        f"{len(records)} seeds, the worst one on {np.sum(worst >= 1.25)}."
    )


@plates.styled
def weights(one: Record) -> plates.Plate:
    """Six weights of one seed as trained and as predicted: three of the worst, three usual."""
    figure, axes = plt.subplots(2, 3, figsize=(9.8, 4.6), sharex=True)
    lines = (("recorded", NOTE, 0.9), ("true", NOTE, 0.9), ("predicted", COLOURS["node"], 2.0))
    for place, axis in enumerate(axes.ravel()):
        for name, colour, width in lines:
            at = one.curves[f"paths/{name}/at"] / per_epoch([one])
            axis.plot(at, one.curves[f"paths/{name}"][:, place], color=colour, linewidth=width)
        axis.axvline(0, color=INK, linewidth=0.9, linestyle=":")
        kind = "largest error" if place < 3 else "median error"
        axis.set_title(f"{kind}, weight {place % 3 + 1}")
        axis.margins(y=0.12)
    for axis in axes[1]:
        axis.set_xlabel("epochs after the record")
    handles = [
        Line2D([], [], color=NOTE, label="trained"),
        Line2D([], [], color=COLOURS["node"], linewidth=2, label="node operator"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    errors = np.abs(one.curves["paths/predicted"][-1] - one.curves["paths/true"][-1])
    off = [f"{error:.2g}" for error in errors]
    return plates.Plate(
        figure,
        "Six weights over time, recorded up to zero, then trained further in grey and predicted in "
        "orange. In the upper row predictions leave along smooth bending curves; in the lower row "
        "they stay close to the trained weights.",
        f"Single weights of seed {one.config['seed']}. Above: the worst weight of each of the "
        f"three worst nodes, off by {', '.join(off[:3])} after two epochs. Below: weights of "
        f"median error, off by {', '.join(off[3:])}. Training is a path with kinks; a prediction "
        "is a sum of exponentials and can have none.",
        "weights",
    )
