"""Past the inflection, and from everywhere: who ends in the deep well."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from koopnb.chapters.stochastic_gradients import well
from koopnb.chapters.stochastic_gradients.pooled import bars, plain_logarithm, share
from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS, NOTE
from koopnb.dynamics import diffusion
from koopnb.dynamics.potentials import double_well
from koopnb.experiments.noise import DEEP, INFLECTION, PAST, START, STEP, TILT, TOP, temperature
from koopnb.experiments.record import Record

Ends = Float[np.ndarray, " starts"]


@plates.styled
def starts(records: Sequence[Record], stuck: float, descended: Ends) -> plates.Plate:
    """Times past the inflection by temperature, and the share in the deep well by batch size.

    Args:
        records: of walks.
        stuck: where full-batch descent from the left of the inflection is after the budget.
        descended: where it is from starts across the landscape.
    """
    budget = records[0].config["budget"]
    settled = float((descended > TOP).mean())
    counts = np.sum([one.metrics["starts"]["deep"] for one in records], axis=0)
    diverged = np.sum([one.metrics["starts"]["diverged"] for one in records], axis=0)
    tried = len(records) * records[0].config["starts"]
    batches, shares = records[0].metrics["starts"]["batches"], counts / tried
    best = shares.argmax()
    times = np.median([one.metrics["inflection"]["times"] for one in records], axis=0)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4.0))
    _times(left, records)
    bars(right, batches, [share(int(count), tried) for count in counts], colour=COLOURS["works"])
    _settled(right, batches, settled)
    return plates.Plate(
        figure,
        alt=f"Two panels. Left, the mean time past the inflection falls from {times.max():.0f} to "
        f"{times.min():.1f} as the temperature rises, along the diffusion's curve, while "
        "full-batch descent never passes. Right, the share of starts that end in the deep well is "
        f"{shares[-1]:.0%} for the largest batches, {shares[best]:.0%} for batches of "
        f"{batches[best]}, and {shares[0]:.0%} for single samples.",
        caption=f"(a) {_crossed(records)} After {budget:,} iterations full-batch descent is still "
        f"{INFLECTION - stuck:.4f} before it. (b) {records[0].config['starts']} "
        f"starts across the landscape, {len(records)} seeds, Wilson's 95% intervals, $\\eta = "
        f"{STEP}$, {budget:,} iterations. Full batch: {settled:.0%}. The best batch size is "
        f"{batches[best]} with {shares[best]:.0%}; with single samples {shares[0]:.0%} "
        f"are in the deep well and {diverged[0] / tried:.1%} have diverged.",
        name="starts",
    )


def floor(hot: Ends, cooled: Ends, *, batch: int) -> plates.Text:
    """How far above the deep minimum walks stand, before and after full-batch iterations.

    Args:
        hot: where mini-batch descent ends.
        cooled: where full-batch descent goes from there.
        batch: the size of the mini-batches.
    """
    bottom = well.height(np.array([DEEP]))
    before, after = (well.height(ends[ends > TOP]) - bottom for ends in (hot, cooled))
    sharp = well.curvature(DEEP)
    parabola = sharp / 2 * diffusion.stationary_variance(sharp, STEP, TILT**2 / batch)
    return plates.Text(
        f"With batches of {batch} the walks in the deep well stand {before.mean():.3f} above its "
        f"bottom on average: the noise sets a floor under the loss. In a parabola of the same "
        f"curvature it would be $\\frac{{D}}{{2}} / (1 - \\eta h / 2) = {parabola:.3f}$. After "
        f"the full-batch iterations, {np.mean(cooled > TOP):.0%} of the starts are in the deep "
        f"well, at most {max(after.max(), 1e-6):.0e} above its bottom."
    )


def _crossed(records: Sequence[Record]) -> str:
    walks = len(records) * records[0].config["walks"]
    passed = np.mean([one.metrics["inflection"]["passed"] for one in records])
    if passed == 1:
        return f"All {walks:,} walks pass the inflection at every temperature."
    return f"Over all temperatures, {passed:.1%} of the walks pass the inflection."


def _times(axis: Axes, records: Sequence[Record]) -> None:
    heat = np.array(records[0].metrics["inflection"]["temperatures"])
    end = records[0].config["budget"] * STEP
    fine = np.geomspace(heat.min(), heat.max(), 15)
    theory = [diffusion.mean_passage_time(double_well(), START, PAST, each) for each in fine]
    axis.loglog(fine, theory, color=COLOURS["truth"], linewidth=1.3)
    for one in records:
        axis.plot(heat, one.metrics["inflection"]["times"], "o", color=COLOURS["works"], alpha=0.4)
    axis.text(4e-3, 17, "diffusion", color=COLOURS["truth"])
    axis.axhline(end, color=NOTE, linestyle=(0, (5, 2)), linewidth=1.2)
    axis.annotate(
        "full batch: not within the budget", (1.2e-4, end), (0, -5),
        textcoords="offset points", color=NOTE, va="top",
    )  # fmt: skip
    axis.set(
        title="(a) past the inflection", xlabel="temperature $D$",
        ylabel=r"mean time $t = k\eta$", ylim=(2, 700),
    )  # fmt: skip


def _settled(axis: Axes, batches: Sequence[int], descended: float) -> None:
    """The diffusion's share after unlimited time, and full-batch descent's."""
    fine, place = np.geomspace(batches[0], batches[-1], 60), np.linspace(-2.5, 2.5, 2001)
    height = well.height(place)
    heat = np.array([temperature(STEP, batch) for batch in fine])
    weights = np.exp(-(height - height.min()) / heat[:, None])
    share_of = weights[:, place > TOP].sum(axis=1) / weights.sum(axis=1)
    axis.plot(fine, share_of, color=COLOURS["truth"], linewidth=1.3)
    axis.axhline(descended, color=NOTE, linestyle=(0, (5, 2)), linewidth=1.2)
    axis.text(128, descended - 0.05, "full batch", color=NOTE, va="top", ha="right")
    axis.text(40, 0.93, "diffusion, after\nunlimited time", color=COLOURS["truth"], va="top")
    axis.text(10.5, 0.8, "mini-batches", color=COLOURS["works"])
    plain_logarithm(axis, 2)
    axis.set(
        title="(b) in the deep well at the end", xlabel="batch size $|B|$",
        ylabel="share of starts", ylim=(0, 1.05),
    )  # fmt: skip
