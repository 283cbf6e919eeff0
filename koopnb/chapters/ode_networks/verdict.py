"""What a prediction costs, which claims hold, and what the chapter has shown."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from koopnb.chapters.ode_networks.reading import NETWORK, NODE, error_ratios, loss_ratios
from koopnb.chapters.ode_networks.wording import NAMES, by_optimizer, called, plain
from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS, LINE, NOTE
from koopnb.evidence import judge, tables
from koopnb.experiments import ode
from koopnb.experiments.record import Record

STAGES = {
    "the prediction alone": (("predict",), LINE, 1.0),
    "+ fit and check": (("predict", "fit", "check"), COLOURS["adadelta"], 0.45),
    "+ recording": (("predict", "fit", "check", "record"), COLOURS["adadelta"], 1.0),
}
Costs = Mapping[str, Mapping[str, Any]]


@plates.styled
def clock(costs: Costs, horizon: int) -> plates.Plate:
    """How many times faster than training a prediction is, by what is counted.

    ``costs`` holds by precision what `ode.time_one_network` gives; ``horizon`` is how many
    iterations are predicted.
    """
    bars = [(name, p) for p in ("float64", "float32") for name in ("node", "network")]
    figure, axis = plt.subplots(figsize=(8.8, 3.6))
    for shift, (label, (counted, colour, alpha)) in enumerate(STAGES.items()):
        places = np.arange(len(bars)) + (shift - 1) * 0.27
        speeds = [ode.speed_up(costs[precision], name, counted) for name, precision in bars]
        drawn = axis.barh(places, speeds, 0.25, color=colour, alpha=alpha, label=label)
        texts = [f"{one:.2g}×" if one < 100 else f"{one:,.0f}×" for one in speeds]
        white = {"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8}
        axis.bar_label(drawn, texts, padding=3, bbox=white)
    axis.axvline(10, color=COLOURS["node"], linewidth=1.5)
    axis.text(10, 1.01, "paper: 10×", color=COLOURS["node"], transform=axis.get_xaxis_transform())
    axis.axvline(1, color=NOTE, linewidth=1)
    axis.set(xscale="log", xlabel=f"how many times faster than {horizon:,} trained iterations")
    axis.set_yticks(range(len(bars)), [f"{n}, {p.replace('float', '')} bit" for n, p in bars])
    axis.invert_yaxis()
    axis.set_xlim(right=axis.get_xlim()[1] * 3)
    axis.grid(axis="y", visible=False)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    alone = ode.speed_up(costs["float64"], "node", ("predict",))
    node, network = (ode.speed_up(costs["float64"], name) for name in ("node", "network"))
    return plates.Plate(
        figure,
        "Bars of speed-up on a logarithmic scale. Node operators' prediction alone, in double "
        f"precision, is {alone:,.0f} times faster than training. With the fit, the check and the "
        f"recording, they are {node:.2g} times as fast.",
        f"The fit costs most. Against training, node operators are {alone:,.0f} times as fast if "
        f"only the prediction counts and {node:.2g} times with all costs; network operators "
        f"{network:.2g} times with all costs (64 bit, MATLAB's cutoff). One network, Adam, fixed "
        "points; the fastest of a few runs each.",
        "time",
    )


def claims(findings: Sequence[judge.Finding], records: Sequence[Record]) -> plates.Text:
    """A table of claims: their numbers by optimizer, and the verdicts on all trainings."""
    rows = []
    for finding in findings:
        claim = finding.claim
        bound = f"≤ {claim.high:g}" if np.isfinite(claim.high) else f"≥ {claim.low:g}"
        numbers: dict[str, list[str]] = {name: [] for name in NAMES.values()}
        for value, one in zip(finding.values, records, strict=True):
            numbers[NAMES[one.config["optimizer"]]].append(plain(value))
        row = {"Statement": claim.statement, "Source": claim.source}
        row["Number, and its bound"] = f"{claim.quantity}, {bound}"
        row |= {name: "; ".join(values) for name, values in numbers.items()}
        rows.append(row | {"Verdict": tables.verdict_of(finding)})
    return plates.Text(f"Fixed points; jittered points:\n\n{plates.table(rows)}")


def training_gain(records: Sequence[Record]) -> plates.Text:
    """In how many trainings training itself lowers the loss by a tenth up to the horizon."""
    gained = sum(ode.loss_over(one, "trained") <= 0.9 for one in records)
    return plates.Text(
        "A tenth of the loss is much to ask of a prediction here: training itself gains as much "
        f"in {gained or 'none'} of the {len(records)} trainings."
    )


def summary(records: Sequence[Record], costs: Costs) -> plates.Text:
    """What the chapter has shown, with the numbers that say so."""
    network, spoiled = error_ratios(records, NETWORK), loss_ratios(records, NODE, NETWORK)
    fine = [o for o, ratio in spoiled.items() if ratio <= 1.1]
    poor = [o for o, ratio in spoiled.items() if ratio > 1.1]
    closer = sum(ode.error_over(one, NETWORK, "linear") < 1 for one in records)
    beside_line = [ode.loss_over(one, NETWORK, "linear") for one in records]
    alike = min(beside_line) >= 0.9 and max(beside_line) <= 1.1
    node_speed, network_speed = (
        ode.speed_up(costs["float64"], name) for name in ("node", "network")
    )
    return plates.Text(
        f"**With {called([o for o, error in network.items() if error <= 0.5])} network operators "
        "predict the weights, as the paper says,** if half of the true change is the bound. "
        f"{records[0].config['horizon']:,} iterations ahead their errors over the true change are "
        f"{by_optimizer(network)}. They are closer than a straight line in {closer} of "
        f"{len(records)} trainings.\n\n"
        f"**Their loss is {'' if alike else 'not '}the straight line's"
        f"{', within a tenth' if alike else ''}.** In the median over networks it is "
        f"{plain(min(beside_line))} to {plain(max(beside_line))} times as high, in the "
        f"{len(records)} trainings.\n\n"
        f"**Node operators are the right compromise with {called(fine)}"
        f"{f', and not with {called(poor)}' if poor and fine else ''}.** Their loss over that of "
        f"network operators is: {by_optimizer(spoiled)}.\n\n"
        "**The prediction is nearly free, and the fit is not.** With all costs counted, on the "
        f"machine that built this page, node operators are {node_speed:.2g} times as fast as the "
        f"training that they replace, and network operators {network_speed:.2g} times.\n\n"
        "Numbers by optimizer are those with fixed points."
    )
