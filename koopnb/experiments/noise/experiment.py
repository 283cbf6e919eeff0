"""One seed's record: the noise of a network's gradients, and what noise does to descent."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from koopnb.data import load_dataset
from koopnb.dynamics import gradient_noise
from koopnb.experiments.noise import failures, gradients, initial, walks
from koopnb.experiments.protocol import Measured, Series, recorded


@dataclass(frozen=True)
class NoiseConfig:
    """What is drawn and how far it is followed.

    ``stages``: the epochs after which a network's gradients are taken, increasing. ``walks``: how
    many leave one place in each setting, for at most ``budget`` iterations. ``starts`` lie side by
    side in the whole landscape. ``networks`` begin with weights of as many sizes.
    """

    seed: int = 0
    stages: tuple[int, ...] = (0, 5, 15)
    walks: int = 400
    budget: int = 4000
    starts: int = 240
    networks: int = 70

    def __post_init__(self) -> None:
        if min(self.walks, self.budget, self.starts, self.networks) < 1 or not self.stages:
            raise ValueError(
                f"{self}: stages, walks, budget, starts and networks need at least 1 each."
            )


@recorded(lambda _: SERIES[0])
def run(config: NoiseConfig, *, progress: bool = False) -> Measured:
    """Every number of the record; some seconds.

    Source: the report's section on stochastic gradient descent.
    """
    data = load_dataset("digits")
    x, y = jnp.asarray(data.x_train), jnp.asarray(data.y_train)
    key = jax.random.key(config.seed)
    networks = [gradients.trained(x, y, epochs=n, seed=config.seed) for n in config.stages]
    each = [gradient_noise.per_example_gradients(network, x, y) for network in networks]
    field = gradients.field(networks[-1], each[-1], x, y, np.random.default_rng(config.seed))
    noise, curves = gradients.noise(each[-1], np.random.default_rng(config.seed))
    losses = initial.losses(x, y, networks=config.networks, seed=config.seed)
    metrics: dict[str, Any] = {
        "stages": [
            {"epochs": epochs} | gradients.stage(network, own, x, y)
            for epochs, network, own in zip(config.stages, networks, each, strict=True)
        ],
        "field": {"bias": field.bias, "reach": field.reach},
        "noise": noise,
        "escape": walks.leave(config.walks, config.budget, key),
        "inflection": walks.cross(config.walks, config.budget, key),
        "starts": walks.from_everywhere(config.starts, config.budget, key),
        "parabola": failures.parabola(config.walks, key),
        "tails": failures.tails(gradients.standardized(each[-1]), config.walks, key),
        "reshuffled": failures.reshuffled(config.walks, key),
        "limit": failures.limit(config.walks, key),
        "networks": initial.shares(losses),
    }
    curves |= {f"networks/{name}": values for name, values in losses.items()}
    return metrics, curves


SERIES: tuple[Series, ...] = (
    Series(
        "noise", "gradient noise, and what it does to descent", 114, run,
        lambda _dataset, seed, _horizons: [NoiseConfig(seed)], tuple(range(10)),
        datasets=(), told=(),
    ),
)  # fmt: skip
