"""What became of a path: where it ended, how fast it got there, which steps it survives."""

from collections.abc import Callable, Sequence

import jax
import numpy as np
from jaxtyping import Float, Int
from scipy.integrate import cumulative_simpson

from koopnb.dynamics.flows import descend
from koopnb.dynamics.motion import Trajectory
from koopnb.dynamics.potentials import Potential

Numbers = Sequence[float] | Sequence[int] | np.ndarray
NEARBY = 1e-6  # so close to a minimum the loss is its quadratic model to single precision


def destination(
    potential: Potential, path: Trajectory, within: float = 0.05
) -> Int[np.ndarray, "*starts"]:
    """The minimum where each path ended: its index in ``potential.minima``, -1 for none.

    Args:
        potential: f.
        path: its paths.
        within: the largest distance in any coordinate that counts as there, > 0. A path that left
            the finite numbers ended nowhere.

    Raises:
        ValueError: ``within`` not positive, or so large that a point could be at two minima.
    """
    minima = np.asarray(potential.minima)
    gaps = np.abs(minima[:, None] - minima[None]).max(-1)
    limit = np.min(gaps[gaps > 0], initial=np.inf) / 2
    if not 0 < within < limit:
        raise ValueError(
            f"within={within}: must be positive and below {limit:.3g}, half the way between two "
            f"minima of {potential.name}."
        )
    away = np.abs(path.x[..., -1, None, :] - minima).max(-1)
    away = np.nan_to_num(away, nan=np.inf)
    return np.asarray(np.where(away.min(-1) <= within, away.argmin(-1), -1))


def curvature(potential: Potential, at: tuple[float, ...]) -> Float[np.ndarray, " d"]:
    """Eigenvalues of the Hessian at a point, ascending; the last at a minimum is L."""
    with jax.enable_x64(True):
        return np.linalg.eigvalsh(np.asarray(potential.hessian(np.asarray(at, np.float64))))


def threshold(holds: Callable[[float], bool], low: float, high: float, *, digits: int = 4) -> float:
    """Where a property that holds at ``low`` and not at ``high`` is lost, by bisection.

    Args:
        holds: the property.
        low: positive.
        high: above it.
        digits: to so many significant digits.

    Raises:
        ValueError: the property does not hold at ``low``, or still holds at ``high``.

    >>> round(threshold(lambda x: x * x < 2, 0.1, 10.0), 3)
    1.414
    """
    if not holds(low) or holds(high):
        raise ValueError(
            f"low={low}, high={high}: the property must hold at low and not at high; move them."
        )
    while high / low > 1 + 10.0**-digits:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if holds(middle) else (low, middle)
    return (low * high) ** 0.5


def stability_limit(
    potential: Potential,
    minimum: tuple[float, ...],
    *,
    momentum: float = 0.0,
    iterations: int = 4000,
) -> float:
    r"""The largest step with which descent stays at a minimum, found by trying.

    Theory says $2 (1 + \beta) / L$, with L the largest curvature there; it is not used here. A
    step passes if a path that begins ``NEARBY`` is no further away after ``iterations``.

    Raises:
        ValueError: no step between 1e-6 and 1e3 is the limit.
    """
    start = np.asarray(minimum) + NEARBY

    def stays(step: float) -> bool:
        path = descend(potential, start, step=step, steps=iterations, momentum=momentum)
        with np.errstate(over="ignore", invalid="ignore"):
            ends = np.linalg.norm(path.x[[0, -1]] - np.asarray(minimum), axis=-1)
        return bool(ends[1] < ends[0])

    return threshold(stays, 1e-6, 1e3, digits=3)


def contraction(path: Trajectory, minimum: tuple[float, ...]) -> Float[np.ndarray, "*starts"]:
    r"""The factor per iteration by which a path approaches a minimum, fitted to its second half.

    The fit is to the largest entry of $(\theta - \theta^*, v)$, which stays above zero where the
    path swings through the minimum. Entries below 1e-280 are left out.

    Args:
        path: iterates of `flows.descend`.
        minimum: the minimum $\theta^*$ that the path tends to.
    """
    state = np.concatenate([path.x - np.asarray(minimum), path.velocity], axis=-1)
    lengths = np.abs(state).max(-1)
    rows = [_slope(row) for row in lengths.reshape(-1, lengths.shape[-1])]
    return np.asarray(np.exp(np.reshape(rows, lengths.shape[:-1])))


def settled(path: Trajectory, minimum: tuple[float, ...], within: float) -> int:
    """After how many iterations one path stays nearer to a minimum than ``within``, entry by entry.

    Raises:
        ValueError: it never does.

    >>> from koopnb.dynamics.potentials import quadratic
    >>> settled(descend(quadratic((1.0,)), (1.0,), step=0.5, steps=9), (0.0,), within=0.2)
    3
    """
    near = np.abs(path.x - np.asarray(minimum)).max(-1) < within
    if not near[-1]:
        raise ValueError(f"within={within}: the path does not end there; follow it for longer.")
    return len(near) - int(np.argmin(near[::-1])) if not near.all() else 0


def work(path: Trajectory) -> Float[np.ndarray, "*starts steps"]:
    r"""$\int_0^t |\dot\theta|^2 dt$ by Simpson's rule: what the loss loses along the flow."""
    squared = np.sum(path.velocity**2, axis=-1)
    return np.asarray(cumulative_simpson(squared, x=path.time, initial=0))


def imbalance(path: Trajectory) -> float:
    """The largest difference between what the loss has lost and `work`, over all paths and times.

    For a path of `flows.gradient_flow`.
    """
    return float(np.abs(path.loss + work(path) - path.loss[..., :1]).max())


def rises(path: Trajectory) -> int:
    """In how many recorded intervals the loss rose by more than rounding, over all paths."""
    return int((np.diff(path.loss, axis=-1) > 1e-12).sum())


def power(x: Numbers, y: Numbers) -> float:
    """The p of y ~ x^p, by least squares on the logarithms.

    >>> round(power([1.0, 2.0, 4.0], [3.0, 12.0, 48.0]), 9)
    2.0
    """
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def _slope(lengths: Float[np.ndarray, " steps"]) -> float:
    usable = np.flatnonzero(np.isfinite(lengths) & (lengths > 1e-280))
    usable = usable[len(usable) // 2 :]
    return float(np.polyfit(usable, np.log(lengths[usable]), 1)[0])
