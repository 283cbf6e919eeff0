"""Optimizers other than the report's: the same operators, fitted to their records."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np

from koopnb.chapters.mnist_experiment.readings import at_horizon, final_loss, horizons, of_average
from koopnb.drawing import figures, plates
from koopnb.drawing.numbers import rounded, spread
from koopnb.drawing.palette import COLOURS
from koopnb.experiments import mnist
from koopnb.experiments.record import Record

TITLES = {
    "adadelta": "Adadelta",
    "adam": "Adam",
    "adagrad": "Adagrad",
    "sgd": "SGD",
    "momentum": "momentum",
}
TOP = 10  # of the panels' losses


def by_optimizer(records: Sequence[Record]) -> dict[str, list[Record]]:
    """The records of every optimizer that has some, in the order of `TITLES`."""
    found = {name: [one for one in records if one.config["optimizer"] == name] for name in TITLES}
    return {name: among for name, among in found.items() if among}


def _panels(report: Sequence[Record], others: Sequence[Record]) -> dict[str, list[Record]]:
    """The other optimizers' records, and before them Adadelta's of the same seeds."""
    seeds = {one.config["seed"] for one in others}
    return by_optimizer([*(one for one in report if one.config["seed"] in seeds), *others])


@plates.styled
def optimizers(report: Sequence[Record], others: Sequence[Record]) -> plates.Plate:
    """Test loss beside every optimizer: its own, node operators', the bounded operator's.

    ``report`` are Adadelta's records; of those only the seeds that ``others`` have are shown.
    """
    panels, last = _panels(report, others), horizons(report)[-1]
    figure, axes = plt.subplots(
        1, len(panels), figsize=(9.5, 3.2), sharey=True, squeeze=False
    )  # fmt: skip
    for axis, (name, among) in zip(axes[0], panels.items(), strict=True):
        _panel(axis, among, TITLES[name])
    axes[0, 0].set_ylabel("test loss")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    finals = {
        TITLES[name]: [
            float(np.median(final_loss(among, arm, last)))
            for arm in ("node", "bounded", "adadelta")
        ]
        for name, among in panels.items()
    }
    node, bounded, own = np.array([*finals.values()]).T
    medians = (f"{title} {', '.join(map(rounded, values))}" for title, values in finals.items())
    rates = (f"{TITLES[name]} {rate:g}" for name, (_, rate) in mnist.OPTIMIZERS.items())
    return plates.Plate(
        figure,
        f"Test loss over {last} epochs in {len(panels)} panels, one per optimizer. The node "
        f"operators' median loss ends above the panel's top of {TOP} with {np.sum(node > TOP)} of "
        f"{len(panels)} optimizers; the bounded operator's ends at most at {bounded.max():.2f}, "
        f"the optimizers' at most at {own.max():.2f}.",
        f"{len(panels['adadelta'])} seeds each. Median loss after {last} epochs, of node "
        f"operators, bounded operator and optimizer: {'; '.join(medians)}. Learning rates: "
        f"{', '.join(rates)}.",
        "optimizers",
    )


def _panel(axis: plt.Axes, among: Sequence[Record], title: str) -> None:
    per_epoch = among[0].metrics["iterations_per_epoch"]
    for arm, label, colour in (
        ("node", "node operators", "node"),
        ("optimizer", "the optimizer", "adadelta"),
        ("bounded", "bounded network operator", "bounded"),
    ):
        at = among[0].curves[f"{arm}/loss/at"] / per_epoch
        runs = [one.curves[f"{arm}/loss"] for one in among]
        curves = figures.SeedCurves(label, COLOURS[colour], at, runs)
        figures.paths(axis, [curves], title=title, ylabel="")
    average = float(np.median(of_average(among)))
    figures.level(axis, average, "mean of the last recorded epoch", COLOURS["mean"])
    axis.set(xlabel="epochs", yscale="log", ylim=(0.12, TOP))
    axis.set_yticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
    axis.minorticks_off()


def learning(report: Sequence[Record], others: Sequence[Record]) -> plates.Text:
    """How far every optimizer still learns, and where average and bounded operator stand by it."""
    panels, ahead = _panels(report, others), horizons(report)
    ratios = {TITLES[name]: _ratios(among, ahead) for name, among in panels.items()}
    table = plates.table(
        {"Optimizer": title} | {head: spread(values) for head, values in row.items()}
        for title, row in ratios.items()
    )
    below = [
        title for title, row in ratios.items() if np.median(row["Averaged weights over it"]) < 1
    ]
    return plates.Text(
        f"{table}\n\nMedian and range over seeds, at $T = {ahead[-1]}$. In the median the "
        "averaged weights are below the optimizer's median iterate of the last epoch with "
        f"{len(below)} of {len(panels)} optimizers{': ' * bool(below)}{', '.join(below)}. An "
        "average removes noise once; an optimizer that goes on learning can overtake it."
    )


def _ratios(among: Sequence[Record], ahead: Sequence[int]) -> Mapping[str, np.ndarray]:
    final = at_horizon(among, "adadelta", ahead[-1], "loss_median")
    return {
        "Its median loss, last epoch over first": final
        / at_horizon(among, "adadelta", ahead[0], "loss_median"),
        "Averaged weights over it": of_average(among) / final,
        "Bounded operator over it": final_loss(among, "bounded", ahead[-1]) / final,
    }
