"""The report's four figures, and what was read off them, beside many seeds."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from koopnb.chapters.mnist_experiment.readings import at_horizon, dataset, horizons, of_average
from koopnb.drawing import figures, plates
from koopnb.drawing.numbers import spread
from koopnb.drawing.palette import COLOURS
from koopnb.evidence import tables
from koopnb.evidence.statements.training import LEVEL, SAME
from koopnb.experiments import reported
from koopnb.experiments.record import Record


@plates.styled
def report_figure(which: int, report: Sequence[Record], clock: Record) -> plates.Plate:
    """Accuracy, loss and time of one operator beside Adadelta, the average and the report.

    ``which`` of the report's figures; ``clock`` is the record of the timings. Values read off
    the report are marked where the records are of its data set.
    """
    shown = reported.FIGURES[which]
    figure, axes = plt.subplots(1, 3, width_ratios=(1, 1, 0.9))
    for axis, quantity, letter in zip(axes[:2], ("accuracy", "loss"), "ab", strict=True):
        runs = _paths(axis, report, shown, quantity)
        axis.set_title(f"({letter}) test {quantity}")
    arms = {"Adadelta": ("optimizer", "adadelta"), f"{shown.arm} operator": (shown.arm, shown.arm)}
    times = {
        label: (clock.curves[f"{arm}/seconds"], COLOURS[colour])
        for label, (arm, colour) in arms.items()
    }
    figures.times(axes[2], times, title="(c) time")
    if dataset(report) == "mnist":
        axes[2].plot(
            shown.milliseconds[::-1], (0, 1), "D", color="black", markersize=5, zorder=5
        )  # fmt: skip
    figure.legend(*axes[1].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    outside = int(np.sum(~(runs[:, -1] <= axes[1].get_ylim()[1])))
    alt, caption = _told(which, report, clock, outside)
    return plates.Plate(figure, alt, caption, f"fig-{which}")


def _paths(
    axis: Axes, report: Sequence[Record], shown: reported.Figure, quantity: str
) -> np.ndarray:
    """Draws Adadelta's and the operator's paths, and returns the operator's, a row per seed."""
    per_epoch = report[0].metrics["iterations_per_epoch"]
    until = shown.epochs * per_epoch
    at = report[0].curves["optimizer/loss/at"]
    at = at[at <= until]
    runs = {
        arm: np.stack([one.curves[f"{arm}/{quantity}"][: len(at)] for one in report])
        for arm in ("optimizer", shown.arm)
    }
    curves = [
        figures.SeedCurves("Adadelta", COLOURS["adadelta"], at, [*runs["optimizer"]]),
        figures.SeedCurves(f"{shown.arm} operator", COLOURS[shown.arm], at, [*runs[shown.arm]]),
    ]
    figures.paths(axis, curves, title="", ylabel=quantity)
    figures.epochs(axis, per_epoch, until)
    average = float(np.median(of_average(report, quantity=quantity)))
    figures.level(axis, average, "mean of the last recorded epoch", COLOURS["mean"])
    read = np.array(getattr(shown, quantity) if dataset(report) == "mnist" else ()).reshape(-1, 2)
    if len(read):
        axis.plot(
            *read.T, "D", color="black", markersize=5, zorder=5, clip_on=False,
            label="read off the report",
        )  # fmt: skip
    axis.set_ylim(*_view(np.concatenate([*runs.values()]), runs[shown.arm], read[:, 1], quantity))
    return runs[shown.arm]


def _view(
    runs: np.ndarray, operator: np.ndarray, read: np.ndarray, quantity: str
) -> tuple[float, float | None]:
    """Limits that keep three quarters of the operator's finite ends and all of the report's."""
    finite, ends = runs[np.isfinite(runs)], operator[:, -1]
    ends = ends[np.isfinite(ends)]
    middle = float(np.median(finite))
    if quantity == "loss":
        kept = [np.quantile(ends, 0.75)] if len(ends) else []
        return 0.97 * float(finite.min()), 1.3 * float(max(*kept, *read, middle, 0))
    kept = [np.quantile(ends, 0.25)] if len(ends) else []
    low = float(min(*kept, *read, middle - 0.02, 1))
    return low - 0.2 * (float(finite.max()) - low), None


