"""When finitely many observables are enough: chapter 04's statements as numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from koopnb.dynamics.systems import observe, orbit, slow_map
from koopnb.experiments.closure import autonomy, dictionaries
from koopnb.experiments.protocol import Measured, Series, recorded
from koopnb.operators.koopman import KoopmanOperator, fit
from koopnb.operators.spectrum import distance

BENT, SLOW = (0.8, 0.3), (0.99, 0.6)  # a and b of the slow manifold's map
DENSITIES = {
    "Lebesgue": np.ones_like,
    "Cauchy": lambda x: 1 / (np.pi * (1 + x**2)),
    "Gaussian": lambda x: np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi),
}
RADII = np.geomspace(0.5, 500, 60)


@dataclass(frozen=True)
class ClosureConfig:
    """What the seed draws: points, starts, weights and batches."""

    seed: int = 0


@recorded(lambda _: SERIES[0])
def run(config: ClosureConfig, *, progress: bool = False) -> Measured:
    """Every number of the record; some seconds.

    Source: the report's Background, 3, and Method, 1.
    """
    rng = np.random.default_rng(config.seed)
    states = orbit(rng.uniform(1, 2, 2), 30, *SLOW)
    wells, cycle = dictionaries.double_well(), dictionaries.van_der_pol(config.seed)
    runs = autonomy.train((config.seed,))
    metrics: dict[str, Any] = {
        "linearity": dict(zip(("operator", "map"), linearity(config.seed), strict=True)),
        "spectrum": distance(fit(observe(states)).eigs[0], known_eigs(*SLOW)),
        "leak": leak(fit(observe(states, ("x1", "x2"))), rng.uniform(1, 4, 2))["gap"],
        "double well": {"sizes": wells.sizes, "errors": wells.errors},
        "van der Pol": {"sizes": cycle.sizes, "errors": cycle.errors},
        "norm growth": {name: growth(second_moments(name)) for name in DENSITIES},
        "identity": identity_gap(states),
        "two futures": autonomy.two_futures(runs, 0, config.seed),
        "with memory": {name: one[0] for name, one in autonomy.with_memory(runs).items()},
    }
    return metrics, {}


def known_eigs(a: float, b: float) -> list[float]:
    """Those of the observables x1, x2 and the square of x1."""
    return [a, a**2, b]


def linearity(seed: int, points: int = 1000) -> tuple[float, float]:
    """How far the operator, and how far the map, is from linear, at random points.

    The operator of `slow_map` acts on sin(x1 x2) and x1^2 - x2.
    """
    a, b = BENT
    x, y = np.random.default_rng(seed).standard_normal((2, 2, points))

    def image(of: Any) -> Any:
        return lambda x: of(slow_map(x, a, b))

    def g(x: np.ndarray) -> np.ndarray:
        return np.sin(x[0] * x[1])

    def h(x: np.ndarray) -> np.ndarray:
        return x[0] ** 2 - x[1]

    operator = image(lambda x: 2 * g(x) - 3 * h(x))(x) - (2 * image(g)(x) - 3 * image(h)(x))
    moved = 2 * slow_map(x, a, b) - 3 * slow_map(y, a, b)
    return float(np.abs(operator).max()), float(np.abs(slow_map(2 * x - 3 * y, a, b) - moved).max())


def leak(
    projections: KoopmanOperator, start: Float[np.ndarray, "2"], steps: int = 60
) -> dict[str, float]:
    """Both sides of the identity for the error of projections alone, along one orbit.

    ``largest``: the largest leak of one step; ``error``: what they add up to; ``gap``: by how much
    the two sides differ.
    """

    def image(x: np.ndarray) -> list[np.ndarray]:
        return [*projections.propagate(observe(x, ("x1", "x2")), 1).values()]

    K = np.array([image(unit) for unit in np.eye(2)]).T
    states = orbit(start, steps, *SLOW)
    leaks = states[1:] - states[:-1] @ K.T
    powers = [np.linalg.matrix_power(K, steps - 1 - i) for i in range(steps)]
    summed = sum(power @ one for power, one in zip(powers, leaks, strict=True))
    gap = np.abs(states[-1] - np.linalg.matrix_power(K, steps) @ states[0] - summed).max()
    largest, error = np.abs(leaks).max(), np.linalg.norm(summed)
    return {"largest": float(largest), "error": float(error), "gap": float(gap)}


def second_moments(name: str) -> Float[np.ndarray, " radii"]:
    """Of one coordinate, under a product measure on the plane, on boxes of growing radius."""
    return np.array([_second_moment(DENSITIES[name], radius) for radius in RADII])


def _second_moment(density: Any, radius: float) -> float:
    x = np.concatenate([[0], np.geomspace(1e-4, radius, 4000)])
    mass, moment = (2 * np.trapezoid(w * density(x), x) for w in (np.ones_like(x), x**2))
    return mass * moment


def growth(moments: Float[np.ndarray, " radii"]) -> float:
    """By which factor they grow over the last twelve radii: 1 where the norm is finite."""
    return float(moments[-1] / moments[-12])


def identity_gap(states: Float[np.ndarray, "times 2"]) -> float:
    """How far the identity's operator is from the projections', in eigenvalues and 100 steps on."""
    pis = (lambda x: x[0]), (lambda x: x[1])
    stacked = np.stack([[pi(x) for x in states] for pi in pis], axis=1)
    one, other = fit({"x": states}), fit({"x": stacked})
    ahead = [operator.predict(100)["x"] for operator in (one, other)]
    return float(max(np.abs(one.eigs - other.eigs).max(), np.abs(ahead[0] - ahead[1]).max()))


SERIES: tuple[Series, ...] = (
    Series(
        "closure", "observables that close, or do not", 120, run,
        lambda _dataset, seed, _horizons: [ClosureConfig(seed)], tuple(range(10)),
        datasets=(), told=(),
    ),
)  # fmt: skip
