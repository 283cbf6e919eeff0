"""Solving equations of motion in a potential, from one start or many, in float64."""

from collections.abc import Callable
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from koopnb.dynamics.potentials import Potential

Starts = Float[Array | np.ndarray, "*starts d"] | tuple[float, ...] | list[float]
Times = Float[Array | np.ndarray, " steps"]
RTOL, ATOL = 1e-10, 1e-12
MAX_STEPS = 200_000


class Trajectory(eqx.Module):
    """Where a point was, how fast, and at what loss; with a leading axis where it had many starts.

    Arrays are NumPy's, in float64. ``time`` counts iterations for `descend` and is the t of the
    equation otherwise. ``velocity`` is the last displacement for `descend` and dx/dt otherwise.
    ``diverged_at`` is the first index at which a number is not finite, or that the equation's
    solver could not reach in ``MAX_STEPS`` steps, -1 if there is none: a path that diverges is a
    result.
    """

    time: Float[np.ndarray, " steps"]
    x: Float[np.ndarray, "*starts steps d"]
    velocity: Float[np.ndarray, "*starts steps d"]
    loss: Float[np.ndarray, "*starts steps"]
    diverged_at: Int[np.ndarray, "*starts"]


def as_numpy(times: np.ndarray, *found: Array) -> Trajectory:
    """A path of NumPy arrays, which a session without 64-bit JAX arrays can use."""
    return Trajectory(times, *(np.asarray(each) for each in found))


def first_order(
    potential: Potential, start: Starts, times: Times, law: Callable, scalars: tuple = ()
) -> Trajectory:
    """The solution of ``dx/dt = law(potential, x, *scalars)`` at ``times``."""
    x, t = checked(potential, start), increasing(times)
    with jax.enable_x64(True):
        constants = tuple(jnp.asarray(value, float) for value in scalars)
        found = _flow(potential, law, constants, jnp.asarray(t), jnp.asarray(x))
        return as_numpy(t, *found)


def second_order(
    potential: Potential,
    start: Starts,
    times: Times,
    velocity: Starts | None,
    law: Callable,
    scalars: tuple,
) -> Trajectory:
    """The solution of ``d²x/dt² = law(potential, t, x, dx/dt, *scalars)`` at ``times``."""
    x, t = checked(potential, start), increasing(times)
    v = np.zeros_like(x) if velocity is None else np.asarray(velocity, np.float64)
    if v.shape != x.shape or not np.isfinite(v).all():
        raise ValueError(
            f"velocity={velocity}: give finite numbers in the shape of start, {x.shape}."
        )
    with jax.enable_x64(True):
        constants = tuple(jnp.asarray(value, float) for value in scalars)
        state = jnp.asarray(x), jnp.asarray(v)
        return as_numpy(t, *_motion(potential, law, constants, jnp.asarray(t), *state))


@eqx.filter_jit
def _flow(
    potential: Potential, law: Callable, constants: tuple[Array, ...], times: Array, x: Array
) -> tuple[Array, ...]:
    if x.ndim == 2:
        return jax.vmap(lambda one: _flow(potential, law, constants, times, one))(x)
    xs = _solve(lambda t, y, _: law(potential, y, *constants), x, times)
    return judged(potential, xs, jax.vmap(lambda at: law(potential, at, *constants))(xs))


@eqx.filter_jit
def _motion(
    potential: Potential,
    law: Callable,
    constants: tuple[Array, ...],
    times: Array,
    x: Array,
    v: Array,
) -> tuple[Array, ...]:
    if x.ndim == 2:
        each = jax.vmap(lambda *one: _motion(potential, law, constants, times, *one))
        return each(x, v)

    def field(t: Array, state: tuple[Array, Array], _: None) -> tuple[Array, Array]:
        return state[1], law(potential, t, *state, *constants)

    return judged(potential, *_solve(field, (x, v), times))


def _solve(field: Callable, start: Any, times: Array) -> Any:
    # Steps end at the times asked for: an interpolant would not be as accurate as they are.
    steps = diffrax.ClipStepSizeController(
        diffrax.PIDController(rtol=RTOL, atol=ATOL), step_ts=times
    )
    return diffrax.diffeqsolve(
        diffrax.ODETerm(field),
        diffrax.Dopri8(),
        t0=times[0],
        t1=times[-1],
        dt0=None,
        y0=start,
        saveat=diffrax.SaveAt(ts=times),
        stepsize_controller=steps,
        max_steps=MAX_STEPS,
        throw=False,
    ).ys


def judged(potential: Potential, xs: Array, velocities: Array) -> tuple[Array, ...]:
    """Positions and velocities (steps, d), the losses, and where they left the finite numbers."""
    losses = jax.vmap(potential)(xs)
    sound = jnp.isfinite(losses) & jnp.isfinite(xs).all(-1) & jnp.isfinite(velocities).all(-1)
    diverged_at = jnp.where(sound.all(), -1, jnp.argmin(sound)).astype(jnp.int32)
    return xs, velocities, losses, diverged_at


def checked(potential: Potential, start: Starts) -> np.ndarray:
    """``start`` as float64, or a ValueError if no path can begin there."""
    x = np.asarray(start, np.float64)
    if x.ndim not in (1, 2) or x.shape[-1] != potential.dimension or not x.size:
        raise ValueError(
            f"start has shape {x.shape}: {potential.name} needs ({potential.dimension},), or "
            f"(starts, {potential.dimension}) for many."
        )
    with jax.enable_x64(True):
        losses = jax.vmap(potential)(jnp.asarray(np.atleast_2d(x)))
    bad = np.flatnonzero(~np.isfinite(losses))
    if bad.size:
        raise ValueError(
            f"{potential.name} is not finite at start {np.atleast_2d(x)[bad[0]].tolist()}: "
            "begin where it is."
        )
    return x


def increasing(times: Times) -> np.ndarray:
    """``times`` as float64, or a ValueError if they do not increase."""
    t = np.asarray(times, np.float64)
    if t.ndim != 1 or len(t) < 2 or not np.isfinite(t).all() or not (np.diff(t) > 0).all():
        raise ValueError(
            f"times of shape {t.shape} must be at least two finite numbers that increase; "
            "np.linspace(0, 10, 101) will do."
        )
    return t
