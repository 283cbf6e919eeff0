r"""Mini-batch gradient descent in a potential of one weight: where runs stand and when they pass.

Every sample tilts the potential a little, and a batch by their mean: $f_B(\theta) = f(\theta) +
\bar z_B \theta$ with $\bar z_B = \frac{1}{|B|} \sum_{i \in B} z_i$, where the z have mean 0.
"""

import operator
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from koopnb.dynamics.diffusion import one_weight
from koopnb.dynamics.potentials import Potential

CHUNK = 64  # iterations whose tilts are drawn at once


class Gaussian(eqx.Module):
    """Tilts drawn anew from a normal distribution; ``std`` is that of the batch's mean.

    Batches of |B| normal samples with standard deviation ν have ``std`` = ν / sqrt(|B|).
    """

    std: Float[Array, "*runs"]

    def tilts(self, key: PRNGKeyArray, runs: int) -> Float[Array, "iterations runs"]:
        """Independent tilts of the next ``CHUNK`` iterations, for every run."""
        draws = jax.random.normal(key, (CHUNK, runs))
        return draws * jnp.broadcast_to(self.std, (1, runs))


class Resampled(eqx.Module):
    """Means of ``batch_size`` samples drawn with replacement from ``values``."""

    values: Float[Array, " samples"]
    batch_size: int = eqx.field(static=True)

    def tilts(self, key: PRNGKeyArray, runs: int) -> Float[Array, "iterations runs"]:
        """Means of batches for the next ``CHUNK`` iterations, for every run."""
        drawn = jax.random.randint(key, (self.batch_size, CHUNK, runs), 0, len(self.values))
        return jnp.mean(self.values[drawn], axis=0)


class Reshuffled(eqx.Module):
    """Means over an epoch's batches: ``values`` in a new order every epoch, none left out."""

    values: Float[Array, " samples"]
    batch_size: int = eqx.field(static=True)

    def __check_init__(self) -> None:
        if self.batch_size < 1 or len(self.values) % self.batch_size:
            raise ValueError(
                f"batch_size={self.batch_size}: it must divide the {len(self.values)} samples "
                "of an epoch."
            )

    def tilts(self, key: PRNGKeyArray, runs: int) -> Float[Array, "iterations runs"]:
        """Means of the batches of one epoch, for every run."""
        keys = jax.random.split(key, runs)
        orders = jax.vmap(lambda k: jax.random.permutation(k, self.values))(keys)
        return jnp.mean(orders.reshape(runs, -1, self.batch_size), axis=2).T


Noise = Gaussian | Resampled | Reshuffled


class Escapes(NamedTuple):
    """Where each run stands, whether it has passed the target, and after how many iterations.

    A run that passes stays where it landed. ``iterations`` of one that has not passed is the
    whole budget: the time for which it was watched.
    """

    x: Float[Array, " runs"]
    passed: Bool[Array, " runs"]
    iterations: Int[Array, " runs"]


def simulate(
    potential: Potential,
    start: Float[Array, " runs"],
    *,
    noise: Noise,
    learning_rate: float | Float[Array, " runs"],
    iterations: int,
    key: PRNGKeyArray,
    target: float = float("inf"),
) -> Escapes:
    r"""$\theta_{k+1} = \theta_k - \eta (f'(\theta_k) + \bar z_{B_k})$, many runs at once.

    In the session's precision: noise hides what rounding does.

    Args:
        potential: f, of one weight.
        start: every run's first weight.
        noise: where the tilts come from; they are drawn for many iterations at once, and what
            is beyond ``iterations`` is not used.
        learning_rate: $\eta$ > 0, one or one a run.
        iterations: the budget, at least 1.
        key: seeds the noise.
        target: what a run passes when it gets beyond it, seen from ``start``. Without one
            nothing passes.

    Raises:
        ValueError: a budget below 1, a learning rate that is not positive, or starts on both
            sides of the target.
    """
    one_weight(potential)
    iterations = operator.index(iterations)
    if iterations < 1 or not np.all(np.asarray(learning_rate) > 0):
        raise ValueError(
            f"iterations={iterations}, learning_rate={learning_rate}: the budget must be at "
            "least 1 iteration and every learning rate above 0."
        )
    upward = np.asarray(start) < target
    if upward.any() and not upward.all():
        raise ValueError(
            f"target={target}: {int(upward.sum())} of {len(upward)} runs start below it and the "
            "others do not; start all on one side."
        )
    rates = jnp.broadcast_to(jnp.asarray(learning_rate, jnp.result_type(start)), start.shape)
    sign = jnp.asarray(1.0 if upward.all() else -1.0)
    return _simulate(
        potential, start, jnp.asarray(target), sign, noise, rates, jnp.asarray(iterations), key
    )


@eqx.filter_jit
def _simulate(
    potential: Potential,
    start: Float[Array, " runs"],
    target: Float[Array, ""],
    sign: Float[Array, ""],
    noise: Noise,
    rates: Float[Array, " runs"],
    iterations: Int[Array, ""],
    key: PRNGKeyArray,
) -> Escapes:
    def slope(x: Float[Array, " runs"]) -> Float[Array, " runs"]:
        return jax.vmap(potential.gradient)(x[:, None])[:, 0]

    def iterate(state: tuple, tilt: Float[Array, " runs"]) -> tuple:
        runs, done = state
        moves = ~runs.passed & (done < iterations)
        x = jnp.where(moves, runs.x - rates * (slope(runs.x) + tilt), runs.x)
        passed = runs.passed | (moves & (sign * (x - target) > 0))
        return (Escapes(x, passed, runs.iterations + moves), done + 1), None

    def chunk(state: tuple) -> tuple:
        runs, done, number = state
        tilts = noise.tilts(jax.random.fold_in(key, number), len(start))
        (runs, done), _ = jax.lax.scan(iterate, (runs, done), tilts)
        return runs, done, number + 1

    def goes_on(state: tuple) -> Bool[Array, ""]:
        runs, done, _ = state
        return (done < iterations) & ~jnp.all(runs.passed)

    none = jnp.zeros(len(start), bool)
    first = Escapes(start, none, jnp.zeros(len(start), jnp.int32))
    return jax.lax.while_loop(goes_on, chunk, (first, jnp.asarray(0), jnp.asarray(0)))[0]


def share_interval(count: int, of: int) -> tuple[float, float]:
    """Wilson's 95% interval for a probability, from ``count`` successes in ``of`` runs."""
    from scipy.stats import binomtest

    low, high = binomtest(operator.index(count), operator.index(of)).proportion_ci(method="wilson")
    return float(low), float(high)


def rate_interval(events: int, exposure: float) -> tuple[float, float]:
    """The exact 95% interval for a rate, from Poisson ``events`` in a watched time.

    Args:
        events: how many runs passed.
        exposure: the time for which all runs were watched, added up.

    Source: Garwood, Biometrika 28 (1936).
    """
    from scipy.stats import chi2

    low = chi2.ppf(0.025, 2 * events) / 2 if events else 0.0
    return float(low / exposure), float(chi2.ppf(0.975, 2 * events + 2) / 2 / exposure)
