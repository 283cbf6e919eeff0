"""How far predicted weights are from trained ones, at the horizon and on the way to it."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from matplotlib.lines import Line2D

from koopnb.chapters.ode_networks.panels import column, name_columns, one_line, panels, thousands
from koopnb.chapters.ode_networks.reading import (
    ARMS,
    NETWORK,
    NODE,
    OPERATOR_ARMS,
    by_setting,
    error_ratios,
    loss_ratios,
    of_each,
)
from koopnb.chapters.ode_networks.wording import NAMES, by_optimizer, joined
from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS, MARK
from koopnb.experiments import ode
from koopnb.experiments.record import Record

BEST = 11  # of the networks, those that the paper's program keeps
LINES = {
    "weight float64": (MARK, ":"), "node float64": (COLOURS["node"], "-"),
    "layer float64": (COLOURS["layer"], "-"), "network float64": (COLOURS["network"], "-"),
    "linear": ("black", "--"),
}  # fmt: skip


@plates.styled
def forecasts(records: Sequence[Record]) -> plates.Plate:
    """The error over the true change at the horizon: of every network, of all, of the best."""
    figure, each = panels(records, "error / true change\n(1: no change)", 3.9)
    for axis, one in each:
        change = ode.errors_at_horizon(one, "no change")
        for place, arm in enumerate(ARMS):
            error = ode.errors_at_horizon(one, arm)
            column(axis, place, arm, error / change, ode.error_over(one, arm))
            best = ode.error_over(one, arm, best=BEST)
            axis.plot(place + 0.38, best, "D", mfc="white", color="black", markersize=5)
        one_line(axis)
        name_columns(axis, [*ARMS.values()])
    handles = [
        Line2D([], [], color=COLOURS["node"], marker=".", ls="", label="a network, operators"),
        Line2D([], [], color=COLOURS["mean"], marker=".", ls="", label="a network, no operator"),
        Line2D([], [], color="black", linewidth=2.2, label="all networks"),
        Line2D([], [], color="black", marker="D", mfc="white", ls="", label=f"best {BEST}"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=4)
    network, node, line = (
        by_optimizer(error_ratios(records, arm)) for arm in (NETWORK, NODE, "linear")
    )
    average = "above" if min(error_ratios(records, "mean").values()) > 1 else "not always above"
    return plates.Plate(
        figure,
        f"For each optimizer, dots of {records[0].config['networks']} networks for weight, node, "
        "layer and network operators, a straight line and the average, on a logarithmic scale "
        "with a line at one, where a prediction of no change lies. Medians of network operators: "
        f"{network}. Of node operators: {node}. Of the straight line: {line}. The average lies "
        f"{average} one.",
        "How far a network operator is off depends on the optimizer. Its error over the true "
        f"change, {records[0].config['horizon']:,} iterations ahead, fixed points: {network}. "
        "Dots: every network. Bars: all networks together. Diamonds: the best eleven.",
        "errors",
    )


def every_arm(records: Sequence[Record]) -> plates.Text:
    """A table of all arms but the average in all trainings, those with the largest error first."""
    cases = [
        (ode.error_over(one, arm), setting, arm)
        for setting, one in by_setting(records).items()
        for arm in ARMS
        if arm != "mean"
    ]
    rows = []
    for value, setting, arm in sorted(cases, reverse=True):
        one = by_setting(records)[setting]
        low, high = ode.error_interval(one, arm)
        closer = ode.errors_at_horizon(one, arm) < ode.errors_at_horizon(one, "no change")
        rows.append(
            {
                "Optimizer": NAMES[setting[0]],
                "Points": setting[1],
                "Arm": ARMS[arm],
                f"All {len(closer)} (95% interval)": f"{value:.2g} ({low:.2g} to {high:.2g})",
                f"Best {BEST}": f"{ode.error_over(one, arm, best=BEST):.2g}",
                "Networks that beat no change": f"{np.mean(closer):.0%}",
            }
        )
    return plates.dropdown("Every arm, worst first", plates.table(rows))


def selection(records: Sequence[Record]) -> plates.Text:
    """What it does to the summary that only the best networks are kept."""
    pairs = np.array(
        [
            (ode.error_over(one, arm), ode.error_over(one, arm, best=BEST))
            for one in records
            for arm in OPERATOR_ARMS
        ]
    )
    factors = pairs[:, 1] / pairs[:, 0]
    across = np.sum((pairs[:, 0] < 1) != (pairs[:, 1] < 1))
    return plates.Text(
        f"Keeping the best eleven lowers the summary in {np.sum(factors < 1)} of {len(factors)} "
        f"cases, four kinds of operators in each training. It multiplies it by "
        f"{np.median(factors):.2f} in the median, and by {factors.min():.2f} to "
        f"{factors.max():.2f} in all. It moves {across or 'none'} of them across 1."
    )


@plates.styled
def horizon(records: Sequence[Record]) -> plates.Plate:
    """The error over the true change against how far is predicted."""
    figure, each = panels(records, "error / true change", 3.6)
    shares = defaultdict(list)
    for axis, one in each:
        steps = one.config["stride"] * np.arange(1, len(one.curves["no change/error"]) + 1)
        for arm, (colour, style) in LINES.items():
            axis.plot(
                steps,
                ratios_on_the_way(one, arm),
                style,
                color=colour,
                label=ARMS[arm],
                linewidth=1.8,
            )
        one_line(axis)
        thousands(axis, "iterations ahead")
        axis.set_xlim(left=0)
        closer = float(np.mean(ratios_on_the_way(one, NETWORK) < ratios_on_the_way(one, "linear")))
        share = {0.0: "no horizon", 1.0: "all horizons"}.get(
            closer, f"{closer:.0%} of the horizons"
        )
        shares[share].append(NAMES[one.config["optimizer"]])
    figure.legend(*each[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=5)
    first = of_each(records, lambda one: ratios_on_the_way(one, NETWORK)[0])
    return plates.Plate(
        figure,
        "Error over true change against the horizon, for three optimizers and a line at one. At "
        f"the first horizon network operators are at {by_optimizer(first)}, at the last at "
        f"{by_optimizer(error_ratios(records, NETWORK))}; the straight line ends at "
        f"{by_optimizer(error_ratios(records, 'linear'))}.",
        "Network operators are closer than the straight line "
        + joined([f"at {share} with {joined(names)}" for share, names in shares.items()])
        + ". Medians over all networks, fixed points; below 1 a prediction is closer than no "
        "change.",
        "horizon",
    )


def ratios_on_the_way(one: Record, arm: str) -> np.ndarray:
    """Median error over median true change at every horizon."""
    pairs = zip(one.curves[f"{arm}/error"], one.curves["no change/error"], strict=True)
    return np.array([ode.ratio(error, change) for error, change in pairs])


def rattle(records: Sequence[Record]) -> plates.Text:
    """Whether an optimizer's weights drift or rattle, as the loss of their average shows."""
    return plates.Text(
        "How good a prediction can be depends on how the optimizer moves. Averaging the last "
        f"{records[0].config['averaged']:,} recorded weights multiplies the loss by these factors, "
        f"in the median over networks: {by_optimizer(loss_ratios(records, 'mean'))}. So Adadelta's "
        "weights rattle about a slow path, and those of Adam and Adagrad drift. Predictions are "
        "good where the weights drift, and poor where they rattle."
    )
