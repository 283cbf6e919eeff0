"""The gradient noise of a network on the digits: its field, its size, its shape, its directions."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int
from scipy import stats

from koopnb import training
from koopnb.dynamics import gradient_noise
from koopnb.networks import MLP

LAYERS = (64, 20, 20, 20, 10)  # the report's network, with the digits' inputs
FIELD_BATCH, FIELD_DRAWS = 64, 2000
BATCHES = {2: 3000, 8: 2000, 32: 1000, 128: 500, 512: 400, 1024: 400}  # size: how many
AVERAGED = (1, 16, 256)  # batch sizes whose noise along the gradient is compared with a normal
QUANTILES = 200

Gradients = Float[Array, "samples m"]


class Field(NamedTuple):
    """A network's loss along its gradient: on all samples, and on each of many batches.

    ``bias`` is the largest error of the batches' mean in standard errors; ``reach`` is how far
    from the weights a batch's error has a correlation above 1/2 with its error there.
    """

    distances: Float[np.ndarray, " points"]
    full: Float[np.ndarray, " points"]
    batches: Float[np.ndarray, "points draws"]
    bias: float
    reach: float


def trained(
    x: Float[Array, "samples d"], y: Int[Array, " samples"], *, epochs: int, seed: int
) -> MLP:
    """The network after some epochs, trained as the report does."""
    key, adadelta = jax.random.key(seed), optax.adadelta(1.0)
    state = training.start(MLP(LAYERS, key=key), adadelta)
    return training.train(state, x, y, optimizer=adadelta, epochs=epochs, key=key).state.model


def field(
    network: MLP,
    each: Gradients,
    x: Float[Array, "samples d"],
    y: Int[Array, " samples"],
    rng: np.random.Generator,
) -> Field:
    """The field of batches of 64 on the line through the weights, along the gradient."""
    distances = np.linspace(-0.4, 0.4, 81)
    slope = np.asarray(each).mean(axis=0)
    direction, points = slope / np.linalg.norm(slope), jnp.asarray(distances, jnp.float32)
    along = gradient_noise.losses_along(network, jnp.asarray(direction), points, x, y)
    losses = np.asarray(along, np.float64)
    drawn = gradient_noise.draw_batches(rng, len(x), FIELD_BATCH, FIELD_DRAWS, replace=True)
    batches, full = losses[:, drawn].mean(axis=2), losses.mean(axis=1)
    error = batches.std(axis=1) / np.sqrt(FIELD_DRAWS)
    bias = np.abs((batches.mean(axis=1) - full) / error).max()
    at_weights = losses[len(distances) // 2]
    near = [np.corrcoef(at_weights, there)[0, 1] > 0.5 for there in losses]
    return Field(distances, full, batches, float(bias), float(np.abs(distances[near]).max()))


def stage(
    network: MLP, each: Gradients, x: Float[Array, "samples d"], y: Int[Array, " samples"]
) -> dict[str, float]:
    """Loss, squared gradient, one sample's noise, and how far its shape is from normal."""
    along = standardized(each)
    return {
        "loss": float(training.evaluate(network, x, y)[0]),
        "gradient": float(np.sum(np.asarray(each).mean(axis=0) ** 2)),
        "noise": gradient_noise.noise_variance(each, 1, replace=True),
        "kurtosis": float(stats.kurtosis(along)),
        "skewness": float(stats.skew(along)),
    }


def standardized(each: Gradients) -> Float[np.ndarray, " samples"]:
    """Every sample's deviation along the gradient, in standard deviations."""
    wide = np.asarray(each, np.float64)
    mean = wide.mean(axis=0)
    along = (wide - mean) @ mean
    return along / along.std()


def noise(
    each: Gradients, rng: np.random.Generator
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """How the noise depends on the batch size, how normal it is, and in which directions it lies.

    Returns:
        Numbers, and curves: quantiles of the noise, and shares of the largest directions.
    """
    sizes = _sizes(each, rng)
    along = standardized(each)
    interval = stats.bootstrap(
        (along,), stats.kurtosis, n_resamples=300, method="percentile", vectorized=True, rng=rng
    ).confidence_interval
    kurtosis, curves = {}, {}
    for size in AVERAGED:
        drawn = gradient_noise.draw_batches(rng, len(along), size, 20_000, replace=True)
        means = along[drawn].mean(axis=1) * np.sqrt(size)
        kurtosis[str(size)] = float(stats.kurtosis(means))
        curves[f"quantiles/{size}"] = np.quantile(means, (np.arange(QUANTILES) + 0.5) / QUANTILES)
    spectrum = gradient_noise.noise_spectrum(each)
    shares = np.cumsum(spectrum) / spectrum.sum()
    kept = np.unique(np.geomspace(1, len(shares), 80).round().astype(int))
    curves |= {"directions": shares[kept - 1], "directions/at": kept}
    numbers = sizes | {
        "samples": len(each),
        "weights": each.shape[1],
        "kurtosis": kurtosis,
        "kurtosis_interval": [interval.low, interval.high],
        "top_ten": float(shares[9]),
    }
    return numbers, curves


def _sizes(each: Gradients, rng: np.random.Generator) -> dict[str, Any]:
    """Measured variances in units of one sample's, and how far they are from the formulas."""
    measured: dict[str, list[float]] = {}
    ratios = []
    for label, replace in (("replaced", True), ("not_replaced", False)):
        measured[label] = []
        for size, draws in BATCHES.items():
            drawn = gradient_noise.draw_batches(rng, len(each), size, draws, replace=replace)
            errors = gradient_noise.batch_noise(each, drawn)
            variance = float(np.vdot(errors, errors)) / draws
            ratios.append(variance / gradient_noise.noise_variance(each, size, replace=replace))
            measured[label].append(variance / gradient_noise.noise_variance(each, 1, replace=True))
    power = stats.linregress(np.log(list(BATCHES)), np.log(measured["replaced"])).slope
    return {
        "batches": list(BATCHES),
        **measured,
        "power": float(power),
        "worst_ratio": max(ratios, key=lambda ratio: abs(np.log(ratio))),
    }
