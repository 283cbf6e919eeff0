"""Mini-batch gradient descent in a potential of one weight: first passages and their rates.

The mini-batch potential is $f_B(x) = f(x) + \\bar z_B x$, where $\\bar z_B$ is the mean of B samples
with mean zero: the batch tilts the potential. An iteration is
$x \\leftarrow x - \\eta (f'(x) + \\bar z_B)$.
"""

import operator
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from koopnb.potentials import Potential

CHUNK = 64


class Gaussian(eqx.Module):
    """Tilts drawn anew from a normal distribution; ``std`` is that of the batch's mean.

    A batch of B normal samples of standard deviation s has ``std`` = s / sqrt(B).
    """

    std: Float[Array, "*runs"]

    def epoch(self, key: PRNGKeyArray, runs: int) -> Float[Array, "iterations runs"]:
        draws = jax.random.normal(key, (CHUNK, runs))
        return draws * jnp.broadcast_to(self.std, (1, runs))


class Resampled(eqx.Module):
    """Means of ``batch_size`` samples drawn with replacement from ``values``."""

    values: Float[Array, " samples"]
    batch_size: int = eqx.field(static=True)

    def epoch(self, key: PRNGKeyArray, runs: int) -> Float[Array, "iterations runs"]:
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

    def epoch(self, key: PRNGKeyArray, runs: int) -> Float[Array, "iterations runs"]:
        keys = jax.random.split(key, runs)
        orders = jax.vmap(lambda k: jax.random.permutation(k, self.values))(keys)
        return jnp.mean(orders.reshape(runs, -1, self.batch_size), axis=2).T


Noise = Gaussian | Resampled | Reshuffled


class Runs(NamedTuple):
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
) -> Runs:
    r"""Mini-batch gradient descent, $x \leftarrow x - \eta (f'(x) + \bar z_B)$, many runs at once.

    Args:
        potential: f, of one weight.
        start: every run's first weight.
        noise: where the tilts come from; a whole number of its epochs is computed, and what
            is beyond ``iterations`` is not used.
        learning_rate: $\eta$ > 0, one or one a run.
        iterations: the budget, at least 1.
        key: seeds the noise.
        target: the passage that is timed: x beyond ``target``, seen from ``start``. Without
            one nothing passes.

    Raises:
        ValueError: a budget below 1, a learning rate that is not positive, or starts on both
            sides of the target.
    """
    _one_weight(potential)
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
) -> Runs:
    def slope(x: Float[Array, " runs"]) -> Float[Array, " runs"]:
        return jax.vmap(potential.gradient)(x[:, None])[:, 0]

    def iterate(state: tuple, tilt: Float[Array, " runs"]) -> tuple:
        runs, done = state
        moves = ~runs.passed & (done < iterations)
        x = jnp.where(moves, runs.x - rates * (slope(runs.x) + tilt), runs.x)
        passed = runs.passed | (moves & (sign * (x - target) > 0))
        return (Runs(x, passed, runs.iterations + moves), done + 1), None

    def epoch(state: tuple) -> tuple:
        runs, done, number = state
        tilts = noise.epoch(jax.random.fold_in(key, number), len(start))
        (runs, done), _ = jax.lax.scan(iterate, (runs, done), tilts)
        return runs, done, number + 1

    def goes_on(state: tuple) -> Bool[Array, ""]:
        runs, done, _ = state
        return (done < iterations) & ~jnp.all(runs.passed)

    none = jnp.zeros(len(start), bool)
    first = Runs(start, none, jnp.zeros(len(start), jnp.int32))
    return jax.lax.while_loop(goes_on, epoch, (first, jnp.asarray(0), jnp.asarray(0)))[0]


def temperature(learning_rate: float, noise_variance: float) -> float:
    r"""The temperature $D = \eta \sigma^2 / 2$ of the noise, with $\sigma^2 = s^2 / B$.

    It makes $dx = -f'(x)\,dt + \sqrt{2D}\,dW$ move per unit of $t = k\eta$ as far as
    mini-batch gradient descent does.

    Source: Mandt, Hoffman and Blei, JMLR 18 (2017), eq. (7).
    """
    return learning_rate * noise_variance / 2


