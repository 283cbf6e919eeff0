"""Where the diffusion fails: large steps, reshuffled batches, noise with a tail, and its limit."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from scipy import stats

from koopnb.dynamics import diffusion, escape
from koopnb.dynamics.potentials import double_well, quadratic
from koopnb.experiments.noise.walks import DEEP, SHALLOW, STEP, TOP, tilts

STEPS = (0.02, 0.05, 0.2, 0.5, 1.0, 1.5, 1.9)  # learning rates in a parabola of curvature 1
EPOCH = 16  # batches an epoch there
BARRIER = 4.5  # in temperatures, for the walks that leave the double well
TAIL_BATCHES = (1, 4, 16, 64)
EPOCHS = (16, 64, 256, 1024)
LIMIT_STEPS = (0.1, 0.05, 0.025, 0.0125, 0.00625)
LIMIT_TIME, LIMIT_BATCH = 2.0, 64


def parabola(walks: int, key: PRNGKeyArray) -> dict[str, Any]:
    """Variances over the diffusion's, for tilts drawn anew and reshuffled ones.

    ``worst_ratio`` is that to the recursion's exact variance which is furthest from 1.
    """
    rates = np.repeat(np.array(STEPS, np.float32), 3 * walks)
    ways: dict[str, tuple[escape.Noise, int | None]] = {
        "fresh": (escape.Gaussian(jnp.asarray(1.0)), None),
        "reshuffled": (escape.Reshuffled(normal_tilts(EPOCH), 1), EPOCH),
    }
    found, ratios = {}, []
    for name, (drawn, epoch) in ways.items():
        last = escape.simulate(
            quadratic((1.0,)), jnp.zeros(len(rates)), noise=drawn, iterations=20 * EPOCH,
            learning_rate=jnp.asarray(rates), key=key,
        ).x  # fmt: skip
        variances = np.asarray(last, np.float64).reshape(len(STEPS), -1).var(axis=1)
        found[name] = variances / (np.array(STEPS) / 2)
        exact = [diffusion.stationary_variance(1.0, e, 1.0, reshuffled=epoch) for e in STEPS]
        ratios += [*(variances / exact)]
    worst = float(max(ratios, key=lambda ratio: abs(np.log(ratio))))
    return {"steps": STEPS, "epoch": EPOCH, **found, "worst_ratio": worst}


def tails(
    values: Float[np.ndarray, " samples"], walks: int, key: PRNGKeyArray
) -> dict[str, list[dict[str, float]]]:
    """Escapes with a network's noise, its tail out of the shallow well and into it.

    Every row has the escapes, and how many the diffusion predicts for the time that the walks
    were watched.

    Args:
        values: the noise of single samples, with variance 1.
        walks: how many a setting.
        key: seeds the draws.
    """
    found: dict[str, list[dict[str, float]]] = {}
    for name, sign in (("out", -1), ("in", 1)):
        found[name] = []
        for batch in TAIL_BATCHES:
            scaled = jnp.asarray(sign * values * _std() * np.sqrt(batch), jnp.float32)
            drawn = escape.Resampled(scaled, batch)
            found[name].append({"batch": batch} | _escapes(drawn, 80, walks, key))
    return found


def reshuffled(walks: int, key: PRNGKeyArray) -> list[dict[str, float]]:
    """Escapes with normal tilts that are reshuffled, for epochs of several lengths."""
    return [
        {"epoch": count}
        | _escapes(escape.Reshuffled(normal_tilts(count) * _std(), 1), 240, walks, key)
        for count in EPOCHS
    ]


def limit(walks: int, key: PRNGKeyArray) -> dict[str, Any]:
    """The standard deviation over walks at one time, and the power of the learning rate in it."""
    spreads = [
        float(
            escape.simulate(
                double_well(), jnp.full(walks, 0.4), noise=tilts(LIMIT_BATCH), learning_rate=step,
                iterations=round(LIMIT_TIME / step), key=key,
            ).x.std()
        )
        for step in LIMIT_STEPS
    ]  # fmt: skip
    power = stats.linregress(np.log(LIMIT_STEPS), np.log(spreads)).slope
    return {"steps": LIMIT_STEPS, "time": LIMIT_TIME, "spreads": spreads, "power": float(power)}


def normal_tilts(count: int) -> Float[Array, " count"]:
    """Quantiles of a normal distribution, with mean 0 and variance 1."""
    values = stats.norm.ppf((np.arange(count) + 0.5) / count)
    return jnp.asarray(values / values.std(), jnp.float32)


def _temperature() -> float:
    well = double_well()
    return float(well(np.array([TOP])) - well(np.array([SHALLOW]))) / BARRIER


def _std() -> float:
    """The standard deviation of a tilt at that temperature."""
    return float(np.sqrt(2 * _temperature() / STEP))


def _escapes(drawn: escape.Noise, watch: float, walks: int, key: PRNGKeyArray) -> dict[str, float]:
    done = escape.simulate(
        double_well(), jnp.full(walks, jnp.float32(SHALLOW)), noise=drawn, target=DEEP,
        learning_rate=STEP, iterations=int(watch / STEP), key=key,
    )  # fmt: skip
    time = diffusion.mean_passage_time(double_well(), SHALLOW, DEEP, _temperature())
    watched = float(done.iterations.sum()) * STEP
    return {"passed": int(done.passed.sum()), "predicted": watched / time}
