"""Polynomial dictionaries for two systems that no finite dictionary closes."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.polynomial.legendre import legvander

from koopnb.dynamics import systems
from koopnb.operators.textbook import edmd

EDGE, STEP = 1.6, 0.5  # of the double well: starts up to here, and the time of a step
WELL_DEGREES, WELL_HORIZONS = (1, 9, 15, 25, 35, 45), (1, 10, 40)
CYCLE_DEGREES, CYCLE_HORIZONS = (1, 3, 5, 7, 9, 11, 13), (1, 27, 107)
DRAWN = 5  # the degree whose prediction of one orbit is kept


class Growing(NamedTuple):
    """What dictionaries of growing size predict of one system.

    ``errors`` are those of the state, (dictionaries, horizons): root mean squares, and for the
    double well's last horizon the largest. ``true`` and ``predicted`` are for a picture: of the
    double well the states after 10 steps from ``points``, by degree; of the oscillator one orbit
    (times, 2).
    """

    sizes: tuple[int, ...]
    horizons: tuple[int, ...]
    errors: Float[np.ndarray, "sizes horizons"]
    points: Float[np.ndarray, " points"]
    true: np.ndarray
    predicted: dict[int, np.ndarray]


def double_well() -> Growing:
    """Legendre polynomials for the double well, fitted on a grid of starts."""
    points = np.linspace(-EDGE, EDGE, 2000)
    errors, predicted = [], {}
    for degree in WELL_DEGREES:
        rows = legvander(points / EDGE, degree)
        K, read = edmd(rows, legvander(systems.well(points, STEP) / EDGE, degree), points)
        paths = {s: rows @ np.linalg.matrix_power(K, s) @ read for s in WELL_HORIZONS}
        one, ten, last = (paths[s] - systems.well(points, s * STEP) for s in WELL_HORIZONS)
        errors.append([_rms(one), _rms(ten), np.abs(last).max()])
        predicted[degree] = paths[10]
    sizes = tuple(degree + 1 for degree in WELL_DEGREES)
    true = systems.well(points, 10 * STEP)
    return Growing(sizes, WELL_HORIZONS, np.array(errors), points, true, predicted)


def van_der_pol(seed: int) -> Growing:
    """Products of Legendre polynomials for the oscillator, on orbits from starts that are drawn.

    Fitted on 200 orbits, judged on 200 others.
    """
    rng = np.random.default_rng(seed)
    orbits = systems.van_der_pol(rng.uniform(-2, 2, (2, 200)), 40)
    true = systems.van_der_pol(rng.uniform(-2, 2, (2, 200)), CYCLE_HORIZONS[-1])
    box = 1.02 * np.abs(orbits).max(axis=(1, 2))
    before, after = orbits[:, :, :-1].reshape(2, -1), orbits[:, :, 1:].reshape(2, -1)
    sizes, errors, predicted = [], [], {}
    for degree in CYCLE_DEGREES:
        rows = products(before, degree, box)
        K, read = edmd(rows, products(after, degree, box), before.T)
        start = products(true[:, :, 0], degree, box)
        paths = {s: start @ np.linalg.matrix_power(K, s) @ read for s in CYCLE_HORIZONS}
        errors.append([_rms(path - true[:, :, s].T) for s, path in paths.items()])
        sizes.append(rows.shape[1])
        if degree == DRAWN:
            steps = range(CYCLE_HORIZONS[-1] + 1)
            path = [start[0] @ np.linalg.matrix_power(K, s) @ read for s in steps]
            predicted[degree] = np.array(path)
    return Growing(
        tuple(sizes), CYCLE_HORIZONS, np.array(errors), np.arange(CYCLE_HORIZONS[-1] + 1.0),
        true[:, 0].T, predicted,
    )  # fmt: skip


def products(
    states: Float[np.ndarray, "2 points"], degree: int, box: Float[np.ndarray, "2"]
) -> Float[np.ndarray, "points N"]:
    """All products of Legendre polynomials up to this degree, on a box around the origin."""
    first, second = (legvander(s / r, degree) for s, r in zip(states, box, strict=True))
    pairs = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    return np.stack([first[..., i] * second[..., j] for i, j in pairs], axis=-1)


def _rms(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(error**2)))
