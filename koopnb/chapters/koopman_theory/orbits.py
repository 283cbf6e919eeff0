"""The map with a slow manifold: what it does to points and functions, and forecasts of it."""

from collections.abc import Mapping
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS, LINE, MARK, NOTE
from koopnb.dynamics.systems import observe, orbit, slow_map
from koopnb.operators.koopman import KoopmanOperator
from koopnb.operators.spectrum import distance

STARTS = ((1.8, 4.0), (-1.5, -1.5), (-2.0, 2.0), (1.2, 0.2))
HORIZONS = np.concatenate([np.arange(12), np.arange(20, 501, 20)])


@plates.styled
def two_views(a: float, b: float) -> plates.Plate:
    """A grid with its image under the map, and level lines of an observable with those of its."""
    figure, (points, functions) = plt.subplots(1, 2, figsize=(9.5, 4.0))
    _draw_grid(points, a, b)
    along = np.linspace(-1.5, 1.5, 60)
    square = np.stack(np.meshgrid(along, along))
    for values, colour, label in (
        (square[1], MARK, "$g = x_2$"),
        (slow_map(square, a, b)[1], COLOURS["works"], r"$Kg = g \circ \Phi$"),
    ):
        functions.contour(*square, values, 7, colors=colour, linewidths=1.1, linestyles="solid")
        functions.plot([], [], color=colour, label=label)
    functions.legend(loc="upper right", frameon=True, framealpha=0.95)
    functions.set_title("K replaces a function by another, linearly")
    for axis in (points, functions):
        axis.set(xlim=(-1.65, 1.65), ylim=(-1.65, 1.9), xlabel="$x_1$", ylabel="$x_2$")
        axis.grid(False)
    return plates.Plate(
        figure,
        alt="Left, a square grid and its image under the map: upright lines move together, level "
        "lines become parabolas. Right, level lines of the observable that is the second "
        "coordinate, straight, and of its image under the Koopman operator, which are parabolas.",
        caption="Two views of one map. Left: where points go. Right: level lines of an observable "
        "and of what the Koopman operator makes of it.",
        name="two-views",
    )


def _draw_grid(axis: Axes, a: float, b: float) -> None:
    """A square grid, and where the map takes it."""
    along = np.linspace(-1.5, 1.5, 60)
    for tick in np.linspace(-1.5, 1.5, 7):
        for line in ((along, 0 * along + tick), (0 * along + tick, along)):
            axis.plot(*line, color=LINE, linewidth=0.8)
            axis.plot(*slow_map(np.array(line), a, b), color=COLOURS["works"], linewidth=1.1)
    axis.annotate("a grid", (1.5, 1.45), (0.45, 1.68), color=NOTE)
    axis.annotate("its image", (0.9, 0.45), (0.35, 0.95), color=COLOURS["works"])
    axis.set_title("Φ moves points, and bends lines")


def linear(operator_gap: float, map_gap: float, points: int = 1000) -> plates.Text:
    """How far operator and map are from linear, at random points."""
    return plates.Text(
        f"Seen at {points:,} random points: $K(2g - 3h)$ and $2Kg - 3Kh$ differ by at most "
        f"{operator_gap:.1g}; $\\Phi(2x - 3y)$ and $2\\Phi(x) - 3\\Phi(y)$ differ "
        f"by up to {map_gap:.0f}."
    )


class Forecasts(NamedTuple):
    """Four orbits, what each operator predicts of them, and its largest relative error.

    ``paths`` and ``worst`` are by operator; ``worst`` is over the orbits, at each of ``HORIZONS``.
    """

    orbits: list[Float[np.ndarray, "states 2"]]
    paths: dict[str, list[Float[np.ndarray, "horizons 2"]]]
    worst: dict[str, Float[np.ndarray, " horizons"]]


def forecasts(operators: Mapping[str, KoopmanOperator], a: float, b: float) -> Forecasts:
    """Lets operators predict orbits from starts that they have not seen."""
    orbits = [orbit(start, int(HORIZONS[-1]), a, b) for start in STARTS]
    paths, worst = {}, {}
    for name, operator in operators.items():
        paths[name] = [_predict(operator, whole[0]) for whole in orbits]
        errors = [
            np.linalg.norm(path - whole[HORIZONS], axis=1) / np.linalg.norm(whole[HORIZONS], axis=1)
            for path, whole in zip(paths[name], orbits, strict=True)
        ]
        worst[name] = np.max(errors, axis=0)
    return Forecasts(orbits, paths, worst)


