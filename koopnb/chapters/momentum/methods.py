"""The momentum method and its equation: settings, orders, drag, the best β."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS, INK, MARK, NOTE
from koopnb.dynamics import flows, outcomes
from koopnb.dynamics.motion import Trajectory
from koopnb.experiments.inertia import COUNTS, KEPT, SWEPT, TAUS, TO_BALL, best_setting

# Drag, colour, words and the height of the words, for a bowl of curvature 1 and a mass of 1.
REGIMES = (
    (0.3, COLOURS["momentum"], "underdamped:\nswings", 0.34),
    (2.0, COLOURS["deep"], "critical", 1.12),
    (6.0, COLOURS["descent"], "overdamped:\ncreeps", 0.34),
)


def settings() -> plates.Text:
    """What usual settings of the method mean as a ball of mass 1, as a table."""
    rows = []
    for beta in (0.5, 0.9, 0.99):
        for alpha in (0.001, 0.1):
            drag, tau = flows.continuum(beta, alpha)
            rows.append({
                r"$\beta$": beta, r"$\alpha$": alpha, r"time step $\tau$": f"{tau:.3f}",
                r"drag $\gamma$": f"{drag:.2f}",
                r"$\alpha/(1-\beta)$": f"{alpha / (1 - beta):.2g}",
            })  # fmt: skip
    return plates.Text(f"What usual settings mean, for a mass of 1:\n\n{plates.table(rows)}")


@plates.styled
def orders(
    rolling: Trajectory,
    falling: Trajectory,
    methods: Mapping[float, Trajectory],
    gaps: Mapping[str, np.ndarray],
    fitted_orders: Mapping[str, float],
) -> plates.Plate:
    """The ball, the gradient flow and methods by their time step; how methods tend to limits.

    ``gaps`` are those of `koopnb.experiments.inertia.distances`, with the orders fitted to them.
    """
    figure, (left, right) = plt.subplots(1, 2, width_ratios=(1, 1.15))
    _ball_and_method(left, rolling, falling, methods)
    colours = ("momentum", "momentum", "flow", "descent", "shallow")
    for (label, gap), colour, mark in zip(gaps.items(), colours, "osD^v", strict=True):
        right.loglog(TAUS, gap, mark + "-", color=COLOURS[colour], ms=5, lw=1)
        right.annotate(label, (TAUS[0], gap[0]), (7, {"D": 5, "o": -6}.get(mark, 0)),
                       textcoords="offset points", va="center", color=COLOURS[colour],
                       fontsize=9.5)  # fmt: skip
    right.set(title="(b) distance to the limit", xlabel=r"time step $\tau$", ylabel="distance",
              xlim=(None, TAUS[0] * 9))  # fmt: skip
    found = _converging(fitted_orders).values()
    return plates.Plate(
        figure,
        alt=(
            "Left: the ball's path rolls through the inflection and dots and squares of the "
            "momentum method follow it, while the gradient flow stops there. Right: on "
            "logarithmic axes four distances shrink in proportion to the time step; the fifth, "
            "of a method whose beta is kept, from the ball, stays level."
        ),
        caption=(
            "(a) The method follows the ball, not the flow. (b) With matched coefficients it "
            f"converges at order {min(found):.2f} to {max(found):.2f}. With $\\beta = {KEPT}$ "
            "kept and $\\alpha$ lowered, it converges to the gradient flow."
        ),
        name="orders",
    )


def _converging(fitted_orders: Mapping[str, float]) -> dict[str, float]:
    """The orders of those that converge: with a fixed β the ball is not the limit."""
    return {label: order for label, order in fitted_orders.items() if label != TO_BALL}


def _ball_and_method(
    axis: Axes, rolling: Trajectory, falling: Trajectory, methods: Mapping[float, Trajectory]
) -> None:
    axis.plot(rolling.time, rolling.x[:, 0], color=COLOURS["momentum"], lw=2)
    axis.plot(falling.time, falling.x[:, 0], color=COLOURS["flow"], lw=2)
    for (tau, path), mark in zip(methods.items(), "s.", strict=True):
        axis.plot(path.time * tau, path.x[:, 0], mark, color=COLOURS["momentum"], ms=4, alpha=0.7)
    squares, dots = methods
    words = f"ball; momentum with\n$\\tau = {dots}$ (dots), ${squares}$ (squares)"
    axis.text(5, -0.18, words, va="top", color=COLOURS["momentum"])
    axis.text(5, -1.07, "gradient flow", va="top", color=COLOURS["flow"])
    axis.axhline(-1, color=MARK, lw=0.8, zorder=0.5)
    axis.text(12, -0.98, "inflection", ha="right", va="bottom", color=NOTE)
    axis.set(title="(a) the ball and the method", xlabel=r"time $t = k\tau$", ylabel=r"$\theta$")


def fitted(identity: float, fitted_orders: Mapping[str, float]) -> plates.Text:
    """The identity and the orders of convergence, as sentences.

    ``identity`` is that of `koopnb.experiments.inertia`: how far the loop and the method part.
    """
    each = ", ".join(f"{label} {p:.2f}" for label, p in _converging(fitted_orders).items())
    return plates.Text(
        f"The loop and the method differ by at most {identity:.0e} in {COUNTS[0]} iterations: "
        f"round-off. Fitted orders: {each}. One order is what semi-implicit Euler promises."
    )


@plates.styled
def regimes(drags: Float[np.ndarray, " drags"], rates: Float[np.ndarray, " drags"]) -> plates.Plate:
    """Phase portraits of three drags, and the rate of decay for every drag beside its formula."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.9))
    _portraits(left)
    smooth = np.geomspace(0.12, 12, 300)
    right.loglog(smooth, _decay(smooth), ":", color=NOTE, lw=1.5)
    right.loglog(drags, rates, "o", color=INK, ms=6)
    for drag, colour, words, height in REGIMES:
        right.text(drag, height, words, ha="center", color=colour, fontweight="bold")
    right.set(title="(b) rate of decay", xlabel=r"drag $\gamma$", ylabel=r"rate $\delta$",
              ylim=(0.05, 1.6))  # fmt: skip
    away = np.abs(drags - 2) > 0.3
    deviation = np.abs(rates / _decay(drags) - 1)[away].max()
    return plates.Plate(
        figure,
        alt=(
            "Left, position against velocity: with little drag a spiral into the origin, at the "
            "critical drag curves that go straight in, with much drag curves that drop to a line "
            "and creep along it. Right: the rate of decay rises with the drag up to 2, then "
            "falls; dots lie on the formula."
        ),
        caption=(
            "A quadratic of curvature 1. (a) Colours as in (b). (b) Dots: fitted to solutions; "
            f"line: the formula, which they meet to {100 * deviation:.1f}% away from the critical "
            "drag. At the critical drag the decay is $(1 + t) e^{-t}$, and a fit to a finite time "
            "sees less than 1."
        ),
        name="regimes",
    )


