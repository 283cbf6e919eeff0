"""Operators beside the straight line through the last recorded weights."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np

from koopnb.chapters.ode_networks.reading import by_setting
from koopnb.chapters.ode_networks.wording import NAMES, by_optimizer, plain
from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS
from koopnb.experiments import ode
from koopnb.experiments.record import Record

MARKERS = {"node": "o", "layer": "s", "network": "D"}


class Beside(NamedTuple):
    """An operator's median error over the line's, and its interval of 95% over networks."""

    value: float
    low: float
    high: float


def beside_line(records: Sequence[Record], name: str) -> dict[tuple[str, str], Beside]:
    """By optimizer and points, the errors of one kind of operators beside the line's."""
    arms = f"{name} float64", "linear"
    return {
        setting: Beside(ode.error_over(one, *arms), *ode.error_interval(one, *arms))
        for setting, one in by_setting(records).items()
    }


def closer_than_line(records: Sequence[Record]) -> plates.Text:
    """In how many trainings operators beat the line, and in how many beyond doubt."""
    counts = {}
    for name in MARKERS:
        found = beside_line(records, name).values()
        counts[name] = sum(one.value < 1 for one in found), sum(one.high < 1 for one in found)
    return plates.Text(
        "Network operators end closer to the trained weights than the straight line in "
        f"{counts['network'][0]} of {len(records)} trainings; the interval of the ratio, over "
        f"networks, lies below 1 in {counts['network'][1]}. For layer operators these numbers are "
        f"{counts['layer'][0]} and {counts['layer'][1]}, for node operators {counts['node'][0]} "
        f"and {counts['node'][1]}."
    )


@plates.styled
def line(records: Sequence[Record]) -> plates.Plate:
    """Errors of operators over the straight line's, with intervals, in every training."""
    figure, axis = plt.subplots(figsize=(8.8, 3.9))
    beside = {name: beside_line(records, name) for name in MARKERS}
    for shift, (name, found) in enumerate(beside.items()):
        middle, low, high = np.transpose([*found.values()])
        axis.errorbar(
            middle, np.arange(len(found)) + (shift - 1) * 0.24, xerr=[middle - low, high - middle],
            fmt=MARKERS[name], color=COLOURS[name], label=f"{name} operators", capsize=3,
        )  # fmt: skip
    axis.axvline(1, color="black", linewidth=1.2)
    where = axis.get_xaxis_transform()
    axis.text(0.98, 1.01, "closer than the line", transform=where, ha="right")
    axis.text(1.02, 1.01, "  further off", transform=where)
    axis.set(xscale="log", xlabel="median error / the straight line's median error")
    network = beside["network"]
    axis.set_yticks(range(len(network)), [f"{NAMES[o]}, {points}" for o, points in network])
    axis.set_xticks([0.1, 0.2, 0.5, 1, 2], ["0.1", "0.2", "0.5", "1", "2"])
    axis.minorticks_off()
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    best, worst = (pick(network, key=lambda key: network[key].value) for pick in (min, max))
    below = sum(one.value < 1 for one in network.values())
    total = len(network)
    everywhere = "every training" if below == total else f"{below} of {total} trainings"
    numbers = {
        name: by_optimizer(
            {o: one.value for (o, points), one in found.items() if points == "fixed"}
        )
        for name, found in beside.items()
    }
    return plates.Plate(
        figure,
        f"Ratios of errors to the straight line's, with intervals, for every training and "
        "three kinds of operators, on a logarithmic axis with a line at one. Network operators "
        f"with fixed points: {numbers['network']}. Node operators: {numbers['node']}.",
        f"In {everywhere} the median error of network operators is below the straight line's. The "
        f"ratio is {plain(network[best].value)} at best ({NAMES[best[0]]}, {best[1]} points) and "
        f"{plain(network[worst].value)} at worst ({NAMES[worst[0]]}, {worst[1]} points). Bars: "
        "intervals of 95% over networks.",
        "line",
    )


def line_table(records: Sequence[Record]) -> plates.Text:
    """The same numbers as a table."""
    beside = {name: beside_line(records, name) for name in MARKERS}
    rows = [
        {"Optimizer": NAMES[optimizer], "Points": points}
        | {
            f"{name} operators": "{} ({} to {})".format(*map(plain, found[optimizer, points]))
            for name, found in beside.items()
        }
        for optimizer, points in by_setting(records)
    ]
    return plates.dropdown(
        "The same as a table",
        f"Median error over the straight line's (95% interval)\n\n{plates.table(rows)}",
    )


def line_window(records: Sequence[Record]) -> plates.Text:
    """How many weights the line and the operators see."""
    config = records[0].config
    return plates.Text(
        f"The line sees the last {config['averaged']:,} recorded weights and the operators all "
        f"{config['record']:,}; that window is not tuned."
    )
