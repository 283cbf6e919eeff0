"""What the predicted networks are worth: their losses, and the orbits that they propose."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float

from koopnb.chapters.ode_networks.panels import column, name_columns, one_line, panels
from koopnb.chapters.ode_networks.reading import (
    ARMS,
    NETWORK,
    NODE,
    error_ratios,
    fixed,
    loss_ratios,
)
from koopnb.chapters.ode_networks.wording import NAMES, by_optimizer, joined, plain
from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS, INK
from koopnb.experiments import ode
from koopnb.experiments.ode import oscillator
from koopnb.experiments.record import Record

VALUED = ARMS | {"trained": "training goes on"}
ORBITS = {
    NODE: ("node operators", COLOURS["node"], "-"),
    NETWORK: ("network operators", COLOURS["network"], "-"),
    "mean": ("average", COLOURS["mean"], "-"),
    "trained": ("training goes on", INK, "--"),
}
ORBIT_OPTIMIZERS = ("adadelta", "adam")


@plates.styled
def worth(records: Sequence[Record]) -> plates.Plate:
    """The loss of predicted networks over that at the end of the record."""
    figure, each = panels(records, "loss / loss at the record's end", 3.9)
    for axis, one in each:
        for place, arm in enumerate(VALUED):
            column(axis, place, arm, ode.losses_over(one, arm), ode.loss_over(one, arm))
        one_line(axis)
        name_columns(axis, [*VALUED.values()])
    node, network, trained = (
        by_optimizer(loss_ratios(records, arm)) for arm in (NODE, NETWORK, "trained")
    )
    return plates.Plate(
        figure,
        f"Dots of {records[0].config['networks']} networks for each arm and optimizer, on a "
        "logarithmic scale: the loss after prediction over the loss when the record ended, with a "
        f"line at one. Medians of node operators: {node}. Of network operators: {network}. Of "
        f"training itself: {trained}.",
        "What prediction does to the loss. Node operators multiply it by these factors, in the "
        f"median: {node}. Dots: every network, {records[0].config['horizon']:,} iterations ahead, "
        "fixed points. Bars: medians.",
        "losses",
    )


def worth_table(records: Sequence[Record]) -> plates.Text:
    """The medians of the same losses."""
    rows = [
        {"Optimizer": NAMES[optimizer]}
        | {label: plain(ode.loss_over(one, arm)) for arm, label in VALUED.items()}
        for optimizer, one in fixed(records).items()
    ]
    return plates.Text(
        "Loss at the horizon over the loss at the end of the record, medians over networks, fixed "
        f"points:\n\n{plates.table(rows)}"
    )


def worth_compared(records: Sequence[Record]) -> plates.Text:
    """Losses of node operators beside errors, and of network operators beside simpler arms."""
    spoiled, error = loss_ratios(records, NODE, NETWORK), error_ratios(records, NODE)
    line, mean = (loss_ratios(records, NETWORK, other) for other in ("linear", "mean"))
    within = [
        whose
        for whose, ratios in (("the straight line's", line), ("the average's", mean))
        if all(0.9 <= ratio <= 1.1 for ratio in ratios.values())
    ]
    near = f"Network operators have a loss within a tenth of {joined(within)}. " if within else ""
    return plates.Text(
        "Node operators can come close to the weights and still ruin the network. With Adam their "
        f"error is {plain(error['adam'])} of the true change, and their loss "
        f"{plain(spoiled['adam'])} times that of network operators (with Adadelta "
        f"{plain(spoiled['adadelta'])} times, with Adagrad {plain(spoiled['adagrad'])} times). The "
        "size of an error is not all that counts: weight operators are further off than node "
        "operators with Adam, and spoil the loss less, so directions matter, and the loss is steep "
        f"in some of them.\n\n{near}Network by network, in the median, the loss of network "
        f"operators over the straight line's is: {by_optimizer(line)}; and over the average's: "
        f"{by_optimizer(mean)}.\n\nTraining itself multiplies the loss by these factors: "
        f"{by_optimizer(loss_ratios(records, 'trained'))}. So with Adam and Adagrad there is "
        "little to win, and what is won with Adadelta beyond training is the rattle that a "
        "prediction or an average leaves out."
    )


def orbits(one: Record, arm: str) -> Float[np.ndarray, "networks 2 points"]:
    """Position and momentum over time, as every network of an arm proposes them."""
    rows = one.curves[f"{arm}/weights"]
    config = ode.OdeConfig(networks=len(rows), collocation=one.config["collocation"])
    times = ode.equidistant_times(config)
    return np.asarray(oscillator.solution(ode.networks_of_rows(rows), times))


def true_orbit(one: Record) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, "2 points"]]:
    """The fixed points, and the equation's own position and momentum there."""
    t = np.linspace(0, oscillator.END, one.config["collocation"])
    return t, oscillator.truth(t)


def orbit_distance(one: Record, arm: str) -> float:
    """Root mean square distance from the true orbit, the median over networks."""
    squares = (orbits(one, arm) - true_orbit(one)[1]) ** 2
    return float(np.median(np.sqrt(np.mean(squares, axis=(1, 2)))))


@plates.styled
def solutions(records: Sequence[Record]) -> plates.Plate:
    """Orbits of the networks whose node prediction has the median and the largest loss."""
    figure, axes = plt.subplots(2, 4, sharex=True, sharey="row", figsize=(9.5, 4.8))
    for side, optimizer in enumerate(ORBIT_OPTIMIZERS):
        one = fixed(records)[optimizer]
        t, true = true_orbit(one)
        order = np.argsort(one.curves[f"{NODE}/loss"][-1])
        chosen = {"median": order[len(order) // 2], "worst": order[-1]}
        for pair, (kind, which) in zip(axes.T[2 * side :], chosen.items(), strict=False):
            pair[0].set_title(f"{NAMES[optimizer]}, {kind}")
            pair[1].set_xlabel("time t")
            for axis, truth in zip(pair, true, strict=True):
                axis.plot(t, truth, color="black", lw=5, alpha=0.2, label="the equation itself")
            for arm, (label, colour, style) in ORBITS.items():
                for axis, proposed in zip(pair, orbits(one, arm)[which], strict=True):
                    axis.plot(t, proposed, style, color=colour, label=label, lw=1.3)
    axes[0, 0].set_ylabel("position χ")
    axes[1, 0].set_ylabel("momentum p")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=5)
    gaps = [
        f"{plain(orbit_distance(fixed(records)[optimizer], 'trained'))} with {NAMES[optimizer]}"
        for optimizer in ORBIT_OPTIMIZERS
    ]
    return plates.Plate(
        figure,
        "Position and momentum over time in four columns. The networks trained with Adadelta "
        "oscillate too slowly and lose height, whichever arm goes on; the node operators' solution "
        "is off by itself. With Adam all arms lie on each other, and on the true orbit but for a "
        "lag.",
        "Adam has found the orbit, and Adadelta has not, whoever goes on. Median root mean square "
        f"distance from the true orbit where training goes on: {joined(gaps)}. Fixed points; grey: "
        "the equation itself.",
        "solutions",
    )


def distances_table(records: Sequence[Record]) -> plates.Text:
    """How far from the true orbit each arm's networks are."""
    rows = [
        {"Optimizer": NAMES[optimizer]}
        | {
            label: plain(orbit_distance(fixed(records)[optimizer], arm))
            for arm, (label, _, _) in ORBITS.items()
        }
        for optimizer in ORBIT_OPTIMIZERS
    ]
    return plates.Text(
        "Median root mean square distance from the true orbit, over all networks:\n\n"
        f"{plates.table(rows)}"
    )
