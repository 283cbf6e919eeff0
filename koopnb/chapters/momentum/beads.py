"""Newton's world: beads in air, without drag and with it, beside the momentum method."""

from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float

from koopnb.drawing import animations, figures, plates
from koopnb.drawing.palette import COLOURS, MARK, NOTE
from koopnb.dynamics import flows
from koopnb.dynamics.motion import Trajectory
from koopnb.dynamics.potentials import Potential


class Motions(NamedTuple):
    """A bead without drag, one with it, and the momentum method of time step τ that matches it."""

    free: Trajectory
    braked: Trajectory
    method: Trajectory
    drag: float
    tau: float


def film(well: Potential, world: Motions) -> None:
    """Shows the two beads and the method on the same wire, by the same clock."""
    until = float(world.free.time[-1])
    braked, method = _where(world.braked, until), _where(world.method, until / world.tau)
    worlds = [
        animations.World("no friction", COLOURS["flow"], world.free, ending="never rests"),
        animations.World("drag", COLOURS["descent"], world.braked, ending=braked),
        animations.World("momentum", COLOURS["momentum"], world.method, step=world.tau,
                         ending=method),
    ]  # fmt: skip
    beta, alpha = flows.coefficients(world.drag, world.tau)
    animations.show(
        animations.beads(well, worlds, until=until),
        alt=(
            "Three beads on the same wire. The one without friction swings for ever between the "
            "outer slopes. The one with drag and the momentum method roll over the flat step and "
            f"the shallow minimum; at the end the bead with drag is in the {braked}, the method "
            f"in the {method}."
        ),
        caption=(
            f"Newton's world: a bead without friction, one with $\\gamma = {world.drag}$, and the "
            f"momentum method with $\\tau = {world.tau}$, which is $\\beta = {beta:.2f}$ and "
            f"$\\alpha = {alpha:.2f}$."
        ),
        name="film-newtons-world",
    )


def _where(path: Trajectory, time: float) -> str:
    """The well in which a path is at a time of its own clock."""
    return "deep well" if path.x[np.searchsorted(path.time, time), 0] > 0.75 else "shallow well"


def _energy(well: Potential, path: Trajectory) -> Float[np.ndarray, " steps"]:
    """Kinetic energy along the wire, and height."""
    slope = np.polynomial.Polynomial(well.coefficients or ()).deriv()(path.x[:, 0])
    return np.asarray(0.5 * (1 + slope**2) * path.velocity[:, 0] ** 2 + path.loss)


@plates.styled
def newton(well: Potential, world: Motions) -> plates.Plate:
    """Where the beads and the method are over time, and their energies."""
    figure, (left, right) = plt.subplots(1, 2, width_ratios=(1.3, 1))
    free, braked, method, _, tau = world
    until = float(free.time[-1])
    left.plot(free.time, free.x[:, 0], color=COLOURS["flow"], lw=1.2)
    left.plot(braked.time, braked.x[:, 0], color=COLOURS["descent"], lw=2.2)
    left.plot(method.time * tau, method.x[:, 0], "o", color=COLOURS["momentum"], ms=4)
    for y, words in ((-1, "inflection"), (0, "shallow"), (1.5, "deep")):
        left.axhline(y, color=MARK, lw=0.8, zorder=0.5)
        left.text(until + 0.3, y, words, va="center", color=NOTE, fontsize=9)
    left.set(title="(a) positions", xlabel=r"time $t = k\tau$", ylabel=r"$x$ or $\theta$",
             xlim=(0, until))  # fmt: skip
    for path, colour, words in ((free, "flow", "no friction"), (braked, "descent", "drag")):
        energy = _energy(well, path)
        right.plot(path.time, energy, color=COLOURS[colour], lw=2)
        right.text(until * 0.97, energy[-1] + 0.03, words, ha="right", color=COLOURS[colour])
    moving = 0.5 * (method.velocity[:, 0] / tau) ** 2 + method.loss
    right.plot(method.time * tau, moving, "o", color=COLOURS["momentum"], ms=3)
    right.text(2.0, 0.62, "momentum method", color=COLOURS["momentum"])
    right.set(title="(b) energy", xlabel="time", ylabel="energy", xlim=(0, until))
    return plates.Plate(
        figure,
        alt=(
            "Left: positions over time; the frictionless bead swings with constant width, the "
            "bead with drag and the momentum method swing ever less and pass the inflection and "
            "the shallow minimum. Right: energies; constant without friction, falling with drag "
            "and, but for wiggles of its large step, for the method."
        ),
        caption=(
            "The film as curves. The frictionless bead's energy varies by "
            f"{np.ptp(_energy(well, free)):.0e} over the whole run. The ball of the method moves "
            "in $\\theta$, the bead along the wire, so they do not keep step where the wire is "
            "steep."
        ),
        name="newton",
    )


@plates.styled
def choice(
    well: Potential, plain: Trajectory, pushed: Trajectory, step: float, beta: float
) -> plates.Plate:
    """The iterates of gradient descent, and of momentum with the same step, on the wire."""
    figure, axis = plt.subplots(figsize=(7, 3.6))
    figures.wire(axis, well)
    figures.hops(axis, well, plain.x, COLOURS["descent"])
    figures.hops(axis, well, pushed.x, COLOURS["momentum"], lift=0.05)
    axis.text(-0.52, 0.03, "gradient descent", color=COLOURS["descent"], ha="right")
    axis.text(0.5, 0.32, rf"momentum, $\beta = {beta}$", color=COLOURS["momentum"])
    axis.set_ylim(-0.3, 1.05)
    return plates.Plate(
        figure,
        alt=(
            "The double well with forty iterations from the left: gradient descent stops on the "
            "flat step, momentum rolls over it and swings through both minima."
        ),
        caption=(
            f"One choice: {len(plain.time) - 1} iterations with $\\alpha = {step}$, without "
            f"momentum and with $\\beta = {beta}$."
        ),
        name="playground-still",
    )
