"""The report's formula, the cutoff, and algorithms that are one on paper."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float

from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS, MARK
from koopnb.experiments.sections.arithmetic import (
    AHEAD,
    CUTOFFS,
    METHODS,
    PAIRS,
    WIDTH,
    Fitted,
    Powers,
)

DASHED = (0, (4, 2))
SNAPSHOTS = 2 * 938  # two epochs of 938 iterations, from the report's protocol
BLOCKS = {
    "a first-layer node": 785, "any other node": 21, "the first layer": 15_700,
    "the second or third layer": 420, "the last layer": 210, "the network": 16_750,
}  # fmt: skip
# Errors of the formula by precision: a row for each number of pairs, a column a seed.
Draws = Mapping[str, Float[np.ndarray, "pairs seeds"]]
# Fits at every cutoff, by record and precision.
Sweep = Mapping[str, Mapping[str, Sequence[Fitted]]]


@plates.styled
def formula(draws: Draws) -> plates.Plate:
    """The error of the report's formula against the number of pairs, in both precisions."""
    figure, axis = plt.subplots(figsize=(7.5, 3.7))
    for (dtype, found), name in zip(draws.items(), ("works", "third"), strict=True):
        middle = np.median(found, axis=1)
        axis.semilogy(PAIRS, np.clip(found, 1e-17, 1e4), ".", color=COLOURS[name], alpha=0.35)
        axis.semilogy(PAIRS, np.clip(middle, 1e-17, 1e4), color=COLOURS[name])
        height = 10 * middle[0] if dtype == "float64" else 1e-6
        axis.text(1.6, height, dtype, color=COLOURS[name])
    axis.axvspan(WIDTH + 0.5, PAIRS[-1] + 1, color=COLOURS["fails"], alpha=0.08, linewidth=0)
    axis.axhline(1, color=MARK, linewidth=1, linestyle=DASHED)
    note = "more pairs than weights:\n$F^\\dagger F$ is singular"
    axis.text(40, 1e-5, note, color=COLOURS["fails"], ha="center")
    axis.set(
        xlabel=f"pairs of snapshots, for a block of {WIDTH} weights",
        ylabel="relative error of the formula", xlim=(1, 61),
    )  # fmt: skip
    return plates.Plate(
        figure,
        alt="Relative error of the printed formula against the number of pairs. Up to "
        f"{WIDTH} pairs it is rounding, in double and in single precision; beyond, it jumps above "
        "one.",
        caption="$(F^\\dagger F)^{-1} F^\\dagger$ as printed against the pseudo-inverse, "
        f"{draws['float64'].shape[1]} random blocks at each size, median as a line. Dashed: an "
        "error as large as the answer.",
        name="formula",
    )


def where_it_exists(draws: Draws) -> plates.Text:
    """The formula's errors beyond its range, and for which of the report's blocks it exists."""
    wide = draws["float64"][PAIRS > WIDTH + 1]
    rows = [
        {
            "Block": name,
            "Weights $m$": f"{width:,}",
            "Pairs $n - 1$": f"{SNAPSHOTS - 1:,}",
            "The formula": "can exist" if width >= SNAPSHOTS - 1 else "does not exist",
        }
        for name, width in BLOCKS.items()
    ]
    return plates.Text(
        f"With more than {WIDTH + 1} pairs the formula's relative error is {wide.min():.1g} to "
        f"{wide[np.isfinite(wide)].max():,.0f}, though nothing is reported: rounding makes the "
        "singular $F^\\dagger F$ invertible. In the report's experiment:\n\n" + plates.table(rows)
    )


@plates.styled
def cutoff(sweep: Sweep) -> plates.Plate:
    """The error far ahead against the cutoff, for a smooth and a noisy record."""
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), sharey=True)
    for axis, (name, by_dtype) in zip(axes, sweep.items(), strict=True):
        for dtype, colour, style in (("float64", "works", "o-"), ("float32", "fails", "s--")):
            drawn = np.clip([one.error for one in by_dtype[dtype]], 1e-6, 1e6)
            how = {"color": COLOURS[colour], "markersize": 4, "label": dtype}
            axis.loglog(CUTOFFS, drawn, style, **how)
        axis.axhline(1, color=MARK, linewidth=1, linestyle=DASHED)
        axis.set(title=f"a {name} record", xlabel="relative cutoff $c$")
    axes[0].set_ylabel(f"error / change, {AHEAD} steps ahead")
    axes[0].legend(loc=(0.02, 0.5))
    return plates.Plate(
        figure,
        alt="Prediction error against the cutoff. Smooth record: in double precision the error "
        "falls until the cutoff is tiny and stays low; in single precision it stays level below "
        "its rounding. Noisy record: both precisions agree, the error is lowest at a large cutoff "
        "and far above one where everything is kept.",
        caption="Dashed: as good as predicting no change. Smooth: double precision goes on "
        "improving as the cutoff falls; single precision stops where its rounding begins, and a "
        "smaller cutoff changes nothing. Noisy: the noise is far above rounding, precision does "
        "not matter, and only a cutoff that removes most of it predicts.",
        name="cutoff",
    )


def cutoffs(sweep: Sweep) -> plates.Text:
    """The best cutoff beside the least, by record and precision."""
    rows = []
    for name, by_dtype in sweep.items():
        for dtype, fits in by_dtype.items():
            at = int(np.nanargmin([one.error for one in fits]))
            best, everything = fits[at], fits[0]
            rows.append(
                {
                    "Record": name,
                    "Precision": dtype,
                    "Best $c$": f"{CUTOFFS[at]:.0e}",
                    "Its rank": best.rank,
                    "Its error": f"{best.error:.2g}",
                    "Rank with the least $c$": everything.rank,
                    "Error with it": f"{everything.error:.2g}",
                    "Its $\\rho$": f"{everything.radius:.4f}",
                }
            )
    return plates.table(rows)


def algorithms(errors: Mapping[str, Mapping[str, float]]) -> plates.Text:
    """How far each algorithm's spectrum is from the true one, for each set of eigenvalues."""
    rows = [
        {"Eigenvalues": name, "Condition of $F$": f"{found['condition']:.0e}"}
        | {label[0].upper() + label[1:]: f"{found[label]:.0e}" for label in METHODS}
        for name, found in errors.items()
    ]
    head = "Distance of the computed spectrum from the true one, as multisets:\n\n"
    return plates.Text(head + plates.table(rows))


def formed(gaps: Mapping[float, float]) -> plates.Text:
    """What forming left singular vectors from right ones changes, by cutoff."""
    parts = [f"{value:.0e} at a cutoff of {cutoff:.0e}" for cutoff, value in gaps.items()]
    return plates.Text(
        "One step ahead, the two ways to get $U$ differ by these parts of a step: "
        f"{', '.join(parts)}. That is little, on sixteen snapshots of forty weights. On the record "
        "of a real network the same slip once cost this book every digit, and "
        "[the erratum](../status) says what came of it."
    )


def powers(found: Powers) -> plates.Text:
    """How far a matrix, applied step by step or raised to a power, is from its factors."""
    rows = [
        {
            "Steps ahead": steps,
            "Matrix applied step by step": f"{walked:.0e}",
            "Power of the matrix": f"{raised:.0e}",
        }
        for steps, (walked, raised) in found.apart.items()
    ]
    return plates.Text(
        f"$\\lVert \\hat K \\rVert$ is {found.matrix:.0e}, though the weights hardly move; their "
        f"own norm is {found.state:.2g}. Distances from the prediction in factors:\n\n"
        + plates.table(rows)
    )
