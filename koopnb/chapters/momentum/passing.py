"""How often inertia carries a start past an inflection, a barrier, or out of the good minimum."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np

from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS
from koopnb.dynamics import escape, flows
from koopnb.experiments.inertia import Counted, InertiaConfig, arms


@plates.styled
def passing(counted: Counted) -> plates.Plate:
    """The share of starts that every method carries past, a panel a question.

    ``counted`` is that of `koopnb.experiments.inertia.count`.
    """
    methods = arms(InertiaConfig())
    figure, axes = plt.subplots(1, len(counted), sharey=True)
    for axis, (question, answers) in zip(axes, counted.items(), strict=True):
        for row, (method, (hits, of)) in enumerate(answers.items()):
            low, high = escape.share_interval(hits, of)
            colour = COLOURS["momentum" if methods[method][1] else "descent"]
            axis.barh(row, hits / of, color=colour, height=0.55, alpha=0.85)
            axis.plot([low, high], [row, row], color="black", lw=1.6)
            axis.text(max(high, 0.02) + 0.02, row, f"{hits / of:.2f}", va="center")
        concerned = next(of for _, of in answers.values())
        axis.set(title=f"{question}\n(of {concerned} starts)", xlim=(0, 1.18), xticks=[0, 0.5, 1],
                 xlabel="share of starts")  # fmt: skip
        axis.grid(axis="y", visible=False)
    axes[0].set_yticks(range(len(methods)), [_label(*one) for one in methods.values()])
    axes[0].invert_yaxis()
    share = {
        question: [hits / of for name, (hits, of) in answers.items() if methods[name][1]]
        for question, answers in counted.items()
    }
    passes, escapes = share["passes the inflection"], share["escapes the shallow minimum"]
    # Every start is on one side of the barrier or the other.
    sides = counted["escapes the shallow minimum"], counted["leaves the deep minimum"]
    total = sum(side["descent"][1] for side in sides)
    return plates.Plate(
        figure,
        alt=(
            "Bars for two descents and three momentum settings. Momentum passes the inflection "
            f"far more often than descent, up to {passes[-1]:.2f} of starts. It escapes the "
            f"shallow minimum from {escapes[0]:.2f} to {escapes[-1]:.2f} of starts, and also "
            "leaves the deep minimum, which descent never does at small steps."
        ),
        caption=(
            f"{total} random starts, {InertiaConfig.iterations:,} iterations each. Black lines: "
            "95% intervals. Left: starts left of the inflection. Middle: all starts left of the "
            "barrier. Right: starts on the deep minimum's side."
        ),
        name="passing",
    )


def _label(step: float, beta: float) -> str:
    return rf"momentum, $\beta = {beta}$" if beta else rf"descent, $\eta = {step:g}$"


@plates.styled
def shallow(
    tops: Sequence[float], passed: Mapping[float, Sequence[int]], starts: int, step: float
) -> plates.Plate:
    """How many of the starts get over barriers of several heights, for every β.

    ``tops`` are where the barriers stand; β = 0 is gradient descent.
    """
    figure, axis = plt.subplots(figsize=(8, 3.8))
    heights = [float(flows.double_well(top)(np.array([top]))) for top in tops]
    marks, shades = "xos^", (1, 0.45, 0.7, 1)
    for (beta, hits), mark, shade in zip(passed.items(), marks, shades, strict=True):
        low, high = np.transpose([escape.share_interval(count, starts) for count in hits])
        colour = COLOURS["momentum" if beta else "descent"]
        axis.fill_between(heights, low, high, color=colour, alpha=0.15, lw=0)
        axis.plot(heights, np.array(hits) / starts, mark + "-", color=colour, alpha=shade, ms=6)
        label = rf"momentum, $\beta = {beta}$" if beta else "gradient descent"
        axis.annotate(label, (heights[0], hits[0] / starts), (-8, 0), textcoords="offset points",
                      ha="right", va="center", color=colour)  # fmt: skip
    axis.set(xlabel="height of the barrier above the shallow minimum",
             ylabel="share that gets over", xlim=(-0.05, 0.155), ylim=(-0.05, 1.05),
             xticks=np.arange(0, 0.16, 0.05))  # fmt: skip
    return plates.Plate(
        figure,
        alt=(
            "The share of starts that reach the deep minimum against the height of the barrier, "
            "for gradient descent and three values of beta. Gradient descent stays at zero. "
            "Momentum's curves fall as the barrier rises, the larger beta the later."
        ),
        caption=(
            f"{starts} starts left of the barrier for each height, step $\\alpha = {step}$; bands "
            "are 95% intervals. What counts as shallow depends on $\\beta$."
        ),
        name="shallow",
    )


def thresholds(start: float, ball: float, method: float, step: float) -> plates.Text:
    """The largest drag that lets the ball, and the method of this step, over the barrier."""
    beta = flows.coefficients(method, step**0.5)[0]
    return plates.Text(
        f"From $\\theta_0 = {start}$ the ball gets over the highest barrier if its drag is below "
        f"{ball:.3f}. The method with $\\alpha = {step}$ gets over it below {method:.3f}, that is "
        f"for $\\beta$ above {beta:.3f}. The equation predicts the optimizer, to the order of "
        "$\\tau$. It also says that $\\beta$ alone decides nothing: with $\\beta = 0.9$ this drag "
        f"belongs to $\\alpha = {((1 - 0.9) / ball) ** 2:.3f}$, since "
        "$\\gamma = (1-\\beta)/\\sqrt{\\alpha}$."
    )
