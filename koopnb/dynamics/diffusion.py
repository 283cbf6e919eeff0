r"""What the diffusion $d\theta = -f'(\theta)\,dt + \sqrt{2D}\,dW$ foretells of mini-batches."""

import operator

import jax
import jax.numpy as jnp
import numpy as np

from koopnb.dynamics.potentials import Potential


def temperature(learning_rate: float, noise_variance: float) -> float:
    r"""$D = \eta \nu^2 / (2 |B|)$, half of what the noise adds to the variance per $t = k\eta$.

    With it the diffusion $d\theta = -f'(\theta)\,dt + \sqrt{2D}\,dW$ spreads like mini-batch
    gradient descent.

    Args:
        learning_rate: $\eta$.
        noise_variance: $\nu^2 / |B|$, the variance of a batch's tilt.

    Source: Mandt, Hoffman and Blei, JMLR 18 (2017) 134.
    """
    return learning_rate * noise_variance / 2


def kramers_rate(potential: Potential, well: float, top: float, temperature: float) -> float:
    r"""The rate of leaving a well over a barrier that is high compared with the temperature.

    $$\frac{\sqrt{f''(\theta_a)\,|f''(\theta_b)|}}{2\pi}\, e^{-(f(\theta_b) - f(\theta_a)) / D}$$

    It counts arrivals in the next well: a walk that stands on the top still turns back every
    other time.

    Args:
        potential: f, of one weight.
        well: $\theta_a$, the minimum.
        top: $\theta_b$, the maximum beside it.
        temperature: D > 0.

    Raises:
        ValueError: f is not curved as a minimum at ``well`` and as a maximum at ``top``.

    Source: Kramers, Physica 7 (1940) 284, in the limit of strong friction.
    """
    one_weight(potential)
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

    $$\frac1D \int_{start}^{target} e^{f(\theta)/D} \int_{-\infty}^{\theta}
      e^{-f(\theta')/D}\,d\theta'\,d\theta$$

    in units of $t = k\eta$, by quadrature: exact for the diffusion at any temperature.

    Args:
        potential: f, of one weight; it must rise to the left of ``start``.
        start: where the diffusion begins.
        target: where it is stopped.
        temperature: D > 0.
        points: of the quadrature.

    Raises:
        ValueError: ``target`` is not above ``start``, or f does not rise to the left.

    Source: Gardiner, Handbook of Stochastic Methods (2004), chapter 5.
    """
    from scipy.integrate import simpson

    if not target > start:
        raise ValueError(
            f"start={start}, target={target}: the target must lie above the start. Mirror the "
            "potential for the other direction."
        )
    one_weight(potential)
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
    r"""The variance that mini-batch gradient descent keeps in $f = h \theta^2 / 2$.

    $$\frac{D}{h} \cdot \frac{1}{1 - \eta h / 2}$$

    for tilts drawn anew every iteration; its first factor is the diffusion's. With J batches
    that are reshuffled every epoch, so that their tilts always add up to zero, it is at the
    end of an epoch

    $$\frac{J}{J - 1}\, \eta^2 V\, \frac{\sum_j p_j^2 - (\sum_j p_j)^2 / J}
      {1 - (1 - \eta h)^{2J}}, \quad p_j = (1 - \eta h)^j, \quad j = 0, \dots, J - 1,$$

    where V is the variance of the J tilts. Both follow from the linear recursion.

    Args:
        curvature: h > 0.
        learning_rate: $\eta$, with $0 < \eta h < 2$.
        noise_variance: V, the variance of a batch's tilt.
        reshuffled: J, at least 2; None draws anew.

    Raises:
        ValueError: $\eta h$ is not between 0 and 2, so that nothing is stationary, or J < 2.
    """
    product = learning_rate * curvature
    if not 0 < product < 2:
        raise ValueError(
            f"learning_rate * curvature = {product:.3g}: gradient descent is stable only "
            "between 0 and 2."
        )
    if reshuffled is None:
        return learning_rate * noise_variance / (2 * curvature) / (1 - product / 2)
    count = operator.index(reshuffled)
    if count < 2:
        raise ValueError(f"reshuffled={count}: an epoch of batches to shuffle has at least 2.")
    powers = (1 - product) ** np.arange(count)
    spread = float(np.sum(powers**2) - np.sum(powers) ** 2 / count)
    kept = 1 - (1 - product) ** (2 * count)
    return count / (count - 1) * learning_rate**2 * noise_variance * spread / kept


def one_weight(potential: Potential) -> None:
    """Refuses potentials of more than one weight, with a ValueError."""
    if potential.dimension != 1:
        raise ValueError(
            f"{potential.name} has {potential.dimension} weights: passages are timed along one, "
            "as in double_well()."
        )
