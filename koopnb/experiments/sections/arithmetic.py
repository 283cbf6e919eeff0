"""What formulas, cutoffs and the order of the arithmetic do to a finite section."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from koopnb.dynamics.systems import linear_record, shared_walk
from koopnb.operators.koopman import fit
from koopnb.operators.spectrum import distance
from koopnb.operators.textbook import as_printed, companion_eigs, snapshot_eigs, svd_eigs

WIDTH = 20  # weights of the block that the report's formula is tried on
PAIRS = np.array([2, 5, 10, 15, 18, 20, 21, 22, 25, 30, 40, 60])
AHEAD, CUTOFFS = 200, 10.0 ** np.arange(-15, 0)
DTYPES = ("float64", "float32")
METHODS = {"companion": companion_eigs, "snapshots": snapshot_eigs, "SVD": svd_eigs}
SPECTRA = {
    "well separated": [0.99, 0.9, 0.5, -0.7, 0.95 * np.exp(0.4j), 0.8 * np.exp(1.5j)],
    "close together": [*(1 - np.geomspace(0.05, 0.6, 5))],
}
FORMED_AT = (1e-4, 1e-8, 1e-12)
POWERS = (1, 10, 100, 900)


def formula_errors(seed: int, dtype: str) -> Float[np.ndarray, " pairs"]:
    """Relative error of the report's formula, for a random block and each of ``PAIRS``."""
    return np.array([_formula_error(int(pairs), dtype, seed) for pairs in PAIRS])


def _formula_error(pairs: int, dtype: str, seed: int) -> float:
    F = np.random.default_rng(seed).standard_normal((WIDTH, pairs))
    true = np.linalg.pinv(F)
    try:
        found = as_printed(F.astype(dtype))
    except np.linalg.LinAlgError:  # exactly singular
        return np.inf
    return float(np.linalg.norm(found - true) / np.linalg.norm(true))


class Fitted(NamedTuple):
    """A fit at one cutoff: its error over the change 200 steps ahead, rank, spectral radius."""

    error: float
    rank: int
    radius: float


def cutoff_sweep(seed: int) -> dict[str, dict[str, list[Fitted]]]:
    """Fits at each of ``CUTOFFS`` by record and precision.

    "smooth" has twelve modes and no noise, "noisy" has noise and as many pairs as weights.
    """
    eigs = 1 - np.geomspace(1e-3, 0.3, 12)
    records = {
        "smooth": (linear_record(eigs, 60, 200 + AHEAD, 0.0, seed), 200),
        "noisy": (linear_record(eigs, 100, 101 + AHEAD, 3e-3, seed), 101),
    }
    return {
        name: {dtype: [_fitted(rows, n, cut, dtype) for cut in CUTOFFS] for dtype in DTYPES}
        for name, (rows, n) in records.items()
    }


def _fitted(rows: Float[np.ndarray, "times m"], n: int, cutoff: float, dtype: str) -> Fitted:
    operator = fit({"x": rows[:n]}, rcond=float(cutoff), dtype=dtype, solver="svd")
    true, last = rows[n - 1 + AHEAD], rows[n - 1]
    error = np.linalg.norm(operator.predict(AHEAD)["x"] - true) / np.linalg.norm(true - last)
    return Fitted(float(error), int(operator.rank[0]), float(operator.spectral_radius[0]))


def spectrum_errors(seed: int) -> dict[str, dict[str, float]]:
    """Distance of the spectrum by each of ``METHODS`` from the true one, for each of ``SPECTRA``.

    "condition" is that of F.
    """
    found = {}
    for name, eigs in SPECTRA.items():
        whole = np.concatenate([eigs, [np.conj(e) for e in eigs if np.imag(e)]])
        rows = linear_record(eigs, 40, len(whole) + 1, 0.0, seed)
        errors = {label: distance(method(rows), whole) for label, method in METHODS.items()}
        found[name] = {"condition": float(np.linalg.cond(rows[:-1]))} | errors
    return found


def formed_vectors(seed: int) -> dict[float, float]:
    """What forming left singular vectors from right ones changes one step ahead, in steps.

    By cutoff, each of ``FORMED_AT``.
    """
    rows = linear_record(1 - np.geomspace(0.05, 0.6, 10), 40, 16, 0.0, seed) + 5
    F, later, last = rows[:-1].T, rows[1:].T, rows[-1]
    u, sigma, vt = np.linalg.svd(F, full_matrices=False)
    found = {}
    for cutoff in FORMED_AT:
        keep = sigma > cutoff * sigma[0]
        decoder = later @ vt[keep].T / sigma[keep]
        formed = F @ vt[keep].T / sigma[keep]
        change = decoder @ (formed.T @ last) - decoder @ (u[:, keep].T @ last)
        found[cutoff] = float(np.linalg.norm(change) / np.linalg.norm(last - rows[-2]))
    return found


class Powers(NamedTuple):
    """Norms of a matrix and of its state; and distances from the prediction in factors.

    ``apart`` holds, by horizon, those of the matrix applied step by step and of its power.
    """

    matrix: float
    state: float
    apart: dict[int, tuple[float, float]]


def matrix_powers(seed: int) -> Powers:
    """Three ways to predict weights that share a random walk, at each of ``POWERS``."""
    rows = shared_walk(seed)
    cutoff, last = len(rows) * float(np.finfo(float).eps), rows[-1]
    K = rows[1:].T @ np.linalg.pinv(rows[:-1].T, rcond=cutoff)
    operator = fit({"x": rows}, rcond=cutoff, solver="svd")
    apart = {}
    for steps in POWERS:
        in_factors, walked = operator.predict(steps)["x"], last
        for _ in range(steps):
            walked = K @ walked
        raised = np.linalg.matrix_power(K, steps) @ last
        step_by_step, by_power = (np.linalg.norm(x - in_factors) for x in (walked, raised))
        apart[steps] = (float(step_by_step), float(by_power))
    return Powers(float(np.linalg.norm(K)), float(np.linalg.norm(last)), apart)
