"""Mini-batch descent in the double well: out of its traps, and from everywhere."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PRNGKeyArray
from scipy import stats

from koopnb.dynamics import diffusion, escape
from koopnb.dynamics.potentials import double_well

# Places in the double well.
INFLECTION, SHALLOW, TOP, DEEP = -1.0, 0.0, 0.75, 1.5
START, PAST = -1.6, -0.5  # of walks over the inflection
TILT = 3.0  # standard deviation of one sample's tilt
RATES = (0.02, 0.1, 0.4)  # learning rates out of the shallow minimum
SMALL = (0.02, 0.1)  # those that the diffusion is for
TEMPERATURES = 0.013, 0.13  # between which some walks leave within the budget
STEP = 0.1  # learning rate of all other walks here
FLAT_BATCHES = tuple(4**power for power in range(1, 7))
COLD = 0.008  # below it the time past the inflection follows its power law
START_BATCHES = tuple(2**power for power in range(8))


def temperature(rate: float, batch: float) -> float:
    """That of batches of this size at this learning rate."""
    return diffusion.temperature(rate, TILT**2 / batch)


def tilts(batch: float | Float[np.ndarray, " walks"]) -> escape.Gaussian:
    """What batches of this size add to the slope, the same for all walks or one size a walk."""
    return escape.Gaussian(jnp.asarray(TILT / np.sqrt(batch)))


def leave(walks: int, budget: int, key: PRNGKeyArray) -> dict[str, Any]:
    """From the shallow minimum to the deep one, and how often compared with the diffusion.

    Each setting has the walks that passed, the time for which all were watched, and how many
    escapes the diffusion predicts for that time.
    """
    low, high = TEMPERATURES
    settings = [
        (rate, 2**power)
        for rate in RATES
        for power in range(9)
        if low < temperature(rate, 2**power) < high
    ]
    rates, batches = np.repeat(np.array(settings, np.float32), walks, axis=0).T
    done = escape.simulate(
        double_well(), jnp.full(len(rates), jnp.float32(SHALLOW)), target=DEEP,
        noise=tilts(batches),
        learning_rate=jnp.asarray(rates), iterations=budget, key=key,
    )  # fmt: skip
    passed = np.asarray(done.passed).reshape(len(settings), -1).sum(axis=1)
    iterations = np.asarray(done.iterations).reshape(len(settings), -1).sum(axis=1)
    rows = []
    for (rate, batch), count, total in zip(settings, passed, iterations, strict=True):
        time = diffusion.mean_passage_time(double_well(), SHALLOW, DEEP, temperature(rate, batch))
        watched = total * rate
        row = {"rate": rate, "batch": batch, "passed": count, "watched": watched}
        rows.append(row | {"predicted": watched / time})

    def ratio(small: bool) -> float:
        own = [row for row in rows if (row["rate"] in SMALL) == small]
        return sum(row["passed"] for row in own) / sum(row["predicted"] for row in own)

    return {"settings": rows, "small_steps": ratio(True), "large_steps": ratio(False)}


def cross(walks: int, budget: int, key: PRNGKeyArray) -> dict[str, Any]:
    """Past the inflection: the share that passes, mean times, and the power of the temperature."""
    batches = np.repeat(np.array(FLAT_BATCHES, np.float32), walks)
    done = escape.simulate(
        double_well(), jnp.full(len(batches), jnp.float32(START)), target=PAST,
        noise=tilts(batches), learning_rate=STEP,
        iterations=budget, key=key,
    )  # fmt: skip
    times = np.asarray(done.iterations).reshape(len(FLAT_BATCHES), -1).mean(axis=1) * STEP
    heat = np.array([temperature(STEP, batch) for batch in FLAT_BATCHES])
    cold = heat < COLD
    power = stats.linregress(np.log(heat[cold]), np.log(times[cold])).slope
    return {
        "batches": FLAT_BATCHES,
        "temperatures": heat,
        "times": times,
        "passed": float(done.passed.mean()),
        "power": float(power),
    }


def from_everywhere(starts: int, budget: int, key: PRNGKeyArray) -> dict[str, Any]:
    """How many of the starts across the landscape are in the deep well at the end."""
    batches = np.repeat(np.array(START_BATCHES, np.float32), starts)
    places = np.tile(np.linspace(*double_well().view[0], starts), len(START_BATCHES))
    ends = escape.simulate(
        double_well(), jnp.asarray(places, jnp.float32), learning_rate=STEP, iterations=budget,
        noise=tilts(batches), key=key,
    ).x  # fmt: skip
    rows = np.asarray(ends).reshape(len(START_BATCHES), -1)
    return {
        "batches": START_BATCHES,
        "deep": (rows > TOP).sum(axis=1),
        "diverged": (~np.isfinite(rows)).sum(axis=1),
    }
