"""Too few snapshots, and noise: what they make of a fit and of its eigenvalues."""

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float

from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS, LINE, MARK, NOTE
from koopnb.dynamics.systems import ROTATING
from koopnb.experiments.sections.records import COUNTS, FEW, METHODS, SEEN_NOISE, Clouds, bias

TICKS = [5, 10, 20, 40, 80, 200]
# One-step errors of records: on the pairs of the fit and on later ones.
Errors = Float[np.ndarray, "seeds 2 pairs"]


@plates.styled
def too_few(errors: Errors) -> plates.Plate:
    """One-step errors on the pairs of the fit and on later ones, against the number of pairs."""
    figure, axis = plt.subplots(figsize=(7.5, 3.7))
    for found, name in zip(np.swapaxes(errors, 0, 1), ("works", "fails"), strict=True):
        shown = np.maximum(found, 1e-4)
        axis.loglog(COUNTS, shown.T, ".", color=COLOURS[name], alpha=0.35)
        axis.loglog(COUNTS, np.median(shown, axis=0), color=COLOURS[name])
    axis.text(5.2, 1.6e-4, "on the pairs of the fit", color=COLOURS["works"])
    height = 2.2 * np.median(errors[:, 1, -3])
    axis.text(75, height, "on later pairs", color=COLOURS["fails"])
    axis.axvline(FEW, color=MARK, linewidth=1, linestyle=(0, (4, 2)))
    axis.text(FEW * 1.04, 1.6e-4, "pairs = weights", color=NOTE)
    axis.set(xlabel="pairs of snapshots in the fit", ylabel="relative one-step error")
    axis.set_ylim(8e-5, None)
    axis.set_xticks(TICKS, [str(tick) for tick in TICKS])
    axis.minorticks_off()
    return plates.Plate(
        figure,
        alt="One-step errors against the number of pairs. On the pairs of the fit the error is "
        "zero up to as many pairs as weights, then rises. On later pairs it is large, has a peak "
        "where pairs equal weights, and falls beyond.",
        caption=f"Forty noisy weights, {len(errors)} records. Left of the dashed line every fit is "
        "perfect, and says nothing. The worst forecasts stand at the line. Zero is drawn at 10⁻⁴.",
        name="too-few",
    )


def too_few_numbers(errors: Errors) -> plates.Text:
    """The fits' own largest error left of the line, and the median errors on later pairs."""
    square = int(np.flatnonzero(COUNTS == FEW)[0])
    own, later = errors[:, 0, :square].max(), np.median(errors[:, 1], axis=0)
    return plates.Text(
        f"With {COUNTS[0]} to {COUNTS[square - 1]} pairs the fit's own error is at most {own:.0e}; "
        f"on later pairs the median error is {later[0]:.2f} at {COUNTS[0]} pairs, "
        f"{later[square]:.2g} at {FEW} and {later[-1]:.2f} at {COUNTS[-1]}. Of the report's "
        "blocks, only the first layer and the network lie left of the line."
    )


@plates.styled
def noise(clouds: Clouds) -> plates.Plate:
    """Eigenvalues of many noisy records, by kind of noise and method, around the true ones."""
    figure, axes = plt.subplots(2, 3, figsize=(9.5, 5.4), sharex=True, sharey=True)
    turn = np.exp(1j * np.linspace(-0.6, 0.6, 100))
    for line, (kind, by_method) in zip(axes, clouds.items(), strict=True):
        for axis, eigs, colour in zip(
            line, by_method.values(), ("fails", "works", "third"), strict=True
        ):
            cloud, (mean, half) = eigs.ravel(), bias(eigs)
            axis.plot(turn.real, turn.imag, color=LINE, linewidth=1)
            axis.plot(cloud.real, cloud.imag, ".", color=COLOURS[colour], markersize=2, alpha=0.35)
            crosses = {"color": "black", "markersize": 11, "markeredgewidth": 1.8}
            axis.plot(ROTATING.real, ROTATING.imag, "+", **crosses)
            axis.text(0.826, 0.1, f"bias of |λ|:\n{mean:+.4f} ± {half:.4f}", fontsize=9)
            axis.set(xlim=(0.82, 1.03), ylim=(-0.07, 0.37))
        line[0].set_ylabel(kind)
    for axis, name in zip(axes[0], METHODS, strict=True):
        axis.set_title(name)
    records = len(clouds["process noise"]["least squares"])
    return plates.Plate(
        figure,
        alt="Six clouds of eigenvalues in the complex plane. With measurement noise, those of "
        "least squares lie inside the true values marked by crosses, those of forward-backward and "
        "total least squares lie on them. With process noise, least squares lies nearly on the "
        "crosses and the repairs lie beyond them.",
        caption=f"Eigenvalues of {records} records, true ones as crosses, part of the unit circle "
        "in grey; the upper half of the plane. Bias of the rotating pair's modulus with its 95% "
        "interval. Upper row: noise in what is seen. Lower row: noise in the dynamics, as "
        "mini-batches make it.",
        name="noise",
    )


def biases(clouds: Clouds) -> plates.Text:
    """Every bias with its interval, what the theorem predicts, and how often radii exceed 1."""
    rows = []
    for kind, by_method in clouds.items():
        cells = {name: "{:+.4f} ± {:.4f}".format(*bias(by_method[name])) for name in METHODS}
        rows.append({"Bias of the modulus of the pair": kind} | cells)
    modulus = np.abs(ROTATING[0])
    power = np.mean(modulus ** (2 * np.arange(199))) / 2
    expected = modulus / (1 + SEEN_NOISE**2 / power) - modulus
    plain, repaired = (
        np.mean(np.abs(clouds["process noise"][name]).max(axis=1) > 1)
        for name in ("least squares", "forward-backward")
    )
    return plates.Text(
        f"{plates.table(rows)}\n\n{{eq}}`eq-bias`, applied to the pair with its mean square of "
        f"{power:.2f} a coordinate, predicts {expected:+.4f}. With process noise the spectral "
        f"radius exceeds 1 at {plain:.0%} of the seeds with least squares and at {repaired:.0%} "
        "with forward-backward."
    )