def _predict(operator: KoopmanOperator, start: np.ndarray) -> Float[np.ndarray, "horizons 2"]:
    first = observe(start, tuple(operator.predict(0)))
    found = [operator.propagate(first, int(steps)) for steps in HORIZONS]
    return np.array([(one["x1"], one["x2"]) for one in found])


@plates.styled
def slow_manifold(found: Forecasts, a: float, b: float, states: int) -> plates.Plate:
    """Orbits with what "lifted" and "projections" predict of them, and both operators' errors.

    ``states``: how many the record had that they were fitted to.
    """
    figure, (plane, errors) = plt.subplots(1, 2, figsize=(9.5, 3.9), width_ratios=(1, 1.1))
    x1 = np.linspace(-2.1, 2.1, 100)
    plane.plot(x1, x1**2, color=LINE, linewidth=5, solid_capstyle="round")
    for whole in found.orbits:
        plane.plot(*whole.T, color=COLOURS["truth"], linewidth=1.2)
    for name, colour in (("lifted", COLOURS["works"]), ("projections", COLOURS["fails"])):
        for path in found.paths[name]:
            plane.plot(*path[:18].T, "o", color=colour, markersize=4)
        errors.semilogy(HORIZONS, np.maximum(found.worst[name], 1e-17), color=colour)
    plane.annotate(
        "slow manifold", (-1.0, 1.0), (-0.75, 2.6), color=NOTE,
        arrowprops={"arrowstyle": "-", "color": MARK},
    )  # fmt: skip
    plane.set(title="Four orbits", xlabel="$x_1$", ylabel="$x_2$", ylim=(-2.2, 4.4))
    errors.text(500, 3e-10, "$x_1$, $x_2$, $x_1^2$", color=COLOURS["works"], ha="right")
    errors.text(500, 1e-3, "$x_1$, $x_2$: projections only", color=COLOURS["fails"], ha="right")
    errors.set(title="Largest relative error", xlabel="steps predicted", ylim=(1e-17, 1e3))
    return plates.Plate(
        figure,
        alt="Left, four orbits in the plane that fall onto a parabola; blue dots, predicted with "
        "three observables, lie on them, orange dots, predicted with two, do not. Right, relative "
        f"errors over {HORIZONS[-1]} steps: at most {found.worst['lifted'].max():.0e} with three, "
        f"up to {found.worst['projections'].max():.1g} with two.",
        caption=f"The nonlinear flow {{eq}}`eq-slow` with $a = {a}$, $b = {b}$, predicted from one "
        f"record of {states} states. Three observables close: the error is rounding, at every "
        "horizon and from every start. The two projections do not close.",
        name="slow-manifold",
    )


def eigenvalues(lifted: KoopmanOperator, found: Forecasts, a: float, b: float) -> plates.Text:
    """The spectrum that was found beside the true one, and the errors at the last horizon."""
    eigs = np.asarray(lifted.eigs[0])
    return plates.Text(
        f"Eigenvalues found: {', '.join(f'{value.real:.12f}' for value in eigs)}. They differ from "
        f"$a$, $a^2$, $b$ by at most {distance(eigs, [a, a**2, b]):.1g}. After {HORIZONS[-1]} "
        f"steps the three observables are off by {found.worst['lifted'][-1]:.1g} of the state's "
        f"length, the projections by {found.worst['projections'][-1]:.2g}."
    )


def leak(found: Mapping[str, float], radius: float) -> plates.Text:
    """Both sides of the identity for the leak, as `closure.experiment.leak` finds them."""
    return plates.Text(
        f"Both sides of {{eq}}`eq-leak` agree to {found['gap']:.1g} after 60 steps. The largest "
        f"single leak is {found['largest']:.2g}; the error it adds up to is {found['error']:.2g}, "
        f"with spectral radius $\\rho = {radius:.4f}$."
    )
