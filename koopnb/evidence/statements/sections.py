"""Claims on finite sections: formulas, cutoffs, noise, delays, and which eigenvalues to believe."""

import math
from collections.abc import Callable, Iterable

import numpy as np

from koopnb.evidence.claim import Claim
from koopnb.experiments.record import Record
from koopnb.experiments.sections import arithmetic, records

PAGE = "05-finite-section"


def _numbers(values: Iterable[float | str]) -> np.ndarray:
    """Numbers of a record; what is no number counts as infinite."""
    return np.nan_to_num([float(value) for value in values], nan=np.inf, posinf=np.inf)


def _formula(where: np.ndarray, *dtypes: str) -> Callable[[Record], np.ndarray]:
    """The formula's errors at some numbers of pairs."""
    return lambda one: np.concatenate([_numbers(one.metrics["formula"][d])[where] for d in dtypes])


def _few(part: str) -> Callable[[Record], np.ndarray]:
    """One-step errors where pairs are fewer than weights."""
    return lambda one: np.array(one.metrics["one step"][part])[records.COUNTS < records.FEW]


def _cutoffs(name: str, dtype: str) -> Callable[[Record], np.ndarray]:
    """Errors from the smallest cutoff to the largest."""
    return lambda one: _numbers(one.metrics["cutoff"][name][dtype])


def _spectrum(name: str, *methods: str) -> Callable[[Record], list[float]]:
    return lambda one: [one.metrics["spectra"][name][method] for method in methods]


def _repairs(noise: str) -> Callable[[Record], tuple[tuple[float, float], ...]]:
    """Bias and half its interval: of least squares, forward-backward, total least squares."""
    return lambda one: tuple(tuple(one.metrics["bias"][noise][name]) for name in records.METHODS)


def _pulled_in(one: Record) -> float:
    (mean, half), *_ = _repairs("measurement noise")(one)
    return mean + half


def _left_over(one: Record) -> float:
    (mean, _), *others = _repairs("measurement noise")(one)
    return max(abs(other) for other, _ in others) / abs(mean)


def _pushed_out(one: Record) -> float:
    (mean, _), *others = _repairs("process noise")(one)
    return min(other - half for other, half in others) - abs(mean)


def _lost(one: Record) -> float:
    """Distance from the factors, of the power over that of the steps."""
    walked, raised = _numbers(one.metrics["powers"]["900"])
    return float(raised / walked)


def _believed(name: str) -> Callable[[Record], float]:
    return lambda one: float(one.metrics["believed"][name])


def _close(method: str) -> Callable[[Record], float]:
    return lambda one: _spectrum("close together", method)(one)[0]


def _claim(
    key: str, statement: str, source: str, heading: str, quantity: str,
    measure: Callable[[Record], float], *, low: float = -math.inf, high: float = math.inf,
    proved: bool = False,
) -> Claim:  # fmt: skip
    return Claim(
        key, statement, source, f"{PAGE}#{heading}", quantity, lambda one: float(measure(one)),
        low=low, high=high, tolerance=math.inf, proved=proved,
    )  # fmt: skip


FORMULA, FEW, CUTOFF = (
    "the-reports-formula",
    "too-few-snapshots-too-many",
    "the-cutoff-is-a-regularizer",
)
ALGORITHMS, NOISE, DELAYS = (
    "three-algorithms-one-spectrum",
    "noise-pulls-eigenvalues-inwards",
    "delay-coordinates",
)
DRAWS, BELIEVE = "what-a-spectrum-can-draw", "which-eigenvalues-to-believe"

