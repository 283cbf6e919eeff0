"""Which eigenvalues to believe: residuals and pseudospectrum of a noisy oscillator."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np

from koopnb.drawing import plates
from koopnb.drawing.palette import LINE, MARK
from koopnb.experiments.sections.records import DELAYS, REAL, Judged
from koopnb.operators import spectrum

RIGHT = 0.02  # an eigenvalue this near the true one is the true one
LEVELS = [0.05, 0.1, 0.15, 0.2, 0.3]


@plates.styled
def believe(found: Judged) -> plates.Plate:
    """Eigenvalues coloured by residual, on levels of the pseudospectrum.

    The true one and the wrong one of the largest modulus are marked.
    """
    eigs, residuals = found.eigs, found.residuals
    genuine = int(np.argmin(np.abs(eigs - REAL)))
    wrong = np.flatnonzero(found.wrong)
    plausible = int(wrong[np.argmax(np.abs(eigs[wrong]))])
    plane = np.stack(np.meshgrid(np.linspace(-1.15, 1.15, 60), np.linspace(-0.05, 1.15, 36)))
    z = plane[0] + 1j * plane[1]
    least = spectrum.pseudospectrum(found.operator, z.ravel())[0].reshape(z.shape)
    figure, axis = plt.subplots(figsize=(8.5, 4.9))
    axis.clabel(axis.contour(*plane, least, LEVELS, colors=MARK, linewidths=0.8), fontsize=8)
    turn = np.linspace(0, np.pi)
    axis.plot(np.cos(turn), np.sin(turn), color=LINE, linewidth=3, zorder=0)
    points = axis.scatter(
        eigs.real, eigs.imag, c=residuals, cmap="cividis", s=46, edgecolors="black",
        linewidths=0.6, vmin=0, zorder=3,
    )  # fmt: skip
    modulus, above = abs(eigs[plausible]), eigs[plausible]
    for which, text, where in (
        (genuine, f"real: residual {residuals[genuine]:.3f}", (0.25, 0.12)),
        (
            plausible, f"|λ| = {modulus:.3f},\nresidual {residuals[plausible]:.2f}",
            (0.72 * above.real - 0.12, 0.62 * above.imag),
        ),
    ):  # fmt: skip
        axis.annotate(
            text, (eigs[which].real, eigs[which].imag), where, ha="center", fontsize=10,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
            arrowprops={"arrowstyle": "->", "color": "black"},
        )  # fmt: skip
    figure.colorbar(points, label="residual", shrink=0.8)
    axis.grid(False)
    axis.set(aspect="equal", xlabel="Re λ", ylabel="Im λ", ylim=(-0.06, 1.16))
    times = residuals[plausible] / residuals[genuine]
    return plates.Plate(
        figure,
        alt=f"Upper half of the complex plane with about {len(eigs)} eigenvalues along the unit "
        "circle, coloured by residual, and contours of the pseudospectrum. One eigenvalue has a "
        "tiny residual and lies in a deep well of the contours; another, marked, lies closer to "
        f"the circle with a residual {times:.0f} times as large.",
        caption=f"{DELAYS} delays of one noisy oscillating observable. Thin lines: levels of the "
        "pseudospectrum τ. Most eigenvalues near the circle are noise; modulus does not tell, the "
        "residual does.",
        name="believe",
    )


def over_seeds(found: Sequence[Judged], few: Judged) -> plates.Text:
    """How often residual and modulus name the true eigenvalue, and the consistency index.

    ``few`` is an operator of two delays, to compare the first of ``found`` with.
    """
    right = sum(one.by_residual < RIGHT for one in found)
    fooled = sum(one.by_modulus < RIGHT for one in found)
    slower = [one.slower for one in found]
    index, many = (float(one.operator.consistency[0]) for one in (few, found[0]))
    return plates.Text(
        f"The smallest residual names the true pair at {right} of {len(found)} seeds, within "
        f"{max(one.by_residual for one in found):.1g}; the largest modulus at {fooled}. Between "
        f"{min(slower)} and {max(slower)} wrong eigenvalues a seed decay more slowly than the true "
        "one, and the best of the wrong ones has a residual at least "
        f"{min(one.margin for one in found):.1f} times its. The consistency index is {index:.2f} "
        f"with 2 delays and {many:.4f} with {DELAYS}: near 1, some observable of the span cannot "
        "be predicted at all, as noise must be, so this span as a whole is not to be trusted "
        "although one pair in it is."
    )
