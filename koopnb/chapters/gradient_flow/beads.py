"""Sticky world: a bead in treacle beside gradient descent with a small and a large step."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np

from koopnb.drawing import animations, figures, plates
from koopnb.drawing.palette import COLOURS, MARK, NOTE
from koopnb.dynamics.motion import Trajectory
from koopnb.dynamics.potentials import Potential


def film(
    well: Potential, sticky: Trajectory, descents: Mapping[float, Trajectory], until: float
) -> None:
    """Shows the bead and two descents on the same wire, by the same clock.

    ``descents`` are by learning rate, the smaller first.
    """
    (slow, small), (fast, large) = descents.items()
    worlds = [
        animations.World("sticky bead", COLOURS["flow"], sticky, ending="stuck on the step"),
        animations.World("descent, slow", COLOURS["descent"], small, step=slow,
                         ending="stuck on the step"),
        animations.World("descent, fast", COLOURS["momentum"], large, step=fast,
                         ending="jumped over it"),
    ]  # fmt: skip
    animations.show(
        animations.beads(well, worlds, until=until),
        alt=(
            "Three beads on the same wire. The sticky bead and slow gradient descent creep down "
            "the left slope and stop on the flat step; fast gradient descent hops over the step "
            "and settles in the shallow minimum beyond."
        ),
        caption=(
            f"Sticky world: the bead in treacle, and gradient descent with $\\eta = {slow}$ and "
            f"$\\eta = {fast}$, by the same clock $t = k\\eta$."
        ),
        name="film-sticky-world",
    )


@plates.styled
def positions(
    sticky: Trajectory, flow: Trajectory, descents: Mapping[float, Trajectory]
) -> plates.Plate:
    """Where the bead, the flow and two descents are over time."""
    figure, axis = plt.subplots()
    (slow, small), (fast, large) = descents.items()
    times, until = sticky.time, float(sticky.time[-1])
    axis.plot(times, flow.x[:, 0], color=COLOURS["flow"], lw=1.5, ls="--")
    axis.plot(times, sticky.x[:, 0], color=COLOURS["flow"], lw=2.5)
    axis.plot(small.time * slow, small.x[:, 0], ".", color=COLOURS["descent"], ms=3)
    axis.plot(large.time * fast, large.x[:, 0], "s-", color=COLOURS["momentum"], ms=4, lw=0.8)
    for y, words in ((-1, "inflection"), (0, "shallow minimum")):
        axis.axhline(y, color=MARK, lw=0.8, zorder=0.5)
        axis.text(until, y + 0.03, words, ha="right", color=NOTE)
    axis.annotate("sticky bead", (0.55, np.interp(0.55, times, sticky.x[:, 0])), (14, -12),
                  textcoords="offset points", color=COLOURS["flow"],
                  fontweight="bold")  # fmt: skip
    axis.text(1.2, -0.94, rf"flow (dashed), and descent with $\eta = {slow}$ (dots)",
              color=COLOURS["descent"], va="bottom")  # fmt: skip
    axis.text(4.2, -0.12, rf"descent with $\eta = {fast}$", color=COLOURS["momentum"], va="top")
    axis.set(xlabel=r"time $t = k\eta$", ylabel=r"$x$ or $\theta$", xlim=(0, until),
             ylim=(None, 0.2))  # fmt: skip
    return plates.Plate(
        figure,
        alt=(
            "Positions over time. The flow, slow gradient descent and the sticky bead all level "
            "off at the inflection; gradient descent with a large learning rate jumps past it "
            "and reaches the shallow minimum."
        ),
        caption=(
            "The film as curves. The bead starts slower than the flow, for the wire is steep "
            "there, and comes to rest at the same place. A large step passes the inflection "
            "because it is large, not because of any inertia."
        ),
        name="sticky",
    )


@plates.styled
def choice(well: Potential, descents: Mapping[float, Trajectory]) -> plates.Plate:
    """The first forty steps of a slow and a fast descent on the wire."""
    figure, axis = plt.subplots(figsize=(7, 3.6))
    figures.wire(axis, well)
    labels = (("descent", 0.0, (-1.5, 0.75)), ("momentum", 0.04, (-0.6, 0.32)))
    for (eta, path), (colour, lift, place) in zip(descents.items(), labels, strict=True):
        figures.hops(axis, well, path.x[:40], COLOURS[colour], lift=lift)
        axis.text(*place, rf"$\eta = {eta}$", color=COLOURS[colour], ha="left")
    axis.set_ylim(-0.3, 1.05)
    return plates.Plate(
        figure,
        alt=(
            "The double well with the first forty steps of two descents from the left: small "
            "steps pile up on the flat step, large ones jump across it into the shallow minimum."
        ),
        caption=(
            f"One choice: 40 iterations from $\\theta_0 = {well.start[0]}$ with two learning rates."
        ),
        name="playground-still",
    )
