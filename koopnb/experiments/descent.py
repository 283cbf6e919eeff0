"""What the report says of plain gradient descent, as numbers, from starts that a seed draws."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from koopnb.checks import Refusal
from koopnb.dynamics import flows, outcomes
from koopnb.dynamics.potentials import Potential
from koopnb.experiments.protocol import Measured, Series, recorded

# Where a path on the double well can end: in one of its minima, deepest first, on the way, nowhere.
ENDS = {"deep": 0, "shallow": 1, "inflection": 2, "nowhere": -1}


@dataclass(frozen=True)
class DescentConfig:
    """How many starts are drawn for every landscape, and how the double well is descended.

    ``step`` is the learning rate of the shares; ``rates`` are so many below the largest that the
    deep minimum bears, and as many above.
    """

    seed: int = 0
    starts: int = 200
    step: float = 0.05
    iterations: int = 3000
    rates: int = 10
    bowls: int = 3

    def __post_init__(self) -> None:
        if min(self.starts, self.iterations, self.rates, self.bowls) < 1:
            raise Refusal(
                f"starts={self.starts}, iterations={self.iterations}, rates={self.rates}, "
                f"bowls={self.bowls}: each must be at least 1."
            )


@recorded(lambda _: SERIES[0])
def run(config: DescentConfig, *, progress: bool = False) -> Measured:
    """Every number of the record; a few seconds.

    Source: the report's Introduction and its section on gradient descent.
    """
    rng = np.random.default_rng(config.seed)
    well = flows.double_well()
    metrics: dict[str, Any] = {"flow": force(config.starts, rng)}
    starts = rng.uniform(*well.view[0], (config.starts, 1))
    ends = destinations(starts, config.step, config.iterations)
    metrics["ends"] = {name: float(np.mean(ends == end)) for name, end in ENDS.items()}
    limit = 2 / outcomes.curvature(well, well.minima[0])[-1]
    kept = {}
    for side, low, high in (("below", 0.005, 0.98 * limit), ("above", 1.02 * limit, 0.6)):
        rates = np.geomspace(low, high, config.rates)
        deep = [destinations(starts, rate, config.iterations) == 0 for rate in rates]
        kept[side] = float(np.mean(deep))
    metrics["kept"] = kept
    metrics["apart"] = twins(10 ** rng.uniform(-6, -3), config.step, config.iterations)
    metrics["slowing"] = slowing(rng.uniform(-1.7, -1.1))[0]
    metrics["limits"] = limits(10 ** rng.uniform(0.3, 2.6, config.bowls))
    return metrics, {}


def force(starts: int, rng: np.random.Generator) -> dict[str, float]:
    """The gradient flow of the network of two weights, from starts all over its view.

    How often the loss rises, how far it is from what the squared force has used up, and the share
    of starts that end at one of the best networks.
    """
    network = flows.two_weight_network()
    low, high = np.transpose(network.view)
    drawn = rng.uniform(low, high, (starts, 2))
    paths = flows.gradient_flow(network, drawn, np.r_[0, np.geomspace(1e-2, 2e3, 600)])
    arrived = outcomes.destination(network, paths) >= 0
    return {
        "rises": outcomes.rises(paths),
        "imbalance": outcomes.imbalance(paths),
        "arrived": float(np.mean(arrived)),
    }


def destinations(
    starts: Float[np.ndarray, "starts 1"], rate: float, iterations: int = DescentConfig.iterations
) -> Int[np.ndarray, " starts"]:
    """Where gradient descent on the double well ends, by the numbers of ``ENDS``.

    A path has ended if its last iteration moves it by less than 1e-4.
    """
    well = flows.double_well()
    path = flows.descend(well, starts, step=rate, steps=iterations)
    before, last = path.x[:, -2, 0], path.x[:, -1, 0]
    resting = np.abs(last - before) < 1e-4  # NaN compares as False
    inflection = resting & (np.abs(last + 1) < 0.3)
    at_rest = np.where(resting, outcomes.destination(well, path), ENDS["nowhere"])
    return np.asarray(np.where(inflection, ENDS["inflection"], at_rest))


def twins(
    apart: float, rate: float = DescentConfig.step, iterations: int = DescentConfig.iterations
) -> float:
    """How far from each other two descents end that begin ``apart`` on each side of the barrier."""
    well = flows.double_well()
    starts = np.array([[0.75 - apart], [0.75 + apart]])
    path = flows.descend(well, starts, step=rate, steps=iterations)
    return float(np.ptp(path.x[:, -1, 0]))


def slowing(start: float) -> tuple[float, float]:
    r"""The p and the a with which the flow comes to the double well's inflection from the left.

    There the distance should be $1 / (a t)$: p is fitted to its power of time, a is read off at
    the end.
    """
    path = flows.gradient_flow(flows.double_well(), (start,), np.geomspace(1, 1e4, 101) - 1)
    gap = -1 - path.x[:, 0]
    return outcomes.power(path.time[60:], gap[60:]), float(1 / (gap[-1] * path.time[-1]))


def minima(curvatures: Iterable[float]) -> dict[str, tuple[Potential, tuple[float, ...]]]:
    """The minima of the double well, the valley and the network, and those of bowls, by name.

    A bowl has the curvatures 1 and one of those given.
    """
    well, valley, network = flows.double_well(), flows.rosenbrock(), flows.two_weight_network()
    found = {
        "double well, deep": (well, well.minima[0]),
        "double well, shallow": (well, well.minima[1]),
        "valley": (valley, valley.minima[0]),
        "network": (network, network.minima[0]),
        "network, mirrored": (network, network.minima[1]),
    }
    bowls = {f"bowl, {one:g}": flows.quadratic((1.0, float(one))) for one in curvatures}
    return found | {name: (bowl, (0.0, 0.0)) for name, bowl in bowls.items()}


def limits(curvatures: Iterable[float]) -> float:
    """The largest relative deviation of the step that one of `minima` bears from 2 / L."""
    points = minima(curvatures).values()
    found = np.array([outcomes.stability_limit(*one) for one in points])
    largest = np.array([outcomes.curvature(*one)[-1] for one in points])
    return float(np.abs(found * largest / 2 - 1).max())


SERIES: tuple[Series, ...] = (
    Series(
        "descent", "gradient descent from random starts", 112, run,
        lambda _dataset, seed, _horizons: [DescentConfig(seed)], tuple(range(10)),
        datasets=(), told=(),
    ),
)  # fmt: skip
