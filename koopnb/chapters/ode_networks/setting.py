"""How the networks are trained, and what could be saved of it."""

from collections.abc import Sequence

import numpy as np

from koopnb.chapters.ode_networks.panels import panels, thousands
from koopnb.chapters.ode_networks.reading import fixed, of_each, reached, record_end
from koopnb.chapters.ode_networks.wording import NAMES, by_optimizer, decimal, joined
from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS, INK, NOTE
from koopnb.experiments.record import Record


def setting(records: Sequence[Record]) -> plates.Text:
    """How long and how fast the networks were trained, and on which machine."""
    one, stamp = records[0], records[0].environment
    config = one.config
    rates = [f"{NAMES[o]} {r.metrics['learning_rate']:g}" for o, r in fixed(records).items()]
    minutes = sum(r.environment["seconds"] for r in records) / 60
    return plates.Text(
        f"Each of **{config['networks']} networks** of {one.metrics['weights']} weights trains for "
        f"{config['burn_in']:,} iterations, is recorded for {config['record']:,}, and is predicted "
        f"{config['horizon']:,} iterations ahead, while training itself goes on to compare with. "
        f"The paper does not give its learning rates; here they are {', '.join(rates)}, none of "
        f"them tuned. Computed {stamp['date'][:10]} on {stamp['cpu']} with JAX "
        f"{stamp['packages']['jax']}; all trainings with all operators took {minutes:.0f} "
        "minutes."
    )


@plates.styled
def training(records: Sequence[Record]) -> plates.Plate:
    """The losses of all networks, with the recorded and the predicted iterations marked."""
    start, horizon = (records[0].config[name] for name in ("burn_in", "horizon"))
    end = record_end(records[0])
    figure, each = panels(records, "loss", 3.4)
    for axis, one in each:
        at, loss = one.curves["training/loss/at"], one.curves["training/loss"]
        axis.axvspan(start, end, color=COLOURS["recorded"], alpha=0.14, linewidth=0)
        axis.axvspan(end, end + horizon, color=COLOURS["predicted"], alpha=0.28, linewidth=0)
        axis.plot(at, loss, color=NOTE, linewidth=0.5, alpha=0.5)
        axis.plot(at, np.median(loss, axis=1), color="black", linewidth=1.8)
        thousands(axis, "iteration")
    last = each[-1][0]
    labels = {
        "recorded": ((start + end) / 2, 0.97, "center"),
        "predicted": (end + horizon, 0.9, "right"),
    }
    for word, (x, height, side) in labels.items():
        last.text(
            x, height, word, ha=side, va="top", color=INK, transform=last.get_xaxis_transform()
        )
    return plates.Plate(
        figure,
        f"Three panels of {records[0].config['networks']} loss curves each, which fall steeply at "
        "first and slowly later. The recorded window lies near the end, and the predicted window "
        "after it is a narrow band.",
        f"Operators replace the last {horizon / (end + horizon):.0%} of the training (orange). The "
        "iterations that they learn from come just before (blue). Grey: the loss of every "
        "network, fixed points. Black: the median.",
        "training",
    )


def limit(records: Sequence[Record]) -> plates.Text:
    """What the whole training could gain at most, and how far the loss falls before."""
    start, horizon = (records[0].config[name] for name in ("burn_in", "horizon"))
    end = record_end(records[0])
    before = of_each(records, lambda one: fallen(one, 1, start))
    recorded = of_each(records, lambda one: fallen(one, start, end))
    losses = of_each(records, reached)
    return plates.Text(
        f"If prediction cost nothing, the whole training would be {(end + horizon) / end:.3f} "
        f"times faster, because the paper's factor of ten is about the last {horizon:,} of "
        f"{end + horizon:,} iterations. Most of the training is over by then: the median loss "
        f"falls by these factors before the record begins: {by_optimizer(before)}; and by these "
        f"while the weights are recorded: {by_optimizer(recorded)}. At the end of the record it is "
        + joined([f"{decimal(loss)} with {NAMES[o]}" for o, loss in losses.items()])
        + "."
    )


def fallen(one: Record, start: int, stop: int) -> float:
    """The factor by which the median loss falls between two iterations."""
    at, middle = one.curves["training/loss/at"], np.median(one.curves["training/loss"], axis=1)
    return float(middle[np.searchsorted(at, start)] / middle[np.searchsorted(at, stop)])
