"""What a page needs to let its reader choose a step, a momentum and a start, and see the path.

The page's script ``playground.js`` holds the recursion and draws; every number comes from here.
"""

import html
import itertools
import json
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from koopnb.drawing import figures
from koopnb.dynamics import outcomes
from koopnb.dynamics.potentials import Potential, double_well, quadratic, rosenbrock

KINDS = ("gradient-flow", "momentum")
DEGREE = 4
BOX = 1000  # level lines are drawn on a square of so many units a side
POINTS = 120  # of a level line
# Iterations shown: enough for a good choice to arrive, too few for a bad one.
STEPS = {"double well": 60, "quadratic bowl": 80, "Rosenbrock's valley": 400}


def playground(
    kind: str, potentials: Mapping[str, Potential] | None = None, *, steps: int | None = None
) -> None:
    """Displays a playground; without scripts the figure that follows in the page is shown.

    Args:
        kind: "gradient-flow", with gradient descent beside the flow that it follows, or
            "momentum", with the momentum method beside plain descent of the same step.
        potentials: names for the menu, and polynomials of one or two variables; the double well,
            the quadratic bowl and Rosenbrock's valley if left out.
        steps: iterations to show, at least 1.

    Raises:
        ValueError: see the messages.
    """
    from IPython.display import display

    if kind not in KINDS:
        raise ValueError(f"kind={kind!r}: must be one of {', '.join(KINDS)}.")
    if steps is not None and steps < 1:
        raise ValueError(f"steps={steps}: show at least one iteration.")
    if potentials is None:
        found = (double_well(), quadratic(), rosenbrock())
        potentials = dict(zip(STEPS, found, strict=True))
    landscapes = [
        landscape(kind, name, potential, steps or STEPS.get(name, 100))
        for name, potential in potentials.items()
    ]
    data = html.escape(json.dumps(landscapes, separators=(",", ":")))
    page = (
        f'<div class="playground" data-kind="{kind}" data-landscapes="{data}">\n'
        "<p>Where scripts run, this picture follows your choice of the step and the start; "
        "the figure below shows one choice.</p>\n</div>"
    )
    display({"text/html": page, "text/plain": "(a playground, in the rendered book)"}, raw=True)


def landscape(kind: str, name: str, potential: Potential, steps: int) -> dict[str, Any]:
    """A potential as the page's script reads it: polynomial, view, level lines, sliders.

    Steps go beyond 2 / h, with h the largest curvature at the deepest minimum, where plain
    descent stops converging to it; with momentum β the bound is 2 (1 + β) / h.
    """
    terms = polynomial(potential)
    with jax.enable_x64(True):
        floor = float(potential(np.asarray(potential.minima[0], np.float64)))
    curvature = outcomes.curvature(potential, potential.minima[0])[-1]
    most = _rounded((1.6 if kind == KINDS[0] else 2.4) * 2 / curvature)
    sliders = {"step": _slider(most / 100, most, most / 100, 0.3 * most)}
    if kind == "momentum":
        sliders["momentum"] = _slider(0.0, 0.99, 0.01, 0.8)
    for i, (low, high) in enumerate(potential.view):
        sliders[f"start{i}"] = _slider(low, high, _fine(high - low), potential.start[i])
    found: dict[str, Any] = {
        "name": name,
        "terms": terms,
        "view": potential.view,
        "minima": potential.minima,
        "floor": floor,
        "steps": steps,
        "sliders": sliders,
    }
    return found | ({"lines": level_lines(potential)} if potential.dimension == 2 else {})


def polynomial(potential: Potential) -> list[list[Any]]:
    r"""The terms [c, powers] of $f = \sum c\, x_1^{p_1} x_2^{p_2}$, from its derivatives at 0.

    Raises:
        ValueError: f has more than two variables, or is neither a polynomial of degree at most
            ``DEGREE`` nor states its coefficients.

    >>> from koopnb.dynamics.potentials import quadratic
    >>> polynomial(quadratic((2.0, 6.0)))
    [[3.0, [0, 2]], [1.0, [2, 0]]]
    """
    d = potential.dimension
    if d > 2:
        raise ValueError(f"{potential.name} has {d} dimensions: a page draws one or two.")
    if potential.coefficients is not None:
        terms = [[c, [power]] for power, c in enumerate(potential.coefficients) if c]
    else:
        terms = _from_derivatives(potential)
    low, high = np.asarray(potential.view).T
    points = np.random.default_rng(0).uniform(low, high, (20, d))
    with jax.enable_x64(True):
        true = np.asarray(jax.vmap(potential)(jnp.asarray(points)))
    said = sum(value * np.prod(points ** np.asarray(powers), axis=-1) for value, powers in terms)
    if not np.allclose(said, true, rtol=1e-9, atol=1e-9):
        raise ValueError(
            f"{potential.name} is not a polynomial of degree at most {DEGREE} and states no "
            "coefficients: the page's script knows polynomials only."
        )
    return terms


def _from_derivatives(potential: Potential) -> list[list[Any]]:
    d = potential.dimension
    derivatives = [potential.function]
    for _ in range(DEGREE):
        derivatives.append(jax.jacfwd(derivatives[-1]))
    with jax.enable_x64(True):
        at_zero = jax.jit(lambda x: [derivative(x) for derivative in derivatives])(jnp.zeros(d))
    terms = []
    for powers in itertools.product(range(DEGREE + 1), repeat=d):
        if sum(powers) <= DEGREE:
            which = tuple(i for i, power in enumerate(powers) for _ in range(power))
            value = float(at_zero[sum(powers)][which])
            if value:
                terms.append([value / math.prod(map(math.factorial, powers)), list(powers)])
    return terms


def level_lines(potential: Potential) -> str:
    """Level lines over the view, as an SVG path on a square of ``BOX`` units, y downwards."""
    artists = figures.landscape(Figure().subplots(), potential, levels=9)
    low, high = np.asarray(potential.view).T
    lines: Any = artists[1]
    return "".join(
        "M" + "L".join(f"{x:.0f} {BOX - y:.0f}" for x, y in (line - low) / (high - low) * BOX)
        for level in lines.allsegs
        for line in map(_thinned, level)
        if len(line)
    )


def _thinned(line: np.ndarray) -> np.ndarray:
    return np.vstack([line[:: max(1, len(line) // POINTS)], line[-1:]])


def _rounded(value: float) -> float:
    return float(f"{value:.1g}")


def _fine(width: float) -> float:
    """1, 2 or 5 times a power of ten: some fifty of them fill a width."""
    power = 10.0 ** math.floor(math.log10(width / 40))
    return power * max(digit for digit in (1, 2, 5) if digit * power <= width / 40)


def _slider(low: float, high: float, step: float, value: float) -> dict[str, float]:
    """A slider whose value lies on its own grid, as a browser would have it."""
    value = low + round((value - low) / step) * step
    numbers = {"min": low, "max": high, "step": step, "value": value}
    return {name: float(f"{number:.6g}") for name, number in numbers.items()}
