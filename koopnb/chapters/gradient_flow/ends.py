"""Where gradient descent ends on the double well, and which steps a minimum bears."""

from collections.abc import Iterable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from koopnb.drawing import figures, plates
from koopnb.drawing.palette import COLOURS, MARK, NOTE, STOPPED
from koopnb.dynamics import escape, flows, outcomes
from koopnb.experiments.descent import ENDS, DescentConfig

# What the map calls an end, its colour, and where in the map the words stand, in which colour.
KINDS = {
    "nowhere": ("nowhere", MARK, (1.2, 0.36), "white"),
    "deep": ("deep minimum", COLOURS["deep"], (1.3, 0.03), "white"),
    "shallow": ("shallow minimum", COLOURS["shallow"], (-0.2, 0.03), "white"),
    "inflection": ("stuck at the inflection", STOPPED, (-1.37, 0.03), "black"),
}


def _top_rate() -> float:
    """The largest learning rate that the deep minimum bears, 2 / L."""
    well = flows.double_well()
    return 2 / float(outcomes.curvature(well, well.minima[0])[-1])


@plates.styled
def destinations(
    starts: Float[np.ndarray, "starts 1"],
    rates: Float[np.ndarray, " rates"],
    ends: Int[np.ndarray, "rates starts"],
) -> plates.Plate:
    """The double well, and below it where every start ends at every learning rate.

    ``ends`` are numbers of `koopnb.experiments.descent.ENDS`.
    """
    figure, (upper, lower) = plt.subplots(
        2, 1, sharex=True, figsize=(9.5, 5.4), height_ratios=(1, 1.7)
    )
    well, top_rate = flows.double_well(), _top_rate()
    figures.wire(upper, well)
    upper.set(xlabel="", ylim=(-0.3, 1.1), title="(a) the loss")
    for at, words in ((-1, "inflection"), (0, "shallow"), (0.75, "barrier"), (1.5, "deep")):
        upper.annotate(words, (at, float(well(np.array([at], float)))), (0, 24), ha="center",
                       textcoords="offset points")  # fmt: skip
    colours = ListedColormap([colour for _, colour, _, _ in KINDS.values()])
    lower.pcolormesh(starts[:, 0], rates, ends, cmap=colours, vmin=-1.5, vmax=2.5,
                     shading="nearest", rasterized=True)  # fmt: skip
    lower.set_yscale("log")
    lower.axhline(top_rate, color="white", lw=1.5, ls=(0, (5, 2)))
    lower.text(-1.72, top_rate * 1.05, r"$2/f''(3/2)$", color="white", va="bottom",
               fontweight="bold")  # fmt: skip
    for words, _, place, ink in KINDS.values():
        lower.text(*place, words, ha="center", va="center", fontweight="bold", color=ink)
    lower.set(title=f"(b) where {DescentConfig.iterations:,} iterations of gradient descent end",
              ylabel=r"learning rate $\eta$", xlabel=r"start $\theta_0$")  # fmt: skip
    lower.grid(False)
    return plates.Plate(
        figure,
        alt=(
            "Above, the loss with a flat step at -1, a shallow minimum at 0, a barrier and a deep "
            "minimum at 1.5. Below, a map of where gradient descent ends for every start and "
            "learning rate: starts left of the step are stuck on it, the middle ends in the "
            "shallow minimum, the right in the deep one, until the learning rate passes a dashed "
            "line; above it the deep minimum is lost and the map turns into stripes and grey."
        ),
        caption=(
            f"Every start of the view at {len(rates)} learning rates. Columns: the start decides. "
            f"Rows: so does the learning rate; above the dashed line, $\\eta = {top_rate:.3f}$, "
            "the deep minimum cannot hold a path at all."
        ),
        name="outcomes",
    )


