"""The double well in numbers: its height and curvature at a place, and its barrier."""

import numpy as np
from jaxtyping import Float

from koopnb.dynamics.potentials import double_well
from koopnb.experiments.noise import SHALLOW, TOP


def height(place: Float[np.ndarray, " places"]) -> Float[np.ndarray, " places"]:
    """f, in double precision."""
    return np.polynomial.Polynomial(double_well().coefficients or (0.0,))(place)


def curvature(place: float) -> float:
    """f''."""
    return double_well().hessian(np.array([place])).item()


def barrier() -> float:
    """How far the top is above the shallow minimum."""
    low, high = height(np.array([SHALLOW, TOP]))
    return float(high - low)