def _decay(drags: Float[np.ndarray, " drags"]) -> Float[np.ndarray, " drags"]:
    """The rate δ for a curvature and a mass of 1."""
    return drags / 2 - np.sqrt((drags**2 / 4 - 1).astype(complex)).real


def _portraits(axis: Axes) -> None:
    """Four starts on the circle for every drag, but one where the ball swings."""
    bowl, times = flows.quadratic((1.0,)), np.linspace(0, 80, 1601)
    for drag, colour, _, _ in REGIMES:
        turns = np.linspace(0, 2 * np.pi, 4, endpoint=False) + 0.4
        for turn in turns[:1] if drag < 2 else turns:
            path = flows.heavy_ball(
                bowl, (np.cos(turn),), times, drag=drag, velocity=(np.sin(turn),)
            )
            axis.plot(path.x[:, 0], path.velocity[:, 0], color=colour, lw=1.6)
    axis.plot(0, 0, "k*", ms=10, zorder=4)
    axis.set(title="(a) phase portraits", xlabel=r"position $\theta$",
             ylabel=r"velocity $\dot\theta$", aspect="equal", xlim=(-1.2, 1.2),
             ylim=(-1.15, 1.15))  # fmt: skip


@plates.styled
def best_beta(
    sweeps: Mapping[float, np.ndarray],
    kappas: Float[np.ndarray, " bowls"],
    needed: Mapping[str, Sequence[int]],
) -> plates.Plate:
    """Contractions over the swept β by condition number, and iterations that methods need.

    ``needed`` has "descent" and "momentum", each at its best settings for every one of ``kappas``.
    """
    figure, (left, right) = plt.subplots(1, 2)
    _sweeps(left, sweeps)
    powers = {name: outcomes.power(kappas, counts) for name, counts in needed.items()}
    labels = (("descent", "gradient descent", 0.75), ("momentum", "momentum", 0.12))
    for name, label, height in labels:
        right.loglog(kappas, needed[name], "o-", color=COLOURS[name], lw=1)
        right.text(0.55, height, f"{label}: $\\kappa^{{{powers[name]:.2f}}}$",
                   transform=right.transAxes, color=COLOURS[name], fontweight="bold",
                   ha="right" if height > 0.5 else "left")  # fmt: skip
    right.set(title="(b) iterations to a millionth", xlabel=r"condition number $\kappa$",
              ylabel="iterations")  # fmt: skip
    lowest = ", ".join(
        f"{SWEPT[swept.argmin()]:.2f} ($\\kappa = {kappa:.0f}$)" for kappa, swept in sweeps.items()
    )
    formula = ", ".join(f"{best_setting(kappa)[1]:.2f}" for kappa in sweeps)
    return plates.Plate(
        figure,
        alt=(
            "Left: contraction against beta for three condition numbers; each curve falls to a "
            "sharp lowest point, marked by a star where the formula has it, and rises again. "
            "Right: iterations against condition number on logarithmic axes; momentum's line is "
            "half as steep as gradient descent's."
        ),
        caption=(
            f"(a) The lowest points of the sweeps are at {lowest}; the formula has {formula}. "
            "(b) Both methods at their best settings."
        ),
        name="best-beta",
    )


def _sweeps(axis: Axes, sweeps: Mapping[float, np.ndarray]) -> None:
    for (kappa, swept), colour in zip(sweeps.items(), ("deep", "shallow", "momentum"), strict=True):
        axis.plot(SWEPT, swept, ".-", color=COLOURS[colour], ms=4, lw=1)
        formula = best_setting(kappa)[1]
        axis.plot([formula], [formula**0.5], "k*", ms=11, zorder=4)
        seen = int(np.argmax(swept < 1.2))
        axis.text(SWEPT[seen] + 0.02, swept[seen], rf"$\kappa = {kappa:.0f}$",
                  color=COLOURS[colour])  # fmt: skip
    axis.text(0.56, 0.4, "stars: the formula", color="black")
    axis.set(title="(a) sweep of β", xlabel=r"$\beta$", ylabel="contraction per iteration",
             ylim=(0.25, 1.3))  # fmt: skip
    axis.axhline(1, color=MARK, lw=0.8, zorder=0.5)
    axis.text(0.95, 1.02, "above: diverges", ha="right", color=NOTE)
