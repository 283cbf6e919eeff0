"""Training as motion: gradient descent, momentum, and the differential equations they follow.

Everything is computed in float64 whatever the session's precision, which stays as it is.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

from koopnb.checks import Integer, integer
from koopnb.dynamics.motion import (
    Starts,
    Times,
    Trajectory,
    as_numpy,
    checked,
    first_order,
    judged,
    second_order,
)
from koopnb.dynamics.potentials import (
    POTENTIALS,
    Potential,
    double_well,
    quadratic,
    rosenbrock,
    two_weight_network,
)

__all__ = [
    "POTENTIALS",
    "Potential",
    "Trajectory",
    "bead",
    "coefficients",
    "continuum",
    "descend",
    "double_well",
    "gradient_flow",
    "heavy_ball",
    "nesterov_flow",
    "quadratic",
    "rosenbrock",
    "sticky_bead",
    "two_weight_network",
]


def descend(
    potential: Potential,
    start: Starts,
    *,
    step: float,
    steps: Integer,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> Trajectory:
    r"""Gradient descent, with momentum or without, through ``optax.sgd`` in one compiled loop.

    $\theta_{k+1} = \theta_k + v_{k+1}$ and $v_{k+1} = \beta v_k - \alpha \nabla f(\theta_k)$.

    Args:
        potential: f.
        start: (d,), or (starts, d) for a path from each.
        step: α, which is the learning rate η where there is no momentum.
        steps: iterations, at least 1.
        momentum: β, in [0, 1).
        nesterov: Nesterov's variant, as optax writes it.

    Raises:
        ValueError: see the messages.

    Source: Polyak, USSR Comput. Math. Math. Phys. 4 (1964) 1.

    >>> path = descend(quadratic((1.0,)), (1.0,), step=0.5, steps=3)
    >>> path.x[:, 0].tolist()
    [1.0, 0.5, 0.25, 0.125]
    """
    steps = integer("steps", steps, 1, "iterations of the recursion")
    _positive("step", step, "the learning rate")
    if not 0 <= momentum < 1:
        raise ValueError(
            f"momentum={momentum}: must be in [0, 1); 0 is plain gradient descent, and at 1 "
            "nothing brakes the path."
        )
    x = checked(potential, start)
    with jax.enable_x64(True):
        scalars = jnp.asarray(step, float), jnp.asarray(momentum, float)
        found = _descend(potential, jnp.asarray(x), *scalars, steps, nesterov)
        return as_numpy(np.arange(steps + 1.0), *found)


@eqx.filter_jit
def _descend(
    potential: Potential, x: Array, step: Array, momentum: Array, steps: int, nesterov: bool
) -> tuple[Array, ...]:
    if x.ndim == 2:
        return jax.vmap(lambda one: _descend(potential, one, step, momentum, steps, nesterov))(x)
    optimizer = optax.sgd(step, momentum=momentum, nesterov=nesterov)

    def iterate(carry: tuple[Array, Any], _: None) -> tuple[tuple[Array, Any], tuple[Array, Array]]:
        at, state = carry
        update, state = optimizer.update(potential.gradient(at), state, at)
        at = optax.apply_updates(at, update)
        return (at, state), (at, update)

    _, (xs, velocities) = jax.lax.scan(iterate, (x, optimizer.init(x)), length=steps)
    xs = jnp.concatenate([x[None], xs])
    velocities = jnp.concatenate([jnp.zeros_like(x)[None], velocities])
    return judged(potential, xs, velocities)


def gradient_flow(potential: Potential, start: Starts, times: Times) -> Trajectory:
    r"""The solution of $\dot\theta = -\nabla f(\theta)$, what gradient descent follows as η → 0.

    Args:
        potential: f.
        start: θ at ``times[0]``, (d,) or (starts, d).
        times: when to report, increasing.

    Raises:
        ValueError: see the messages.
    """
    return first_order(potential, start, times, _steepest)


def heavy_ball(
    potential: Potential,
    start: Starts,
    times: Times,
    *,
    drag: float,
    mass: float = 1.0,
    velocity: Starts | None = None,
) -> Trajectory:
    r"""The solution of $m \ddot\theta = -\nabla f(\theta) - \gamma \dot\theta$.

    Args:
        potential: f.
        start: θ at ``times[0]``, (d,) or (starts, d).
        times: when to report, increasing.
        drag: γ >= 0; 0 conserves the energy $m |\dot\theta|^2 / 2 + f$.
        mass: m > 0.
        velocity: $\dot\theta$ at ``times[0]``, shaped like ``start``; at rest if left out.

    Raises:
        ValueError: see the messages.

    Source: Polyak, USSR Comput. Math. Math. Phys. 4 (1964) 1.
    """
    _drag(drag)
    _positive("mass", mass, "the inertia")
    return second_order(potential, start, times, velocity, _newton, (drag, mass))


def nesterov_flow(potential: Potential, start: Starts, times: Times) -> Trajectory:
    r"""The solution of $\ddot\theta = -\nabla f - \frac3t \dot\theta$ from rest at t = 0.

    The limit of Nesterov's method, in whose drag 3/t the ball starts in treacle and ends in air.

    Args:
        potential: f.
        start: θ at time 0, (d,) or (starts, d).
        times: when to report, increasing from 0.

    Raises:
        ValueError: see the messages.

    Source: Su, Boyd and Candès, J. Mach. Learn. Res. 17 (2016) 153, eq. (3).
    """
    if len(times) and times[0] != 0:
        raise ValueError(f"times[0]={times[0]}: Nesterov's drag is 3/t, so times begin at 0.")
    return second_order(potential, start, times, None, _vanishing_drag, ())


def sticky_bead(
    curve: Potential, start: Starts, times: Times, *, gravity: float = 1.0
) -> Trajectory:
    r"""A bead on the wire y = f(x) in treacle: its velocity is the force along the wire.

    The tangential force is $-g f' / \sqrt{1 + f'^2}$, and x moves by $1/\sqrt{1 + f'^2}$ of the
    way along the wire: $\dot x = -g f' / (1 + f'^2)$.

    Args:
        curve: f, of one variable.
        start: x at ``times[0]``, (1,) or (starts, 1).
        times: when to report, increasing.
        gravity: g > 0, divided by the friction of the wire.

    Raises:
        ValueError: see the messages.
    """
    _line(curve)
    _positive("gravity", gravity, "the pull down the wire")
    return first_order(curve, start, times, _tangential, (gravity,))


def bead(
    curve: Potential,
    start: Starts,
    times: Times,
    *,
    drag: float = 0.0,
    gravity: float = 1.0,
    velocity: Starts | None = None,
) -> Trajectory:
    r"""A bead of mass 1 sliding on the wire y = f(x) under gravity, as Newton and Lagrange have it.

    $(1 + f'^2)\,\ddot x = -f' f'' \dot x^2 - g f' - \gamma (1 + f'^2)\,\dot x$, with a drag
    proportional to the speed along the wire. Without it $(1 + f'^2) \dot x^2 / 2 + g f$ stays.

    Args:
        curve: f, of one variable.
        start: x at ``times[0]``, (1,) or (starts, 1).
        times: when to report, increasing.
        drag: γ >= 0.
        gravity: g > 0.
        velocity: $\dot x$ at ``times[0]``, shaped like ``start``; at rest if left out.

    Raises:
        ValueError: see the messages.
    """
    _line(curve)
    _drag(drag)
    _positive("gravity", gravity, "the pull down the wire")
    return second_order(curve, start, times, velocity, _lagrange, (drag, gravity))


def coefficients(drag: float, step: float, mass: float = 1.0) -> tuple[float, float]:
    r"""β and α of the momentum method that semi-implicit Euler makes of `heavy_ball`.

    With time steps τ the scheme is $u' = u + τ(-\nabla f - \gamma u)/m$, then
    $\theta' = \theta + τ u'$. For the displacement v = τ u it reads as `descend`, with
    $\beta = 1 - \tau\gamma/m$ and $\alpha = τ^2/m$.

    Args:
        drag: γ >= 0; at 0, β is 1, which no optimizer takes.
        step: τ > 0.
        mass: m > 0.

    Raises:
        ValueError: arguments out of range, or a step so long that drag turns the velocity round.

    >>> beta, alpha = coefficients(drag=1.0, step=0.1)
    >>> round(beta, 12), round(alpha, 12)
    (0.9, 0.01)
    """
    _drag(drag)
    _positive("step", step, "the time step τ")
    _positive("mass", mass, "the inertia")
    if step * drag > mass:
        raise ValueError(
            f"step * drag / mass = {step * drag / mass:.3g}: above 1 the drag would turn the "
            f"velocity round (β < 0); take steps of at most {mass / drag:.3g}."
        )
    return 1 - step * drag / mass, step**2 / mass


def continuum(momentum: float, step: float, mass: float = 1.0) -> tuple[float, float]:
    r"""The inverse of `coefficients`: drag γ and time step τ of a momentum method.

    $τ = \sqrt{\alpha m}$ and $\gamma = (1 - \beta) \sqrt{m / \alpha}$.

    Args:
        momentum: β in [0, 1].
        step: α > 0.
        mass: m > 0, free to choose: it sets the unit of time.

    Raises:
        ValueError: arguments out of range.
    """
    _positive("step", step, "the step α")
    _positive("mass", mass, "the inertia")
    if not 0 <= momentum <= 1:
        raise ValueError(f"momentum={momentum}: must be in [0, 1] to be a drag γ >= 0.")
    return (1 - momentum) * (mass / step) ** 0.5, (step * mass) ** 0.5


def _steepest(potential: Potential, x: Array) -> Array:
    return -potential.gradient(x)


def _tangential(curve: Potential, x: Array, gravity: Array) -> Array:
    slope = curve.gradient(x)
    return -gravity * slope / (1 + slope**2)


def _newton(potential: Potential, t: Array, x: Array, v: Array, drag: Array, mass: Array) -> Array:
    return -(potential.gradient(x) + drag * v) / mass


def _vanishing_drag(potential: Potential, t: Array, x: Array, v: Array) -> Array:
    # From rest v = -t ∇f / 4 for small t, so 3 v / t tends to -3 ∇f / 4.
    pull = potential.gradient(x)
    return jnp.where(t > 0, -pull - 3 * v / jnp.where(t > 0, t, 1), -pull / 4)


def _lagrange(curve: Potential, t: Array, x: Array, v: Array, drag: Array, gravity: Array) -> Array:
    slope, bend = curve.gradient(x), curve.hessian(x)[0]
    return -slope * (bend * v**2 + gravity) / (1 + slope**2) - drag * v


def _line(curve: Potential) -> None:
    if curve.dimension != 1:
        raise ValueError(
            f"{curve.name} has {curve.dimension} dimensions: a bead slides on the graph of a "
            "function of one variable, such as double_well()."
        )


def _positive(name: str, value: float, meaning: str) -> None:
    if not 0 < value < np.inf:
        raise ValueError(f"{name}={value}: {meaning} must be positive and finite.")


def _drag(drag: float) -> None:
    if not 0 <= drag < np.inf:
        raise ValueError(f"drag={drag}: must be finite and at least 0, or it would push.")