def _told(which: int, report: Sequence[Record], clock: Record, outside: int) -> tuple[str, str]:
    """Alternative text and caption of a figure, ``outside`` of whose runs leave panel (b)."""
    arm, epochs = reported.FIGURES[which].arm, reported.FIGURES[which].epochs
    seeds, calls = len(report), clock.curves[f"{arm}/seconds"]
    end, dip = (at_horizon(report, arm, epochs, f"loss_{where}") for where in ("end", "min"))
    accuracy = at_horizon(report, arm, epochs, "accuracy_end")
    optimizer, average = at_horizon(report, "adadelta", epochs, "loss_median"), of_average(report)
    step, own = (1e3 * np.median(clock.curves[f"{name}/seconds"]) for name in (arm, "optimizer"))
    alt = (
        f"Three panels over {epochs * report[0].metrics['iterations_per_epoch']} iterations. "
        f"Adadelta's curves of {seeds} seeds form a band around a test loss of "
        f"{np.median(optimizer):.2f}. The {arm} operators' curves fall to {np.median(dip):.2f} and "
        f"then fan out, from {end.min():.3g} to {end.max():.3g} at the end. A dashed level marks "
        f"the averaged weights at {np.median(average):.2f}. A step takes {step:.2g} ms with the "
        f"operator and {own:.2g} ms with Adadelta."
    )
    leaving = f"{outside} of {seeds} runs leave panel (b) at the top. " if outside else ""
    caption = (
        f"{arm.capitalize()} operators, {epochs} epoch{'s' * (epochs > 1)}, as figure {which} of "
        f"the report; {seeds} seeds. Their test loss dips to {spread(dip)} and ends at "
        f"{spread(end)}, their accuracy at {spread(accuracy)}: median and range. Adadelta's "
        f"loss over the last epoch is {spread(optimizer)}. The averaged weights have "
        f"{spread(average)}. {leaving}(c) {len(calls)} single calls of each, every one awaited, "
        f"seed {clock.config['seed']}; the bars are medians."
    )
    return alt, caption


def comparable(report: Sequence[Record]) -> plates.Text:
    """On how many seeds node and layer operators compare with Adadelta, in four meanings."""
    one = horizons(report)[0]

    def count(holds: np.ndarray) -> str:
        return tables.share(int(np.sum(holds)), len(holds))

    def row(arm: str) -> dict[str, str]:
        least = SAME * at_horizon(report, "adadelta", one, "accuracy_median")
        most = LEVEL * at_horizon(report, "adadelta", one, "loss_median")
        of = {
            quantity: at_horizon(report, arm, one, quantity)
            for quantity in ("accuracy_median", "accuracy_end", "loss_end", "loss_min")
        }
        return {
            "Operators": arm,
            "Accuracy over the epoch": count(of["accuracy_median"] >= least),
            "Accuracy at its end": count(of["accuracy_end"] >= least),
            "Loss at its end": count(of["loss_end"] <= most),
            "Lowest loss below the average's": count(of["loss_min"] < of_average(report)),
        }

    return plates.Text(
        "*Comparable for one epoch* can mean several things. On how many seeds are the operators "
        f"at most {1 - SAME:.0%} less accurate than Adadelta's median iterate, or their losses at "
        f"most {LEVEL - 1:.0%} above its loss?\n\n"
        f"{plates.table([row('node'), row('layer')])}\n\n"
        "Over the epoch: medians over it. In brackets: the interval of 95% for the share among "
        f"all seeds (Wilson). Horizon $T = {one}$."
    )


def beside_the_report(report: Sequence[Record]) -> plates.Text:
    """Whether the values at the ends of the report's curves lie among those of our seeds."""
    if dataset(report) != "mnist":
        return plates.Text(
            "The report has no digits to compare with; see [MNIST](07-mnist-experiment)."
        )
    rows, misses = [], []
    for which, figure in reported.FIGURES.items():
        for quantity in ("loss", "accuracy"):
            _, value = max(getattr(figure, quantity))
            ours = at_horizon(report, figure.arm, figure.epochs, f"{quantity}_end")
            misses.append(max(min(ours) - value, value - max(ours), 0))
            rows.append(
                {
                    "Figure": f"{which}: {figure.arm}, $T = {figure.epochs}$",
                    "At the end": quantity,
                    "Report, one seed": f"{value:.3f}",
                    "Here, median and range": spread(ours),
                    "Seeds below the report": f"{np.sum(ours < value)} of {len(ours)}",
                }
            )
    ends = at_horizon(report, "node", 2, "loss_end")
    return plates.Text(
        f"{plates.table(rows)}\n\nIn {misses.count(0)} of {len(misses)} rows the report's value "
        f"lies between two of our {len(report)} seeds; the others miss them by at most "
        f"{max(misses):.3f}, and the values are read off by eye to 0.005 at best. Loss and "
        "accuracy of a figure are one run, so these rows are four draws, and where our range is "
        "wide it is easy to lie in it. The report's figures reproduce, in that sense. That of node "
        "operators after two epochs comes from a wide distribution: the worst seed's loss is "
        f"{ends.max() / ends.min():.0f} times the best seed's, so a single curve of this kind "
        "says little about the next."
    )
