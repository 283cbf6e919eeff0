"""Statements of theory as numbers, from starts that a seed draws."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from koopnb.checks import Refusal
from koopnb.dynamics import flows, outcomes
from koopnb.dynamics.potentials import Potential, double_well, quadratic
from koopnb.dynamics.systems import observe, orbit
from koopnb.experiments import partitions
from koopnb.experiments.protocol import Measured, Series, recorded
from koopnb.operators.koopman import fit

HALVINGS = 5


@dataclass(frozen=True)
class TheoryConfig:
    """What is drawn and how far it is followed.

    ``starts`` are drawn for every system. ``orbit``: states of the slow manifold that are
    recorded; ``ahead``: how far they are predicted. ``slow``: its multipliers a and b.
    """

    seed: int = 0
    starts: int = 20
    orbit: int = 30
    ahead: int = 100
    slow: tuple[float, float] = (0.99, 0.6)

    def __post_init__(self) -> None:
        if self.starts < 1 or self.orbit < 4 or self.ahead < 1:
            raise Refusal(
                f"starts={self.starts}, orbit={self.orbit}, ahead={self.ahead}: needs at least 1 "
                "start, an orbit of 4 states and 1 step ahead."
            )


@recorded(lambda _: SERIES[0])
def run(config: TheoryConfig, *, progress: bool = False) -> Measured:
    """Every number of the record; a few seconds.

    Source: the report's Introduction, Method and Discussion.
    """
    rng = np.random.default_rng(config.seed)
    landscapes = {"double well": double_well(), "bowl": quadratic((4.0, 1.0))}
    metrics: dict[str, Any] = {
        "descent_order": {n: descent_order(f, rng) for n, f in landscapes.items()},
        "momentum_order": {n: momentum_order(f, rng) for n, f in landscapes.items()},
        "invariance": invariance(config, rng),
        "across_layers": {
            name: partitions.unseen("across layers", name) for name in partitions.ARMS
        },
    }
    return metrics, {}


def descent_order(potential: Potential, rng: np.random.Generator) -> float:
    """The power of η with which gradient descent approaches the gradient flow, at time 1.

    Fitted to the median distance over 20 starts, η = 1/32 halved five times.
    """
    starts = rng.uniform(0.2, 1.2, (20, potential.dimension))
    end = flows.gradient_flow(potential, starts, np.array([0.0, 1.0])).x[:, -1]
    counts = 32 * 2 ** np.arange(HALVINGS)
    ends = [flows.descend(potential, starts, step=1 / n, steps=int(n)).x[:, -1] for n in counts]
    return _order(1 / counts, ends, end)


def momentum_order(potential: Potential, rng: np.random.Generator) -> float:
    """The power of τ with which momentum, matched to it, approaches the heavy ball, at time 1.

    As `descent_order`, with drag 1 and the momentum and step that `flows.coefficients` gives.
    """
    starts = rng.uniform(0.2, 1.2, (20, potential.dimension))
    end = flows.heavy_ball(potential, starts, np.array([0.0, 1.0]), drag=1.0).x[:, -1]
    counts = 32 * 2 ** np.arange(HALVINGS)
    ends = []
    for n in counts:
        beta, alpha = flows.coefficients(1.0, 1 / n)
        path = flows.descend(potential, starts, step=alpha, steps=int(n), momentum=beta)
        ends.append(path.x[:, -1])
    return _order(1 / counts, ends, end)


def invariance(config: TheoryConfig, rng: np.random.Generator) -> dict[str, float]:
    r"""Largest relative error, ``ahead`` steps on, with and without an invariant subspace.

    The map is $x_1 \mapsto a x_1$, $x_2 \mapsto b x_2 + (a^2 - b) x_1^2$. Observables $x_1, x_2,
    x_1^2$ span an invariant subspace, the projections $x_1, x_2$ do not.
    """
    seen = orbit(rng.uniform(1, 2, 2), config.orbit - 1, *config.slow)
    starts = rng.uniform(-2, 2, (config.starts, 2))
    found = {}
    for label, names in (("closed", ("x1", "x2", "square")), ("projections", ("x1", "x2"))):
        operator = fit(observe(seen, names))
        errors = []
        for start in starts:
            true = orbit(start, config.ahead, *config.slow)[-1]
            one = operator.propagate(observe(start, names), config.ahead)
            errors.append(np.linalg.norm([one["x1"], one["x2"]] - true) / np.linalg.norm(true))
        found[label] = float(max(errors))
    return found


def _order(
    steps: Float[np.ndarray, " n"], ends: list[np.ndarray], end: Float[np.ndarray, "starts d"]
) -> float:
    gaps = [np.median(np.linalg.norm(x - end, axis=1)) for x in ends]
    return outcomes.power(steps, gaps)


SERIES: tuple[Series, ...] = (
    Series(
        "theory",
        "systems whose answers are known",
        110,
        run,
        lambda _dataset, seed, _horizons: [TheoryConfig(seed)],
        tuple(range(10)),
        datasets=(),
        told=(),
    ),
)