SECTIONS = (
    _claim(
        "formula-right",
        "The report's formula is the pseudo-inverse where snapshots are independent",
        "report, Method",
        FORMULA,
        "largest relative error, fewer pairs than weights, double precision",
        lambda one: _formula(arithmetic.PAIRS < arithmetic.WIDTH, "float64")(one).max(),
        high=1e-8,
        proved=True,
    ),
    _claim(
        "formula-wrong",
        "The report's formula fails where pairs outnumber weights",
        "this book, after the report",
        FORMULA,
        "least relative error",
        lambda one: _formula(arithmetic.PAIRS > arithmetic.WIDTH + 1, *arithmetic.DTYPES)(
            one
        ).min(),
        low=0.1,
        proved=True,
    ),
    _claim(
        "few-fit",
        "With fewer pairs than weights the fit is perfect",
        "this book",
        FEW,
        "largest relative one-step error on the pairs of the fit",
        lambda one: _few("fitted")(one).max(),
        high=1e-9,
        proved=True,
    ),
    _claim(
        "few-forecast",
        "With fewer pairs than weights the forecast is not perfect",
        "this book",
        FEW,
        "least relative one-step error on later pairs",
        lambda one: _few("fresh")(one).min(),
        low=0.1,
    ),
    _claim(
        "smooth-precision",
        "On a smooth record, single precision stops at its rounding and double does not",
        "this book",
        CUTOFF,
        "error in single precision over double, least cutoff",
        lambda one: _cutoffs("smooth", "float32")(one)[0] / _cutoffs("smooth", "float64")(one)[0],
        low=10.0,
    ),
    _claim(
        "noisy-everything",
        "On a noisy record, keeping everything predicts worse than no change",
        "this book",
        CUTOFF,
        "error over change 200 steps ahead, the smaller of both precisions'",
        lambda one: min(_cutoffs("noisy", dtype)(one)[0] for dtype in arithmetic.DTYPES),
        low=1.0,
    ),
    _claim(
        "noisy-cutoff",
        "On a noisy record, some cutoff halves the error of no change",
        "this book",
        CUTOFF,
        "error over change 200 steps ahead at the best cutoff, the larger of both precisions'",
        lambda one: max(_cutoffs("noisy", dtype)(one).min() for dtype in arithmetic.DTYPES),
        high=0.5,
    ),
    _claim(
        "one-spectrum",
        "Three algorithms agree on well separated eigenvalues",
        "this book",
        ALGORITHMS,
        "largest distance from the true spectrum",
        lambda one: max(_spectrum("well separated", *arithmetic.METHODS)(one)),
        high=1e-7,
        proved=True,
    ),
    _claim(
        "squared-condition",
        "Inner products of snapshots cost digits where eigenvalues lie close together",
        "this book",
        ALGORITHMS,
        "their distance from the true spectrum over that by singular values",
        lambda one: _close("snapshots")(one) / _close("SVD")(one),
        low=100.0,
    ),
    _claim(
        "formed-vectors",
        "Left vectors formed from the right ones cost digits at small cutoffs",
        "this book",
        ALGORITHMS,
        "change of a step at a cutoff of 1e-12 over that at 1e-4",
        lambda one: one.metrics["formed"]["1e-12"] / one.metrics["formed"]["1e-04"],
        low=1e3,
    ),
    _claim(
        "powers",
        "900 steps ahead, powers of a matrix lose a thousand times what its steps lose",
        "this book",
        ALGORITHMS,
        "distance of the power from the factors over that of the steps",
        _lost,
        low=1e3,
    ),
    _claim(
        "noise-inwards",
        "Measurement noise pulls eigenvalues of least squares inwards",
        "this book",
        NOISE,
        "upper end of the bias of a modulus, 200 records",
        _pulled_in,
        high=-0.01,
    ),
    _claim(
        "noise-repaired",
        "Both repairs remove nine tenths of the bias by measurement noise",
        "this book",
        NOISE,
        "what they leave over what it was, 200 records",
        _left_over,
        high=0.1,
    ),
    _claim(
        "noise-outwards",
        "With process noise, both repairs push eigenvalues outwards by more than the bias was",
        "this book",
        NOISE,
        "lower end of their bias less the size of that of least squares, 200 records",
        _pushed_out,
        low=0.0,
    ),
    _claim(
        "one-moment",
        "One moment of a standing wave shows no oscillation",
        "this book",
        DELAYS,
        "largest imaginary part of an eigenvalue",
        lambda one: one.metrics["delays"]["imaginary"],
        high=0.0,
        proved=True,
    ),
    _claim(
        "two-moments",
        "Two moments of a standing wave show its frequency",
        "this book",
        DELAYS,
        "distance of the eigenvalues from the true pair and zeros",
        lambda one: one.metrics["delays"]["gap"],
        high=1e-10,
        proved=True,
    ),
    _claim(
        "bent-path",
        "A path that turns back again and again can be a sum of exponentials",
        "this book, after the report",
        DRAWS,
        "largest error on its second half",
        lambda one: one.metrics["bent"]["error"],
        high=1e-3,
        proved=True,
    ),
    _claim(
        "residual-right",
        "The smallest residual names the true eigenvalue among the plausible",
        "this book",
        BELIEVE,
        "distance from the true one",
        _believed("by_residual"),
        high=0.02,
    ),
    _claim(
        "residual-clear",
        "Every wrong eigenvalue has a residual half as large again",
        "this book",
        BELIEVE,
        "smallest residual of a wrong one over the smallest of all",
        _believed("margin"),
        low=1.5,
    ),
    _claim(
        "modulus-wrong",
        "The largest modulus names a wrong eigenvalue",
        "this book",
        BELIEVE,
        "distance from the true one",
        _believed("by_modulus"),
        low=0.02,
    ),
)

CLAIMS = {"sections": SECTIONS}
