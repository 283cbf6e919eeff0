"""The flow that gradient descent follows, and the loss that it uses up."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from koopnb.drawing import figures, plates
from koopnb.drawing.palette import COLOURS, NOTE
from koopnb.dynamics import escape, outcomes
from koopnb.dynamics.motion import Trajectory
from koopnb.dynamics.potentials import Potential

# Learning rates, and the distance to the flow that each leaves at a fixed time.
Errors = Mapping[str, tuple[np.ndarray, np.ndarray]]


@plates.styled
def order(
    flow: Trajectory,
    descents: Mapping[float, Trajectory],
    errors: Errors,
    orders: Mapping[str, float],
) -> plates.Plate:
    """The flow with descents by learning rate, and how the distance between them shrinks.

    ``orders`` are those fitted to ``errors``, by the landscape's name.
    """
    figure, (left, right) = plt.subplots(1, 2, width_ratios=(1.15, 1))
    _beside_the_flow(left, flow, descents)
    _distances(right, errors)
    low, high = min(orders.values()), max(orders.values())
    return plates.Plate(
        figure,
        alt=(
            "Two panels. Left, one weight over time: steps of gradient descent lie close to the "
            "curve of the flow, the smaller learning rate closer. Right, logarithmic axes: on "
            "four landscapes the distance to the flow falls in proportion to the learning rate."
        ),
        caption=(
            "(a) Gradient descent beside the flow that it follows. (b) Halve the learning rate "
            f"and the distance to the flow halves: fitted orders lie between {low:.2f} and "
            f"{high:.2f} on the four landscapes."
        ),
        name="order",
    )


def _beside_the_flow(axis: Axes, flow: Trajectory, descents: Mapping[float, Trajectory]) -> None:
    axis.plot(flow.time, flow.x[:, 0], color=COLOURS["flow"], lw=2.5)
    at = int(0.635 * len(flow.time))
    axis.text(flow.time[at], flow.x[at, 0] - 0.005, "flow", color=COLOURS["flow"],
              ha="right", va="top")  # fmt: skip
    for (eta, path), style in zip(descents.items(), ("o-", "s--"), strict=True):
        axis.plot(path.time * eta, path.x[:, 0], style, color=COLOURS["descent"], ms=5, lw=1)
        axis.annotate(rf"$\eta = {eta}$", (path.time[2] * eta, path.x[2, 0]), (5, 7),
                      textcoords="offset points", color=COLOURS["descent"])  # fmt: skip
    axis.set(title="(a) one weight: the flow and two descents", xlabel=r"time $t = k\eta$",
             ylabel=r"$\theta$")  # fmt: skip


def _distances(axis: Axes, errors: Errors) -> None:
    for (name, (steps, gaps)), marker in zip(errors.items(), "osD^", strict=True):
        axis.loglog(steps, gaps, marker + "-", color=COLOURS["descent"], ms=5, lw=1)
        axis.text(steps[-1] * 0.8, gaps[-1], name, ha="right", va="center")
    ends = np.array([2e-5, 2.5e-1])
    axis.loglog(ends, 2 * ends, ":", color=NOTE, lw=1.5)
    axis.text(1e-3, 4e-3, r"slope 1", color=NOTE, ha="right")
    axis.set(title="(b) distance to the flow at a fixed time", xlabel=r"learning rate $\eta$",
             ylabel="distance")  # fmt: skip
    axis.set_xlim(left=2e-6)


def fitted(orders: Mapping[str, float]) -> plates.Text:
    """The order of convergence on every landscape, as a sentence."""
    each = ", ".join(f"{name} {order:.3f}" for name, order in orders.items())
    return plates.Text(
        f"Orders fitted to the three smallest learning rates: {each}. Explicit Euler has order 1."
    )


@plates.styled
def landscape(network: Potential, paths: Trajectory) -> plates.Plate:
    """Flows on the landscape of two weights, and what becomes of the loss of the highest one."""
    figure, (left, right) = plt.subplots(1, 2, width_ratios=(1.2, 1), figsize=(9.5, 4.2))
    figures.landscape(left, network)
    shown = paths.x[::8]
    for path in shown:
        left.plot(*path.T, color=COLOURS["flow"], lw=1)
        left.plot(*path[0], "o", color=COLOURS["descent"], ms=4)
    left.plot(0, 0, "x", color=COLOURS["momentum"], ms=9, mew=2.5)
    left.annotate("saddle", (0, 0), (8, -14), textcoords="offset points",
                  color=COLOURS["momentum"], fontweight="bold")  # fmt: skip
    left.set(title="(a) landscape of two weights and the flow on it", xlabel=r"$\theta_1$",
             ylabel=r"$\theta_2$")  # fmt: skip
    _balance(right, paths)
    return plates.Plate(
        figure,
        alt=(
            "Left: level lines of the loss over two weights, with two minima marked by stars on "
            "opposite sides of a saddle; paths of the flow cross the level lines at right angles "
            "and end at the stars. Right: the falling loss of one path coincides with rings that "
            "mark the start's loss minus the integral of the squared gradient."
        ),
        caption=(
            f"The network of two weights. (a) {len(shown)} of {len(paths.x)} random starts (dots) "
            "and their flow to one of the two best networks (stars). (b) The energy balance on "
            "the start with the largest loss; over all starts it closes to "
            f"{outcomes.imbalance(paths):.0e}."
        ),
        name="landscape",
    )


def _balance(axis: Axes, paths: Trajectory) -> None:
    """The loss of the path that begins highest, and its start's less the work of the force."""
    highest, kept = int(np.argmax(paths.loss[:, 0])), paths.time <= 12
    times, loss = paths.time[kept], paths.loss[highest, kept]
    left = loss[0] - outcomes.work(paths)[highest, kept]
    axis.plot(times, loss, color=COLOURS["descent"], lw=2)
    axis.plot(times[::15], left[::15], "o", ms=5, mfc="none", color=COLOURS["momentum"])
    axis.text(0.45, 0.68, r"line: loss $f(\theta(t))$", transform=axis.transAxes,
              color=COLOURS["descent"])  # fmt: skip
    axis.text(0.45, 0.58, r"rings: $f(\theta(0)) - \int|\nabla f|^2 dt$",
              transform=axis.transAxes, color=COLOURS["momentum"])  # fmt: skip
    axis.set(title="(b) where the loss goes", xlabel="time $t$", ylabel="loss", ylim=(0, None))


def arrivals(network: Potential, paths: Trajectory) -> plates.Text:
    """How many paths end at one of the best networks, and how often the loss rose on the way."""
    arrived, count = int((outcomes.destination(network, paths) >= 0).sum()), len(paths.x)
    low, high = escape.share_interval(arrived, count)
    return plates.Text(
        f"Of {count} starts drawn uniformly from the picture, {arrived} end at one of the two "
        f"best networks (95% interval of the share: {low:.2f} to {high:.2f}), and the loss rose "
        f"in {outcomes.rises(paths)} of {paths.loss[:, 1:].size:,} recorded intervals."
    )