def kramers_rate(potential: Potential, well: float, top: float, temperature: float) -> float:
    r"""The rate of leaving a well over a barrier that is high compared with the temperature.

    $$\frac{\sqrt{f''(a)\,|f''(b)|}}{2\pi}\, e^{-(f(b) - f(a)) / D}$$

    Args:
        potential: f, of one weight.
        well: a, the minimum.
        top: b, the maximum beside it.
        temperature: D > 0.

    Raises:
        ValueError: f is not curved as a minimum at ``well`` and as a maximum at ``top``.

    Source: Kramers, Physica 7 (1940), in the limit of strong friction.
    """
    _one_weight(potential)
    points = [np.array([at], np.float32) for at in (well, top)]
    in_well, on_top = (potential.hessian(at).item() for at in points)
    if not (in_well > 0 > on_top):
        raise ValueError(
            f"The second derivative is {in_well:.3g} at well={well} and {on_top:.3g} at "
            f"top={top}: it must be positive in a well and negative on a top."
        )
    low, high = (potential(at).item() for at in points)
    return float(np.sqrt(-in_well * on_top) / (2 * np.pi) * np.exp((low - high) / temperature))


def mean_passage_time(
    potential: Potential, start: float, target: float, temperature: float, *, points: int = 8001
) -> float:
    r"""How long the diffusion takes on average from ``start`` to ``target`` > ``start``.

    $$\frac1D \int_{start}^{target} e^{f(y)/D} \int_{-\infty}^y e^{-f(z)/D}\,dz\,dy$$

    in units of $t = k\eta$: exact for the diffusion at any temperature, by quadrature.

    Args:
        potential: f, of one weight; it must rise to the left of ``start``.
        start: where the diffusion begins.
        target: where it is stopped.
        temperature: D > 0.
        points: of the quadrature.

    Raises:
        ValueError: ``target`` is not above ``start``, or f does not rise to the left.

    Source: Gardiner, Handbook of Stochastic Methods, section 5.2.7.
    """
    from scipy.integrate import simpson

    if not target > start:
        raise ValueError(
            f"start={start}, target={target}: the target must lie above the start. Mirror the "
            "potential for the other direction."
        )
    _one_weight(potential)
    for reach in 2.0 ** np.arange(-4, 7):
        z = np.linspace(start - reach, target, points)
        f = np.asarray(jax.vmap(potential)(jnp.asarray(z[:, None])), np.float64)
        if f[0] - f[z >= start].max() > 0 and f[0] - f.min() > 40 * temperature:
            break
    else:
        raise ValueError(
            f"The potential does not rise by 40 temperatures ({40 * temperature:.3g}) within "
            f"{reach:g} to the left of start={start}, so the walk would get lost there."
        )
    # In logarithms, since both exponentials overflow at low temperatures.
    logs = np.logaddexp(-f[1:] / temperature, -f[:-1] / temperature) + np.log((z[1] - z[0]) / 2)
    inner = np.logaddexp.accumulate(np.concatenate([[-np.inf], logs]))
    kept = z >= start
    return float(simpson(np.exp(f[kept] / temperature + inner[kept]), x=z[kept]) / temperature)


def stationary_variance(
    curvature: float, learning_rate: float, noise_variance: float, *, reshuffled: int | None = None
) -> float:
    r"""The variance that mini-batch gradient descent keeps in $f = h x^2 / 2$.

    $$\frac{\eta \sigma^2}{2h} \cdot \frac{1}{1 - \eta h / 2}$$

    for tilts drawn anew every iteration; its first factor is the diffusion's, $D / h$. With n
    batches an epoch that are only reshuffled, so that their tilts add up to zero, it is at
    the end of an epoch

    $$\frac{n}{n - 1}\, \eta^2 \sigma^2\, \frac{\sum_j \rho^{2j} - (\sum_j \rho^j)^2 / n}
      {1 - \rho^{2n}}, \quad \rho = 1 - \eta h, \quad j = 0, \dots, n - 1.$$

    Args:
        curvature: h > 0.
        learning_rate: $\eta$, with $0 < \eta h < 2$.
        noise_variance: $\sigma^2$, the variance of one batch's tilt.
        reshuffled: n, at least 2; None draws anew.

    Raises:
        ValueError: $\eta h$ is not between 0 and 2, where nothing is stationary.
    """
    product = learning_rate * curvature
    if not 0 < product < 2:
        raise ValueError(
            f"learning_rate * curvature = {product:.3g}: gradient descent is stable only "
            "between 0 and 2."
        )
    if reshuffled is None:
        return learning_rate * noise_variance / (2 * curvature) / (1 - product / 2)
    n = operator.index(reshuffled)
    powers = (1 - product) ** np.arange(n)
    spread = float(np.sum(powers**2) - np.sum(powers) ** 2 / n)
    final = 1 - (1 - product) ** (2 * n)
    return n / (n - 1) * learning_rate**2 * noise_variance * spread / final


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


def _one_weight(potential: Potential) -> None:
    if potential.dimension != 1:
        raise ValueError(
            f"{potential.name} has {potential.dimension} weights: passages are timed along one, "
            "as in double_well()."
        )
