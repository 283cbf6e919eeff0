"""The random field: one weight's landscape and a network's loss, batch by batch."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from koopnb.chapters.stochastic_gradients import well
from koopnb.drawing import plates
from koopnb.drawing.numbers import extent
from koopnb.drawing.palette import COLOURS
from koopnb.dynamics.potentials import double_well
from koopnb.experiments.noise import DEEP, INFLECTION, SHALLOW, TOP, Field
from koopnb.experiments.noise.gradients import FIELD_BATCH, FIELD_DRAWS
from koopnb.experiments.record import Record

SHOWN = 30  # batches
THIN: dict[str, Any] = {"color": COLOURS["works"], "alpha": 0.3, "linewidth": 0.8}
THICK: dict[str, Any] = {"color": COLOURS["truth"], "linewidth": 2.2}


@plates.styled
def field(tilts: Float[np.ndarray, " draws"], network: Field, *, epochs: int) -> plates.Plate:
    """Landscapes of single batches around the whole one, for one weight and for a network.

    Args:
        tilts: what each batch adds to the slope of the double well.
        network: its loss along its gradient.
        epochs: for how many it was trained.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.9))
    _one_weight(left, tilts[:SHOWN])
    distances, full, batches = network.distances, network.full, network.batches
    right.plot(distances, batches[:, :SHOWN], **THIN)
    right.plot(distances, full, **THICK)
    right.set(
        xlabel="distance along the gradient", ylabel="loss", ylim=(0, None),
        title=f"(b) the network, {SHOWN} batches of {FIELD_BATCH}",
    )  # fmt: skip
    lowest = distances[batches.argmin(axis=0)]
    return plates.Plate(
        figure,
        alt="Two panels of thirty thin blue curves around one thick black curve. Left, a double "
        "well whose tilted copies lose the shallow minimum in many draws. Right, the network's "
        "loss along a line: the batches' curves have the same shape and different heights and "
        "minima.",
        caption="The mini-batch potential is a random field: each thin curve is $f_B$ for one "
        f"batch, the black one is $f$. (a) In {np.mean(~trapped(tilts)):.0%} of {len(tilts):,} "
        f"draws the shallow minimum does not exist. (b) After {epochs} epochs, the lowest point "
        f"on the line lies at {lowest.mean():.2f} on average and scatters by {lowest.std():.2f}; "
        f"the full loss has it at {distances[full.argmin()]:.2f}.",
        name="field",
    )


def mean_of_field(records: Sequence[Record]) -> plates.Text:
    """How far the field's mean is from the loss, and how far one error reaches."""
    fields = [one.metrics["field"] for one in records]
    return plates.Text(
        f"Over {FIELD_DRAWS:,} batches and all points of the line the mean of $f_B$ differs from "
        f"$f$ by at most {max(one['bias'] for one in fields):.1f} standard errors, in any of "
        f"{len(records)} seeds. The error $f_B - f$ at the weights has a correlation above 1/2 "
        f"with the error as far as {extent((one['reach'] for one in fields), '.2g')} away on the "
        "line."
    )


def trapped(tilts: Float[np.ndarray, " draws"]) -> np.ndarray:
    """Whether the tilted double well has a minimum between the inflection and the barrier."""
    place = np.linspace(*double_well().view[0], 400)
    inside = (place > -0.9) & (place < TOP)
    slope = np.gradient(well.height(place[inside]), place[inside]) + tilts[:, None]
    return (np.diff(np.sign(slope), axis=1) > 0).any(axis=1)


def _one_weight(axis: Axes, tilts: Float[np.ndarray, " draws"]) -> None:
    place = np.linspace(*double_well().view[0], 400)
    height = well.height(place)
    axis.plot(place, height[:, None] + place[:, None] * tilts, **THIN)
    axis.plot(place, height, **THICK)
    axis.set(
        ylim=(-1.1, 1.1), xlabel=r"weight $\theta$", ylabel="loss",
        title=f"(a) one weight, {len(tilts)} batches of {FIELD_BATCH}",
    )  # fmt: skip
    for at, name, shift in ((SHALLOW, "shallow", -30), (DEEP, "deep", -30),
                            (INFLECTION, "inflection", 26)):  # fmt: skip
        point = at, np.interp(at, place, height)
        axis.plot(*point, "o", color=COLOURS["fails"], zorder=5)
        axis.annotate(
            name, point, (0, shift), textcoords="offset points", ha="center",
            color=COLOURS["fails"], weight="bold",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )  # fmt: skip
