"""The early dip of the loss, and what lies near it."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from koopnb.chapters.why_it_deteriorates.readings import averaged, last, read
from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS, NOTE
from koopnb.experiments.causes import TOGETHER
from koopnb.experiments.record import Record


@plates.styled
def dip(records: Sequence[Record]) -> plates.Plate:
    """The loss of five states, a dot a seed: the last weights, three of operators, the mean."""
    figure, axes = plt.subplots(1, 3, figsize=(9.8, 3.0), sharey=True, sharex=True)
    for axis, name in zip(axes, TOGETHER, strict=True):
        _states(axis, records, name)
    axes[0].invert_yaxis()
    reached = [
        f"{np.median(read(records, 'dip', name, 'iteration')):.0f} ({name})" for name in TOGETHER
    ]
    left = [f"{np.median(_to_mean(records, name)):.2f} ({name})" for name in TOGETHER]
    return plates.Plate(
        figure,
        "Dots of test loss for five states. The last weights are highest. Slow modes at a "
        "standstill, the lowest point of each path and the mean of the last epoch lie close "
        "together.",
        "Each dot a seed, bars medians. The lowest point is picked on the test curve, which "
        "favours the path. *Slow modes*: the prediction after one step without modes whose "
        "half-life is below a twentieth of an epoch. The lowest point is reached after "
        f"{', '.join(reached)} iterations. Its distance to the mean, over that of the last "
        f"weights: {', '.join(left)}.",
        "dip",
    )


def _to_mean(records: Sequence[Record], name: str) -> np.ndarray:
    """The lowest point's distance to the mean, over that of the last weights."""
    return read(records, "dip", name, "to mean") / read(records, "dip", name, "last to mean")


def _states(axis: Axes, records: Sequence[Record], name: str) -> None:
    states = {
        "last weights": (last(records), NOTE),
        "projection, $s = 0$": (read(records, "dip", name, "projection"), COLOURS[name]),
        "slow modes, $s = 1$": (read(records, "dip", name, "slow modes"), COLOURS[name]),
        "lowest point of the path": (read(records, "dip", name, "lowest"), COLOURS[name]),
        "mean of the last epoch": (averaged(records), NOTE),
    }
    for place, (losses, colour) in enumerate(states.values()):
        axis.plot(losses, [place] * len(losses), "o", color=colour, alpha=0.6, markersize=5)
        axis.plot([np.median(losses)] * 2, [place - 0.3, place + 0.3], color="black", linewidth=2)
    axis.set_yticks(range(len(states)), states)
    axis.set(title=f"{name} operators", xlabel="test loss")
    axis.grid(axis="y", visible=False)
