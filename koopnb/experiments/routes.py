"""One operator, evaluated by several routes: what of a prediction is the operator's own?"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from koopnb import training
from koopnb.experiments import mnist
from koopnb.experiments.protocol import Measured, Series, recorded
from koopnb.operators import scores

OPERATORS = ("quasi-node", "node")
ROUTES = ("factors", "nearby", "steps", "power")


@dataclass(frozen=True)
class RoutesConfig:
    """One seed of the report's training, with the paper's operators in double precision."""

    dataset: str = "mnist"
    seed: int = 0


@recorded(lambda _: SERIES[0])
def run(config: RoutesConfig, *, progress: bool = False) -> Measured:
    """Predicts one epoch by every route.

    "factors" are those of `koopnb.fit`; "nearby" too, but of snapshots every number of which is
    changed in its last digit of double precision; "steps" applies the explicit matrices step by
    step, as the report did; "power" raises them to the power of the horizon, as the paper's program
    does. ``apart`` is how far a route lies from the factors, in lengths of the last recorded step.
    """
    setting = mnist.protocol(config.dataset, config.seed, (1,), arithmetic="paper")
    runs = mnist.train(setting, thin=True, progress=progress)
    x, y = (jnp.asarray(array) for array in runs.data[2:4])
    at = mnist.points(runs.per_epoch, 1)
    near = scores.nearby(runs.snapshots, float(np.finfo(np.float64).eps))
    curves: dict[str, np.ndarray] = {}

    def accuracy(path: PyTree) -> np.ndarray:
        return np.asarray(training.evaluate_path(path, x, y)[1])

    metrics: dict[str, Any] = {
        "iterations_per_epoch": runs.per_epoch,
        "optimizer": float(np.median(accuracy(runs.further))),
        "accuracy": {},
    }
    for name in OPERATORS:
        arms = {arm.name: arm for arm in setting.arms}
        matrices = arms[f"{name}-64"].form(runs.snapshots)
        factored = arms[f"{name}-64{mnist.FACTORED}"]
        paths = {
            "factors": factored.fit(runs.snapshots).trajectory(at),
            "nearby": factored.fit(near).trajectory(at),
            "steps": matrices.walk(at),
            "power": matrices.trajectory(at),
        }
        metrics["accuracy"][name] = {}
        for route in ROUTES:
            path = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), paths[route])
            metrics["accuracy"][name][route] = float(np.median(accuracy(path)))
            gap = mnist.apart(paths[route], paths["factors"], runs.snapshots)
            curves[f"{name}/{route}/apart"], curves[f"{name}/{route}/apart/at"] = gap, at
    return metrics, curves


SERIES: tuple[Series, ...] = (
    Series(
        "routes",
        "those operators by several routes, one epoch",
        30,
        run,
        lambda dataset, seed, _horizons: [RoutesConfig(dataset, seed)],
        (0, 1, 2),
        also=(("digits", (0, 1, 2)),),
    ),
)