def stuck(
    rates: Float[np.ndarray, " rates"],
    ends: Int[np.ndarray, "rates starts"],
    twins: tuple[float, float],
    slowing: tuple[float, float],
) -> plates.Text:
    """Shares of ends at one learning rate, and what the start, inflection and rate decide.

    ``twins`` are the distances of two starts and of their ends; ``slowing`` the power of time and
    the constant with which the flow comes to the inflection.
    """
    slow = ends[np.argmin(np.abs(rates - 0.05))]
    rows = []
    for name in ("deep", "shallow", "inflection", "nowhere"):
        hits = int((slow == ENDS[name]).sum())
        low, high = escape.share_interval(hits, slow.size)
        interval = f"{low:.2f} to {high:.2f}"
        rows.append({"Ends at": name, "Share": f"{hits / slow.size:.2f}", "95% interval": interval})
    above, below = ends[rates > 1.02 * _top_rate()], ends[rates < 0.98 * _top_rate()]
    deep_below, deep_above, nowhere = (
        float(np.mean(part == ENDS[name]))
        for part, name in ((below, "deep"), (above, "deep"), (above, "nowhere"))
    )
    return plates.Text(
        f"At $\\eta = 0.05$, of {slow.size} evenly spaced starts:\n\n{plates.table(rows)}\n\n"
        f"- **Initial state.** Two starts {twins[0]:g} apart, on either side of the barrier, end "
        f"{twins[1]:.2f} apart.\n"
        f"- **Inflection.** The flow from the left approaches it like $t^{{{slowing[0]:.3f}}}$, "
        f"with $a = {slowing[1]:.3f}$; the formula says $t^{{-1}}$ and {35 / 8:.3f}.\n"
        "- **Learning rate.** Below the dashed line the share of starts that end in the deep "
        f"minimum is {deep_below:.2f}, above it {deep_above:.2f}; and {nowhere:.2f} of those "
        "runs settle nowhere."
    )


@plates.styled
def limits(
    names: Iterable[str],
    largest: Float[np.ndarray, " minima"],
    found: Float[np.ndarray, " minima"],
    kappas: Float[np.ndarray, " bowls"],
    needed: Sequence[int],
) -> plates.Plate:
    """Stable steps found at minima of largest curvature L, and iterations needed on bowls.

    A bowl has condition number κ; ``needed`` is counted at its best step.
    """
    figure, (left, right) = plt.subplots(1, 2)
    _stable_steps(left, names, largest, found)
    predicted = np.log(1e-6) / np.log((kappas - 1) / (kappas + 1))
    right.loglog(kappas, predicted, color=NOTE, lw=1.2, ls=":")
    right.loglog(kappas, needed, "o", color=COLOURS["descent"], ms=7)
    right.set(title="(b) iterations to a millionth of the distance", ylabel="iterations",
              xlabel=r"condition number $\kappa$")  # fmt: skip
    words = "dots: counted\nline: $\\ln 10^{-6} / \\ln\\frac{\\kappa-1}{\\kappa+1}$"
    right.text(2.2, 2500, words, va="center")
    stiff = kappas >= 20
    exponent = outcomes.power(kappas[stiff], np.asarray(needed)[stiff])
    deviation = np.abs(found * largest / 2 - 1).max()
    return plates.Plate(
        figure,
        alt=(
            "Two panels with logarithmic axes. Left: the largest stable learning rate at eight "
            "minima, found by bisection, lies on the line two over the curvature. Right: the "
            "iterations that gradient descent needs on a bowl grow in proportion to its condition "
            "number, on the line of the formula."
        ),
        caption=(
            f"(a) The limit at {len(found)} minima; the largest deviation from $2/L$ is "
            f"{100 * deviation:.2f}%. (b) Ten times the condition number, ten times the "
            f"iterations: the fitted exponent for $\\kappa \\ge 20$ is {exponent:.2f}."
        ),
        name="limits",
    )


def _stable_steps(axis: Axes, names: Iterable[str], largest: np.ndarray, found: np.ndarray) -> None:
    line = np.array([0.15, 1500])
    axis.loglog(line, 2 / line, color=NOTE, lw=1.2, ls=":")
    axis.loglog(largest, found, "o", color=COLOURS["descent"], ms=7)
    sides = {"network": (-7, -9), "double well, shallow": (7, 5)}
    for name, *point in zip(names, largest, found, strict=True):
        side = sides.get(name, (7, 2))
        if "mirrored" not in name:  # stands where its original does
            axis.annotate(name, tuple(point), side, textcoords="offset points", fontsize=9,
                          ha="right" if side[0] < 0 else "left")  # fmt: skip
    axis.text(0.2, 12, r"line: $2/L$", color=NOTE, va="bottom", ha="left")
    axis.set(title="(a) largest stable step, found by trying", xlabel="largest curvature $L$",
             ylabel=r"learning rate $\eta$", xlim=(0.1, 6000))  # fmt: skip
