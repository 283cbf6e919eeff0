"""What a state of training is, and what an optimizer's memory adds to its weights."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from koopnb.drawing import plates
from koopnb.drawing.palette import COLOURS, MARK
from koopnb.experiments.closure.autonomy import HORIZONS

SITUATIONS = {
    "descent": "gradient descent, all data",
    "batches": "mini-batches of 8: two batches",
    "schedule": "step $1/\\sqrt{k}$: $k$ and $4k$",
    "momentum": "momentum: its velocity, or none",
    "adadelta": "Adadelta: its means, or fresh ones",
}
TITLES = {"momentum": "Momentum: weights + velocity", "adadelta": "Adadelta: weights + both means"}
SHOWN = 1e-4, 1e4  # what lies beyond is drawn here
# Errors over change by optimizer: without and with its memory, at every horizon.
Errors = Mapping[str, Float[np.ndarray, "seeds 2 horizons"]]


def two_futures(found: Sequence[Mapping[str, float]]) -> plates.Text:
    """How far two next steps lie apart in every situation; one mapping a seed."""
    rows = []
    for key, label in SITUATIONS.items():
        gaps = np.array([one[key] for one in found])
        rows.append(
            {
                "Same weights, two situations": label,
                f"Difference of the steps, median of {len(found)} seeds": f"{np.median(gaps):.2g}",
                "Range": f"{gaps.min():.2g} to {gaps.max():.2g}",
            }
        )
    return plates.table(rows)


@plates.styled
def accumulators(errors: Errors) -> plates.Plate:
    """A line a seed, from the error without the optimizer's memory to that with it."""
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), sharey=True)
    for axis, (name, found) in zip(axes, errors.items(), strict=True):
        for column in range(len(HORIZONS)):
            _draw_seeds(axis, column, found[:, :, column])
        axis.axhline(1, color=MARK, linewidth=1, linestyle=(0, (4, 2)))
        axis.set(title=TITLES[name], yscale="log", ylim=(5e-5, 3e5))
        axis.set_xticks(range(len(HORIZONS)), [f"{h} step{'s' * (h > 1)}" for h in HORIZONS])
        axis.grid(axis="x", visible=False)
    axes[0].set_ylabel("error / change of the weights")
    seeds = len(errors["momentum"])
    return plates.Plate(
        figure,
        alt=f"For every one of {seeds} seeds a line from the error with weights only to the error "
        "with accumulators too, at three horizons. With momentum the lines fall, by a factor of "
        "ten to a hundred one step ahead. With Adadelta some fall and some rise steeply.",
        caption="Every line is a seed: left end, the operator sees the weights; right end, the "
        "optimizer's memory too. Blue: better with it. Dashed: as good as predicting no change. "
        "Values beyond the axis are drawn at 10⁻⁴ and 10⁴.",
        name="accumulators",
    )


def _draw_seeds(axis: Axes, column: int, found: Float[np.ndarray, "seeds 2"]) -> None:
    for alone, both in found:
        colour = COLOURS["works" if both < alone else "fails"]
        ends = np.clip([alone, both], *SHOWN)
        places = [column - 0.16, column + 0.16]
        axis.plot(places, ends, "o-", color=colour, linewidth=0.9, markersize=3.5)
    better = int(np.sum(found[:, 1] < found[:, 0]))
    axis.text(column, 2.2e4, f"{better} of {len(found)}\nbetter", ha="center", fontsize=9.5)


def gains(errors: Errors) -> plates.Text:
    """The median errors without memory and with it, and at how many seeds it helps."""
    middle = {name: np.median(found, axis=0) for name, found in errors.items()}
    better = {name: np.sum(one[:, 1] < one[:, 0], axis=0) for name, one in errors.items()}
    seeds = len(errors["momentum"])

    def change(name: str, column: int) -> str:
        return f"{middle[name][0, column]:.2g} to {middle[name][1, column]:.2g}"

    ahead = [f"{change('adadelta', i)} {HORIZONS[i]} steps ahead" for i in (1, 2)]
    _, of_20, of_100 = (f"({count} of {seeds})" for count in better["adadelta"])
    return plates.Text(
        f"Momentum: the median ratio falls from {change('momentum', 0)} one step ahead and from "
        f"{change('momentum', 1)} {HORIZONS[1]} steps ahead, better at {better['momentum'][0]} and "
        f"{better['momentum'][1]} of {seeds} seeds. Adadelta: {change('adadelta', 0)} one step "
        f"ahead ({better['adadelta'][0]} of {seeds} better), {ahead[0]} {of_20}, {ahead[1]} "
        f"{of_100}."
    )
