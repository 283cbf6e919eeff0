"""Small systems with known answers, of chapters 04 and 05: orbits, flows, linear records."""

from collections.abc import Sequence
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

# A pair that rotates while it decays, and a real eigenvalue.
ROTATING = np.array([0.98 * np.exp(0.3j), 0.98 * np.exp(-0.3j), 0.93])


def slow_map(
    x: Float[np.ndarray, " 2 *points"], a: float, b: float
) -> Float[np.ndarray, " 2 *points"]:
    r"""The map $(x_1, x_2) \mapsto (a x_1, b x_2 + (a^2 - b) x_1^2)$ of one point or many.

    Its slow manifold is $x_2 = x_1^2$. Source: in discrete time, Brunton et al., PLoS ONE 11
    (2016) e0150171.
    """
    return np.stack([a * x[0], b * x[1] + (a**2 - b) * x[0] ** 2])


def orbit(
    start: Sequence[float] | Float[np.ndarray, "2"], steps: int, a: float, b: float
) -> Float[np.ndarray, "states 2"]:
    """The start and what `slow_map` makes of it, step by step."""
    states = [np.asarray(start, float)]
    for _ in range(steps):
        states.append(slow_map(states[-1], a, b))
    return np.array(states)


def observe(
    states: Float[np.ndarray, "*times 2"], names: Sequence[str] = ("x1", "x2", "square")
) -> dict[str, np.ndarray]:
    """Observables of states by name: the coordinates x1 and x2, and the square of x1."""
    every = {"x1": states[..., 0], "x2": states[..., 1], "square": states[..., 0] ** 2}
    return {name: np.asarray(every[name]) for name in names}


def well(x: Float[np.ndarray, " points"], time: float) -> Float[np.ndarray, " points"]:
    r"""The flow of the double well $\dot x = x - x^3$ in closed form."""
    return x * np.exp(time) / np.sqrt(1 + x**2 * np.expm1(2 * time))


def van_der_pol(
    starts: Float[np.ndarray, "2 starts"], steps: int, dt: float = 0.25
) -> Float[np.ndarray, "2 starts times"]:
    r"""Orbits of $\dot x_1 = x_2$, $\dot x_2 = (1 - x_1^2) x_2 - x_1$, seen every ``dt``."""
    term = diffrax.ODETerm(lambda t, x, _: jnp.stack([x[1], (1 - x[0] ** 2) * x[1] - x[0]]))
    with jax.enable_x64(True):
        times = jnp.arange(steps + 1) * dt
        found = diffrax.diffeqsolve(
            term, diffrax.Dopri5(), 0.0, times[-1], 0.05, jnp.asarray(starts),
            saveat=diffrax.SaveAt(ts=times),
            stepsize_controller=diffrax.PIDController(rtol=1e-9, atol=1e-9),
        )  # fmt: skip
    return np.moveaxis(np.asarray(found.ys), 0, -1)


def linear_record(
    eigs: Sequence[complex] | np.ndarray, m: int, n: int, noise: float, seed: int
) -> Float[np.ndarray, "n m"]:
    """Modes with these eigenvalues, in m weights and seen with independent noise of this size.

    ``eigs`` holds one of each conjugate pair.
    """
    rng = np.random.default_rng(seed)
    powers = np.asarray(eigs)[None] ** np.arange(n)[:, None]
    parts = np.concatenate([powers.real, powers.imag[:, np.abs(np.imag(eigs)) > 0]], axis=1)
    basis = np.linalg.qr(rng.standard_normal((m, parts.shape[1])))[0]
    return parts @ basis.T + noise * rng.standard_normal((n, m))


def driven_record(seed: int, n: int = 200, noise: float = 0.1) -> Float[np.ndarray, "n 12"]:
    """A linear system with the eigenvalues ``ROTATING``, driven by noise and seen exactly."""
    rng = np.random.default_rng(seed)
    c, s = ROTATING[0].real, ROTATING[0].imag
    K = np.array([[c, s, 0], [-s, c, 0], [0, 0, ROTATING[2].real]])
    states = [np.array([1.0, 0.0, 1.0])]
    for _ in range(n - 1):
        states.append(K @ states[-1] + noise * rng.standard_normal(3))
    return np.array(states) @ np.linalg.qr(rng.standard_normal((12, 3)))[0].T


def shared_walk(seed: int, weights: int = 20, n: int = 1500) -> Float[np.ndarray, "n weights"]:
    """Weights that all take the same random steps, but for the rounding of single precision."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(1e-3 * rng.standard_normal((n, 1)), axis=0)
    return (0.1 * rng.standard_normal(weights) + walk).astype(np.float32).astype(float)


def noisy_oscillator(seed: int, eig: complex, n: int = 120, noise: float = 0.05) -> dict[str, Any]:
    """One observable that follows the real part of the powers of ``eig``, seen with noise."""
    rng = np.random.default_rng(seed)
    return {"y": (eig ** np.arange(n)).real + noise * rng.standard_normal(n)}
