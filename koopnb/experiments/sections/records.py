"""What the number of snapshots, noise and delays make of a finite section's eigenvalues."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Complex, Float

from koopnb.dynamics.systems import ROTATING, driven_record, linear_record, noisy_oscillator
from koopnb.operators.koopman import KoopmanOperator, fit
from koopnb.operators.snapshots import delays
from koopnb.operators.spectrum import distance
from koopnb.operators.textbook import forward_backward, least_squares, reduced, total_least_squares

FEW, COUNTS = 40, np.array([5, 10, 20, 30, 36, 40, 44, 50, 60, 80, 120, 200])  # weights, pairs
METHODS = {
    "least squares": least_squares,
    "forward-backward": forward_backward,
    "total least squares": total_least_squares,
}
SEEN_NOISE = 0.05
NOISES = {
    "measurement noise": lambda seed: linear_record(ROTATING[[0, 2]], 12, 200, SEEN_NOISE, seed),
    "process noise": driven_record,
}
SAMPLE = 200  # noisy records that make one estimate of a bias
OMEGA, PLACES = 0.3, np.linspace(0, 2 * np.pi, 40)  # of the standing wave
REAL, DELAYS, NEAR = 0.96 * np.exp(0.3j), 30, 0.1  # the oscillator; what is further off is wrong
Clouds = dict[str, dict[str, Complex[np.ndarray, "seeds 3"]]]


def one_step_errors(seed: int) -> Float[np.ndarray, "2 pairs"]:
    """Relative one-step errors on the pairs of the fit, and on later ones, by ``COUNTS``."""
    rows = linear_record([0.998, 0.99, 0.995 * np.exp(0.1j)], FEW, 401, 0.05, seed)
    found = []
    for pairs in COUNTS:
        seen = rows[: pairs + 1]
        K = least_squares(seen[:-1].T, seen[1:].T)
        found.append([_relative_error(K, seen), _relative_error(K, rows[200:])])
    return np.array(found).T


def _relative_error(K: np.ndarray, rows: np.ndarray) -> float:
    return float(np.linalg.norm(rows[1:] - rows[:-1] @ K.T) / np.linalg.norm(rows[1:]))


def noisy_eigs(seeds: Iterable[int]) -> Clouds:
    """Eigenvalues of noisy records of one system, by kind of noise and method."""
    seeds = list(seeds)
    return {
        noise: {
            name: np.array(
                [np.linalg.eigvals(method(*reduced(make(seed), 3))) for seed in seeds], complex
            )
            for name, method in METHODS.items()
        }
        for noise, make in NOISES.items()
    }


def bias(eigs: Complex[np.ndarray, "seeds 3"]) -> tuple[float, float]:
    """Mean error of the rotating pair's modulus, and half its 95% interval."""
    pair = np.take_along_axis(eigs, np.argmax(eigs.imag, axis=1)[:, None], axis=1)[:, 0]
    errors = np.abs(pair) - np.abs(ROTATING[0])
    return float(errors.mean()), float(1.96 * errors.std() / np.sqrt(len(errors)))


def standing_wave() -> dict[str, np.ndarray]:
    """A wave of rank one: 60 snapshots at 40 places."""
    return {"u": np.cos(PLACES)[None] * np.cos(OMEGA * np.arange(60))[:, None]}


def delay_gap(operator: KoopmanOperator) -> float:
    """How far an operator's eigenvalues are from the wave's pair and zeros."""
    eigs = np.asarray(operator.eigs[0])
    pair = distance(eigs[:2], np.exp([1j * OMEGA, -1j * OMEGA]))
    return max(pair, float(np.max(np.abs(eigs[2:]), initial=0)))


def bent_path(steps: int = 120) -> Float[np.ndarray, " steps"]:
    """Three decays and an oscillation: a smooth path of one weight that turns again and again."""
    t = np.arange(steps)
    decays = np.exp(-t / 15) * 3 - 4 * np.exp(-t / 30) + 1.6 * np.exp(-t / 90)
    return decays + 0.15 * np.cos(0.12 * t)


class Bent(NamedTuple):
    """The second half of a bent path, from its first by five delays: largest error, turns, eigs."""

    error: float
    turns: int
    eigs: Complex[np.ndarray, " r"]


def follow(path: Float[np.ndarray, " steps"]) -> Bent:
    """Fits to the first half of a path of one weight and predicts the second."""
    half = len(path) // 2
    operator = fit(delays({"x": path[:half]}, 5))
    ahead = operator.trajectory(np.arange(len(path) - half + 1))["x"][:, -1]
    turns = int(np.sum(np.diff(np.sign(np.diff(path))) != 0))
    error = np.max(np.abs(ahead - path[half - 1 :]))
    return Bent(float(error), turns, np.asarray(operator.eigs[0], complex))


class Judged(NamedTuple):
    """An operator of delays of a noisy oscillator, its eigenvalues above the axis, residuals."""

    operator: KoopmanOperator
    eigs: Complex[np.ndarray, " r"]
    residuals: Float[np.ndarray, " r"]

    @property
    def wrong(self) -> np.ndarray:
        """Which eigenvalues lie far from the true one."""
        return np.abs(self.eigs - REAL) > NEAR

    @property
    def by_residual(self) -> float:
        """How far the eigenvalue of the smallest residual lies from the true one."""
        return float(np.abs(self.eigs[np.argmin(self.residuals)] - REAL))

    @property
    def by_modulus(self) -> float:
        """How far the eigenvalue of the largest modulus lies from the true one."""
        return float(np.abs(self.eigs[np.argmax(np.abs(self.eigs))] - REAL))

    @property
    def margin(self) -> float:
        """The smallest residual of the wrong ones over the smallest of all."""
        return float(np.min(self.residuals[self.wrong]) / np.min(self.residuals))

    @property
    def slower(self) -> int:
        """How many wrong eigenvalues decay more slowly than the true one."""
        return int(np.sum(np.abs(self.eigs[self.wrong]) > np.abs(REAL)))


def judged(seed: int, count: int = DELAYS) -> Judged:
    """Delays of one noisy oscillating observable, fitted."""
    operator = fit(delays(noisy_oscillator(seed, REAL), count))
    eigs, residuals = np.asarray(operator.eigs[0], complex), np.asarray(operator.residuals[0])
    up = eigs.imag > 1e-6
    return Judged(operator, eigs[up], residuals[up].astype(float))
