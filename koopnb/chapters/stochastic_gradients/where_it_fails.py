"""Where the diffusion fails: three ways at one temperature, and the limit of small steps."""

import statistics
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from koopnb.chapters.stochastic_gradients import well
from koopnb.chapters.stochastic_gradients.pooled import bars, plain_logarithm, rate
from koopnb.drawing import plates
from koopnb.drawing.numbers import extent
from koopnb.drawing.palette import COLOURS
from koopnb.dynamics import diffusion
from koopnb.experiments.noise import SHALLOW, STEP
from koopnb.experiments.noise.failures import EPOCH
from koopnb.experiments.record import Record

LOWEST = 0.1  # rate over the diffusion's that is drawn


@plates.styled
def failures(records: Sequence[Record]) -> plates.Plate:
    """Large steps, the network's noise and reshuffled batches, each over the diffusion's number."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9.5, 3.9))
    for axis in (left, middle, right):
        axis.axhline(1, color=COLOURS["truth"], linewidth=1.6)
    _parabola(left, records)
    _tails(middle, records)
    _reshuffled(right, records)
    out, against = (
        rate([row for one in records for row in one.metrics["tails"][side] if row["batch"] == 16],
             "predicted")[0]
        for side in ("out", "in")
    )  # fmt: skip
    walks = 3 * records[0].config["walks"]
    return plates.Plate(
        figure,
        alt="Three panels with the diffusion as a level at one. Left, the variance of fresh draws "
        "rises above it for large steps and that of reshuffled ones sinks far below it for small "
        "steps. Middle, with the network's noise the escape rate is far above or far below it, "
        "depending on where the tail points, and comes closer as batches grow. Right, "
        "reshuffled tilts hardly escape in short epochs and come near the level in long ones.",
        caption=f"Same temperature, other outcome; {len(records)} seeds, 95% intervals in (b) and "
        f"(c). (a) {walks:,} walks per point; the curves are the exact variances of the recursion, "
        f"reshuffled with $J = {EPOCH}$. (b) $\\eta = {STEP}$; with batches of 16 the rate is "
        f"{out:.1f} times the diffusion's if the rare large gradients point out of the well, and "
        f"{against:.2f} times if they point the other way. Faint points are single networks, "
        f"at {LOWEST:g} where it is less: they differ by more than the intervals, which count "
        "walks alone. (c) $\\eta f'' = "
        f"{STEP * well.curvature(SHALLOW):.2f}$ in the well: an epoch is long enough only if "
        "$\\eta f'' J$ is large.",
        name="failures",
    )


def limit(records: Sequence[Record]) -> plates.Text:
    """What becomes of the noise in the limit of small steps."""
    found = [one.metrics["limit"] for one in records]
    steps, walks = found[0]["steps"], records[0].config["walks"]
    first, last = (statistics.median(one["spreads"][end] for one in found) for end in (0, -1))
    return plates.Text(
        f"At $t = {found[0]['time']:g}$ the standard deviation over {walks} walks is {first:.3f} "
        f"with $\\eta = {steps[0]:g}$ and {last:.3f} with $\\eta = {steps[-1]:g}$, as medians of "
        f"{len(records)} seeds; the fitted power of $\\eta$ is "
        f"{extent((one['power'] for one in found), '.2f')}, where the diffusion has 1/2. In the "
        "limit the report's equation is the gradient flow, without noise. The noise of "
        "mini-batches is an effect of finite steps, and the diffusion above is the equation that "
        "keeps it: its coefficient has $\\eta$ in it {cite:p}`li2017stochastic`."
    )


def _parabola(axis: Axes, records: Sequence[Record]) -> None:
    fine = np.geomspace(0.012, 1.95, 200)
    for key, colour, epoch in (
        ("fresh", COLOURS["works"], None),
        ("reshuffled", COLOURS["fails"], EPOCH),
    ):
        exact = [diffusion.stationary_variance(1.0, e, 1.0, reshuffled=epoch) for e in fine]
        axis.loglog(fine, np.array(exact) / (fine / 2), color=colour, linewidth=1.3)
        for one in records:
            found = one.metrics["parabola"]
            axis.plot(found["steps"], found[key], "o", color=colour, alpha=0.6)
    axis.text(0.013, 0.5, "diffusion", color=COLOURS["truth"])
    axis.text(0.1, 2.2, "drawn anew", color=COLOURS["works"])
    axis.text(0.09, 0.03, "reshuffled", color=COLOURS["fails"])
    axis.set(
        title="(a) variance in a parabola", xlabel=r"$\eta h$", ylabel="variance / diffusion's"
    )


def _tails(axis: Axes, records: Sequence[Record]) -> None:
    for side, colour, label, x, y in (
        ("out", COLOURS["fails"], "tail points\nout of the well", 4.5, 6),
        ("in", COLOURS["third"], "tail points in", 6, 0.125),
    ):
        settings = list(zip(*(one.metrics["tails"][side] for one in records), strict=True))
        batches = [rows[0]["batch"] for rows in settings]
        bars(axis, batches, [rate(rows, "predicted") for rows in settings], colour=colour)
        single = [[row["passed"] / row["predicted"] for row in rows] for rows in settings]
        axis.plot(batches, np.maximum(single, LOWEST), ".", color=colour, alpha=0.4, clip_on=False)
        axis.text(x, y, label, color=colour)
    plain_logarithm(axis, 4)
    axis.set_yscale("log")
    axis.minorticks_off()
    axis.set_yticks([0.1, 0.2, 0.5, 1, 2, 5, 10])
    axis.yaxis.set_major_formatter("{x:g}")
    axis.set(
        title="(b) escapes, network's noise", xlabel="batch size $|B|$",
        ylabel="rate / diffusion's", ylim=(LOWEST, 15),
    )  # fmt: skip


def _reshuffled(axis: Axes, records: Sequence[Record]) -> None:
    settings = list(zip(*(one.metrics["reshuffled"] for one in records), strict=True))
    epochs = [rows[0]["epoch"] for rows in settings]
    found = [rate(rows, "predicted") for rows in settings]
    bars(axis, epochs, found, colour=COLOURS["fails"])
    plain_logarithm(axis, 4)
    axis.set(
        title="(c) escapes, reshuffled", xlabel="batches per epoch $J$",
        ylabel="rate / diffusion's", ylim=(-0.05, 1.15),
    )  # fmt: skip
