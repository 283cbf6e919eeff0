"""Out of the shallow minimum: shares and rates of walks, beside the diffusion's."""

import functools
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from koopnb.chapters.stochastic_gradients import well
from koopnb.chapters.stochastic_gradients.pooled import bars, plain_logarithm, rate, share
from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS, NOTE
from koopnb.dynamics import diffusion
from koopnb.dynamics.potentials import double_well
from koopnb.experiments.noise import DEEP, SHALLOW, STEP, TOP, temperature
from koopnb.experiments.noise.walks import RATES
from koopnb.experiments.record import Record

COLOUR_OF = dict(zip(RATES, (COLOURS["third"], COLOURS["works"], COLOURS["fails"]), strict=True))
HEIGHTS = np.linspace(1.1, 11, 25)  # of the barrier in temperatures, for the theory's lines

Setting = tuple[dict[str, Any], ...]  # the rows that all seeds have on one rate and batch size


@plates.styled
def escapes(records: Sequence[Record]) -> plates.Plate:
    """Which walks leave the shallow minimum, and how fast, by batch size and learning rate."""
    settings = list(zip(*(one.metrics["escape"]["settings"] for one in records), strict=True))
    budget, walks = records[0].config["budget"], len(records) * records[0].config["walks"]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4.1))
    for learning_rate in RATES:
        own = [rows for rows in settings if rows[0]["rate"] == learning_rate]
        _shares(left, own, walks, budget)
        _rates(right, own)
    plain_logarithm(left, 2)
    left.set(
        title=f"(a) out within {budget:,} iterations", xlabel="batch size $|B|$",
        ylabel="share of walks", ylim=(-0.03, 1.05),
    )  # fmt: skip
    _theory(right)
    hot, *_, cold = (rows for rows in settings if rows[0]["rate"] == STEP)
    return plates.Plate(
        figure,
        alt="Two panels. Left, the share of walks that leave the shallow minimum falls from one "
        "to zero as the batch grows; the fall comes at larger batches for larger learning rates. "
        "Right, the rates of all three learning rates fall on one straight line in a log scale "
        "over barrier divided by temperature, next to the lines of the diffusion and of Kramers.",
        caption=f"Escape from the shallow minimum, {walks:,} walks per point. (a) Bars are "
        "Wilson's 95% intervals, lines the diffusion's mean passage time. (b) The same walks as "
        "rates with exact Poisson intervals: three learning rates, one curve. Where "
        f"{STEP:g} is the learning rate, batches of {hot[0]['batch']} leave in "
        f"{_passed(hot) / walks:.0%} of the walks and batches of {cold[0]['batch']} in "
        f"{_passed(cold) / walks:.1%}.",
        name="escape",
    )


def reservation() -> plates.Text:
    """For which learning rates the deep minimum is stable at all."""
    sharp = well.curvature(DEEP)
    return plates.Text(
        f"One reservation. The deep minimum is sharp, $f'' = {sharp:.2f}$, and gradient descent "
        f"is stable there only for $\\eta < 2 / f'' = {2 / sharp:.2f}$. With $\\eta = "
        f"{max(RATES):g}$ a walk arrives and cannot stay: an escape is not yet a better place."
    )


def _shares(axis: Axes, own: Sequence[Setting], walks: int, budget: int) -> None:
    learning_rate, batches = own[0][0]["rate"], [rows[0]["batch"] for rows in own]
    colour = COLOUR_OF[learning_rate]
    bars(axis, batches, [share(_passed(rows), walks) for rows in own], colour=colour, line="o")
    fine = np.geomspace(min(batches), max(batches), 60)
    heat = np.array([temperature(learning_rate, batch) for batch in fine])
    rates = np.exp(np.interp(well.barrier() / heat, HEIGHTS, np.log(_exact_rates())))
    out = 1 - np.exp(-budget * learning_rate * rates)
    axis.plot(fine, out, color=colour)
    half = fine[np.argmin(np.abs(out - 0.5))]
    axis.text(half * 1.12, 0.56, rf"$\eta$ = {learning_rate:g}", color=colour)


def _rates(axis: Axes, own: Sequence[Setting]) -> None:
    learning_rate = own[0][0]["rate"]
    height = [well.barrier() / temperature(learning_rate, rows[0]["batch"]) for rows in own]
    found = [rate(rows, "watched") for rows in own]
    bars(axis, height, found, colour=COLOUR_OF[learning_rate], line="o", alpha=0.85)


def _theory(axis: Axes) -> None:
    ends = HEIGHTS[[0, -1]]
    kramers = [
        diffusion.kramers_rate(double_well(), SHALLOW, TOP, well.barrier() / height)
        for height in ends
    ]
    axis.semilogy(HEIGHTS, _exact_rates(), color=COLOURS["truth"], linewidth=1.6)
    axis.semilogy(ends, kramers, color=NOTE, linestyle=(0, (5, 2)), linewidth=1.2)
    axis.text(6.3, 5e-4, "diffusion, exact", color=COLOURS["truth"])
    axis.text(2.3, 0.05, "Kramers", color=NOTE)
    axis.set(
        title="(b) the rate depends on the temperature alone", xlabel=r"barrier / $D$",
        ylabel=r"escapes per unit of $t = k\eta$",
    )  # fmt: skip


def _passed(rows: Setting) -> int:
    return sum(row["passed"] for row in rows)


@functools.cache
def _exact_rates() -> np.ndarray:
    """One over the diffusion's mean passage time."""
    heat = well.barrier() / HEIGHTS
    return np.array(
        [1 / diffusion.mean_passage_time(double_well(), SHALLOW, DEEP, each) for each in heat]
    )
