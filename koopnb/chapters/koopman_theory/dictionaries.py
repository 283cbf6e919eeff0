"""Two systems that no finite dictionary closes: what polynomials make of them."""

import matplotlib.pyplot as plt
import numpy as np

from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS
from koopnb.experiments.closure.dictionaries import Growing


@plates.styled
def not_closed(wells: Growing, cycle: Growing) -> plates.Plate:
    """Predictions of degrees 9 and 45 for the double well, of degree 5 for one orbit."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.9))
    left.plot(wells.points, wells.true, color=COLOURS["truth"], linewidth=2.2)
    for degree, name, place in ((9, "fails", (0.55, 0.0)), (45, "works", (0.18, -0.75))):
        left.plot(wells.points, wells.predicted[degree], color=COLOURS[name], linewidth=1.2)
        left.text(*place, f"degree {degree}", color=COLOURS[name])
    left.text(-1.55, -0.8, "true", color=COLOURS["truth"])
    left.set(title="Double well, 10 steps ahead", xlabel="start", ylabel="predicted state")
    ((degree, path),) = cycle.predicted.items()
    right.plot(*cycle.true.T, color=COLOURS["truth"], linewidth=1.8)
    right.plot(*path.T, color=COLOURS["fails"], linewidth=1.1)
    right.plot(*cycle.true[0], "o", color=COLOURS["truth"])
    right.text(2.15, 1.6, "true", color=COLOURS["truth"])
    right.text(-0.55, 0.1, f"degree {degree}", color=COLOURS["fails"])
    right.set(title="Van der Pol, one orbit", xlabel="$x_1$", ylabel="$x_2$", xlim=(-2.6, 2.9))
    return plates.Plate(
        figure,
        alt="Left, the true state after ten steps as a function of the start: a steep step from "
        "minus one to one; the polynomial predictions of degrees nine and forty-five round the "
        "step or ring beside it. Right, the true orbit of the oscillator winds onto a closed "
        "curve, the prediction of degree five turns on a rounder curve and falls out of step.",
        caption="What finitely many polynomials make of two systems that no finite dictionary "
        "closes. Left: every start must end in one of two wells, and no continuous function of the "
        f"start can jump. Right: a prediction over {len(path) - 1} steps, about four turns.",
        name="not-closed",
    )


@plates.styled
def slow_decay(wells: Growing, cycle: Growing) -> plates.Plate:
    """Errors of both systems against the size of the dictionary, a line a horizon."""
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.7), sharey=True)
    of_wells = ("1 step", "10 steps", f"{wells.horizons[-1]} steps, largest")
    of_cycle = ("1 step", "27 steps: a turn", "107 steps: four turns")
    panels = (
        (wells, "Double well", of_wells, (0.3, 0.55)),
        (cycle, "Van der Pol", of_cycle, "lower left"),
    )  # fmt: skip
    for axis, (system, title, labels, where) in zip(axes, panels, strict=True):
        for column, name, label in zip(
            system.errors.T, ("works", "third", "fails"), labels, strict=True
        ):
            shown = np.maximum(column, 1e-9)
            axis.semilogy(system.sizes, shown, "o-", color=COLOURS[name], markersize=4, label=label)
        axis.set(title=title, xlabel="observables in the dictionary")
        axis.legend(loc=where)
    axes[0].set_ylabel("error of the state")
    return plates.Plate(
        figure,
        alt="Prediction errors against the number of polynomial observables, for the double well "
        "and for van der Pol. One-step errors fall steeply. Errors many steps ahead fall slowly, "
        "and the largest error of the double well stays near one.",
        caption="One step ahead the dictionary gets better fast. Many steps ahead it gets better "
        "slowly or, for the worst start of the double well, not at all.",
        name="slow-decay",
    )


def falling_errors(wells: Growing, cycle: Growing) -> plates.Text:
    """The errors of the smallest and the largest dictionaries."""
    first, last = wells.errors[0], wells.errors[-1]
    slope = np.polyfit(np.log(wells.sizes[2:]), np.log(wells.errors[2:, 1]), 1)[0]
    few, many = cycle.errors[0], cycle.errors[-1]
    return plates.Text(
        f"From {wells.sizes[0]} to {wells.sizes[-1]} observables the double well's one-step error "
        f"falls from {first[0]:.2g} to {last[0]:.1g}; ten steps ahead it falls only to "
        f"{last[1]:.2g}, like the number of observables to the power {slope:.1f}; the largest "
        f"error {wells.horizons[-1]} steps ahead goes from {first[2]:.2f} to {last[2]:.2f}. The "
        "best approximation of a jump from $-1$ to $1$ by any continuous function is off by 1 "
        "somewhere, so no larger dictionary will help. Van der Pol: from "
        f"{cycle.sizes[0]} to {cycle.sizes[-1]} observables the one-step error falls from "
        f"{few[0]:.2g} to {many[0]:.1g}, that of four turns from {few[2]:.2g} to {many[2]:.2g}."
    )
