"""How much noise a network's gradients have, how normal it is, and in which directions."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from scipy import stats

from koopnb.drawing import plates
from koopnb.drawing.numbers import extent
from koopnb.drawing.palette import COLOURS, NOTE
from koopnb.experiments.noise.gradients import AVERAGED, BATCHES
from koopnb.experiments.record import Record


def stages(records: Sequence[Record]) -> plates.Text:
    """A table of loss, gradient and noise after each stage of training, as ranges over seeds."""
    columns = {
        "Loss": lambda row: row["loss"],
        r"$\lvert\nabla f\rvert^2$": lambda row: row["gradient"],
        r"$\operatorname{tr} C$": lambda row: row["noise"],
        "Noise scale": lambda row: row["noise"] / row["gradient"],
        "Excess kurtosis": lambda row: row["kurtosis"],
        "Skewness": lambda row: row["skewness"],
    }
    rows = []
    for same in zip(*(one.metrics["stages"] for one in records), strict=True):
        ranges = {
            name: f"{_two_digits(min(map(of, same)))} to {_two_digits(max(map(of, same)))}"
            for name, of in columns.items()
        }
        rows.append({"Epochs": same[0]["epochs"]} | ranges)
    return plates.Text(
        f"{plates.table(rows)}\n\nRanges over {len(records)} seeds. Kurtosis and skewness are "
        "those of one sample's noise along the gradient; a normal distribution has 0 and 0."
    )


@plates.styled
def noise(records: Sequence[Record]) -> plates.Plate:
    """The noise of the last stage by batch size, its quantiles, and the shares of directions.

    The quantiles are the first record's.
    """
    figure, axes = plt.subplots(1, 3, figsize=(9.5, 3.7))
    _sizes(axes[0], records)
    _quantiles(axes[1], records[0])
    _directions(axes[2], records)
    found = [one.metrics["noise"] for one in records]
    first, epochs = found[0], records[0].metrics["stages"][-1]["epochs"]
    low, high = first["kurtosis_interval"]
    kurtosis = records[0].metrics["stages"][-1]["kurtosis"]
    return plates.Plate(
        figure,
        alt="Three panels. Left, the noise variance falls on a straight line of slope minus one "
        "in log scales, and faster without replacement near the whole data set. Middle, quantiles "
        "of the noise against a normal: strongly bent for one sample, nearly straight for 256. "
        "Right, ten directions of more than two thousand hold most of the variance.",
        caption=f"Gradient noise after {epochs} epochs. (a) Lines are the two formulas, points "
        f"{min(BATCHES.values())} to {max(BATCHES.values()):,} batches each, {len(records)} "
        f"seeds; the fitted slopes are {extent((one['power'] for one in found), '.3f')}. (b) Seed "
        f"{records[0].config['seed']}, along the gradient: one sample's excess kurtosis is "
        f"{kurtosis:.0f} (95% bootstrap interval {low:.0f} to {high:.0f}), that of batches of 256 "
        f"is {first['kurtosis']['256']:.1f}. (c) Ten of {first['weights']:,} directions hold "
        f"{extent((one['top_ten'] for one in found), '.0%')} of the variance.",
        name="noise",
    )


def _sizes(axis: Axes, records: Sequence[Record]) -> None:
    samples = records[0].metrics["noise"]["samples"]
    batch = np.geomspace(1, samples - 1, 200)
    for key, colour, factor in (
        ("replaced", COLOURS["works"], 1.0),
        ("not_replaced", COLOURS["fails"], (samples - batch) / (samples - 1)),
    ):
        axis.loglog(batch, factor / batch, color=colour, linewidth=1.4)
        for one in records:
            found = one.metrics["noise"]
            axis.plot(found["batches"], found[key], "o", color=colour, markersize=5, alpha=0.6)
    axis.text(5, 0.9, "with\nreplacement", color=COLOURS["works"], va="center")
    axis.text(14, 6e-4, "without", color=COLOURS["fails"])
    axis.set(
        title="(a) noise against batch size", xlabel="batch size $|B|$",
        ylabel="variance / tr $C$", ylim=(4e-5, 4),
    )  # fmt: skip


def _quantiles(axis: Axes, one: Record) -> None:
    colours, heights = (COLOURS["fails"], COLOURS["third"], COLOURS["works"]), (6.6, 4.2, 2.4)
    for size, colour, height in zip(AVERAGED, colours, heights, strict=True):
        quantiles = one.curves[f"quantiles/{size}"]
        normal = stats.norm.ppf((np.arange(len(quantiles)) + 0.5) / len(quantiles))
        axis.plot(normal, quantiles, color=colour, linewidth=1.8)
        axis.text(-2.7, height, f"batch of {size}", color=colour)
    axis.plot([-3, 3], [-3, 3], color=COLOURS["truth"], linewidth=1, linestyle=":")
    axis.set(
        title="(b) its quantiles", xlabel="quantile of a normal", ylabel="quantile of the noise",
        ylim=(-5, 9),
    )  # fmt: skip


def _directions(axis: Axes, records: Sequence[Record]) -> None:
    for one in records:
        shares, at = one.curves["directions"], one.curves["directions/at"]
        axis.semilogx(at, shares, color=COLOURS["works"], alpha=0.6, linewidth=1)
    every = np.arange(1, records[0].metrics["noise"]["weights"] + 1)
    axis.semilogx(every, every / len(every), color=COLOURS["truth"], linestyle=":", linewidth=1)
    axis.axvline(10, color=NOTE, linewidth=0.8)
    axis.text(11.5, 0.62, "10 directions", color=NOTE)
    axis.text(130, 0.3, "if all were\nalike", ha="center", color=COLOURS["truth"])
    axis.set(
        title="(c) its directions", xlabel="directions, largest first", ylabel="share of tr $C$",
        ylim=(0, 1.03),
    )  # fmt: skip


def _two_digits(value: float) -> str:
    return f"{float(f'{value:.2g}'):,g}"
