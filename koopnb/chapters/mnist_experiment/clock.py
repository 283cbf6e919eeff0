"""What the arms cost, and what a cheap jump arrives at."""

from collections.abc import Sequence

import matplotlib.pyplot as plt

from koopnb.chapters.mnist_experiment.readings import final_loss, of_average
from koopnb.drawing import plates
from koopnb.drawing.numbers import spread
from koopnb.drawing.palette import COLOURS, INK
from koopnb.experiments import costs
from koopnb.experiments.record import Record

PARTS = ("record", "fit", "predict", "check")


def _ratios(clock: Record, epochs: int) -> dict[str, float]:
    """Every arm's whole cost over that of compiled training for as many epochs."""
    whole = {name: sum(parts.values()) for name, parts in costs.whole(clock, epochs).items()}
    training = whole.pop("optimizer")
    return {name: cost / training for name, cost in whole.items()}


@plates.styled
def whole_costs(clock: Record) -> plates.Plate:
    """Every arm's whole cost over compiled training, for the shortest and longest horizon.

    ``clock`` is the record of the series "costs".
    """
    ahead = clock.config["horizon_epochs"]
    ratios = {epochs: _ratios(clock, epochs) for epochs in (ahead[0], ahead[-1])}
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.6), sharey=True)
    for axis, (epochs, found) in zip(axes, ratios.items(), strict=True):
        for place, ratio in enumerate(found.values()):
            dearer = ratio > 1
            colour = COLOURS["node" if dearer else "mean"]
            axis.plot([1, ratio], [place, place], color=colour, linewidth=5, solid_capstyle="butt")
            axis.annotate(
                f"{ratio:.0f}×" if ratio >= 10 else f"{ratio:.2g}×", (ratio, place),
                (4 if dearer else -4, 0), textcoords="offset points", va="center",
                ha="left" if dearer else "right", color=colour,
            )  # fmt: skip
        axis.axvline(1, color=INK, linewidth=1)
        axis.set(xscale="log", title=f"T = {epochs}", xlabel="whole cost over compiled training")
        axis.xaxis.set_major_formatter("{x:g}")
        axis.minorticks_off()
        axis.grid(axis="y", visible=False)
    every = [ratio for found in ratios.values() for ratio in found.values()]
    plt.setp(axes, xlim=(min(*every, 0.5) / 10, max(every) * 8))
    names = [*ratios[ahead[0]]]
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    cheap = {
        epochs: ", ".join(name.replace(", ", " ") for name, ratio in found.items() if ratio < 1)
        for epochs, found in ratios.items()
    }
    return plates.Plate(
        figure,
        f"Two panels of bars for {ahead[0]} and {ahead[-1]} epochs: recording, fitting, "
        "predicting and checking over the time of compiled training. Step-by-step layer operators "
        f"cost {ratios[ahead[0]]['layer, steps']:.0f} times as much for one epoch. Cheaper than "
        f"{ahead[0]} epoch of training: {cheap[ahead[0]] or 'none'}; than {ahead[-1]}: "
        f"{cheap[ahead[-1]] or 'none'}.",
        "Whole costs: recording, fitting, predicting and checking, over Adadelta's compiled "
        f"training for the same $T$. Left of the line is cheaper. Seed {clock.config['seed']}, "
        f"everything compiled before; {clock.environment['cpu']}, "
        f"{clock.environment['cores']} cores.",
        "whole-costs",
    )


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value >= 1 else f"{float(f'{value * 1e3:.2g}'):g} ms"


def costs_in_parts(clock: Record) -> plates.Text:
    """The seconds of every part of every arm's cost, for the shortest horizon."""
    epochs = clock.config["horizon_epochs"][0]
    whole = costs.whole(clock, epochs)
    training = whole.pop("optimizer")

    def row(name: str, parts: dict[str, float]) -> dict[str, str]:
        cells = {part: _seconds(parts[part]) if part in parts else "–" for part in PARTS}
        return (
            {f"$T = {epochs}$": name}
            | {part.capitalize(): cell for part, cell in cells.items()}
            | {"Total": _seconds(sum(parts.values()))}
        )

    rows = [row(name, parts) for name, parts in whole.items()]
    step, epoch = clock.metrics["step"]["optimizer"], clock.metrics["epoch"]
    return plates.Text(
        f"{plates.table([*rows, row('Adadelta, compiled', training)])}\n\n"
        "*Steps*: the report's decomposition, explicit matrices, one product per iteration. "
        "*Jump*: the cheapest solver, kept in factors, one power; its price is the same for any "
        f"$T$. A gradient step by itself, called from Python, takes {_seconds(step)}, in a "
        f"compiled epoch {_seconds(epoch / clock.metrics['iterations_per_epoch'])}."
    )


def what_a_jump_reaches(report: Sequence[Record], clock: Record) -> plates.Text:
    """The bounded operator's final loss and cost, over those of the averaged weights."""
    last = clock.config["horizon_epochs"][-1]
    loss, cost = final_loss(report, "bounded", last) / of_average(report), _ratios(clock, last)
    return plates.Text(
        f"Where a jump is cheaper than training, look at the loss it arrives at. After {last} "
        f"epochs the bounded operator's is {spread(loss)} times that of the averaged weights, at "
        f"{cost['bounded, jump'] / cost['mean']:.2f} times their cost in this timing."
    )
