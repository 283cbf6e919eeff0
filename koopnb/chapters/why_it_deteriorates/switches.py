"""Growth and turning switched off, in operators that are otherwise left as they were fitted."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection

from koopnb.chapters.why_it_deteriorates.readings import averaged, per_epoch, read, switched
from koopnb.drawing import figures, plates
from koopnb.drawing.numbers import rounded, spread
from koopnb.drawing.palette import COLOURS, INK, MARK
from koopnb.evidence.statements.causes import ALL
from koopnb.experiments.causes import HORIZONS, TOGETHER
from koopnb.experiments.record import Record

NO_GROWTH, NO_TURNING = "decay+turning", "growth+decay"
PATHS = {
    "all": ("as fitted", INK),
    "no growth": ("growth off", COLOURS["works"]),
    "no turning": ("turning off", COLOURS["fails"]),
    "neither": ("both off", COLOURS["mean"]),
}
LITTLE = 0.4  # of the rise in loss: the bound of the claims
WIDEST = 2.25  # growth beyond is drawn at the panel's edge
SHOWN = (-0.5, 2.5)  # shares of the rise; dots beyond are drawn near the edge


@plates.styled
def switches(records: Sequence[Record]) -> plates.Plate:
    """Test loss over ten epochs with nothing, growth, turning or both switched off."""
    figure, axes = plt.subplots(1, 3, figsize=(9.8, 3.9), sharey=True)
    mean = averaged(records)
    for axis, name in zip(axes, TOGETHER, strict=True):
        for key, (label, colour) in PATHS.items():
            at = records[0].curves[f"{name}/{key}/loss/at"] / per_epoch(records)
            runs = [one.curves[f"{name}/{key}/loss"] for one in records]
            figures.paths(
                axis, [figures.SeedCurves(label, colour, at, runs)], title=f"{name} operators",
                ylabel="test loss" if name == "node" else "",
            )  # fmt: skip
        figures.level(axis, float(np.median(mean)), "mean of the last epoch", MARK)
        figures.log_ticks(axis, (0.2, 0.5, 1, 2, 5, 10))
        axis.set(ylim=(0.9 * min(mean), 12), xlabel="epochs after the record")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=5)
    acting = {"as fitted": ALL, "growth off": NO_GROWTH, "turning off": NO_TURNING}
    medians = [
        f"**{name}**: "
        + ", ".join(
            f"{label} {rounded(np.median(switched(records, name, which)))}"
            for label, which in acting.items()
        )
        for name in TOGETHER
    ]
    return plates.Plate(
        figure,
        "Three panels of test loss over ten epochs. For node operators the curve with growth "
        "switched off stays far below the one as fitted. For network operators switching growth "
        "off changes little, and switching turning off keeps the loss low. Layer operators lie "
        "between.",
        f"Losses after two epochs, medians of {'; '.join(medians)}.",
        "switches",
    )


def combinations(records: Sequence[Record]) -> plates.Text:
    """The loss of every combination of growth, decay and turning, folded away."""
    rows = [
        {"Acting": acting.replace("+", ", ")}
        | {
            f"{name}, $T = {epochs}$": spread(switched(records, name, acting, epochs))
            for name in TOGETHER
            for epochs in HORIZONS[1:]
        }
        for acting in records[0].metrics["factors"]["node"]
    ]
    return plates.Text(
        ":::{admonition} All eight combinations\n:class: dropdown\n\n"
        f"{plates.table(rows)}\n\nThe averaged weights have {spread(averaged(records))}, the "
        f"optimizer {spread(read(records, 'baselines', 'optimizer', '2'))} in its second epoch."
        "\n:::"
    )


@plates.styled
def cause(records: Sequence[Record]) -> plates.Plate:
    """What modes do in two epochs, and what is left of the rise in loss with a switch off."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.8, 4.2), width_ratios=(1.15, 1))
    _modes(left, records[0])
    shares = _shares(right, records)
    nodes_grow = np.median(shares["node, growth off"]) <= LITTLE
    networks_turn = np.median(shares["network, turning off"]) <= LITTLE
    message = "Nodes grow, networks turn." if nodes_grow and networks_turn else ""
    medians = "; ".join(f"{key}: {np.median(share):.2f}" for key, share in shares.items())
    return plates.Plate(
        figure,
        "Left: modes in a plane of factor and angle over two epochs, large ones near a factor of "
        "one. Right: bars of the rise in loss that is left without growth and without turning, for "
        f"node, layer and network operators. {message}".strip(),
        (f"**{message}** " if message else "")
        + f"Left: the modes of seed {records[0].config['seed']}, their area the size in the "
        "prediction; those beyond an edge are drawn at it. Right: the rise in loss after two "
        "epochs, over that at a standstill, which is left when one switch is off; dots are seeds. "
        f"Medians: {medians}.",
        "cause",
    )


def _modes(axis: Axes, one: Record) -> None:
    steps = 2 * per_epoch([one])
    largest = max(float(one.curves[f"{name}/size"].max()) for name in TOGETHER)
    for name in TOGETHER:
        growth, angle = (one.curves[f"{name}/{part}"] * steps for part in ("growth", "angle"))
        upper = angle >= 0
        axis.scatter(
            np.exp(np.clip(growth[upper], -WIDEST, WIDEST)),
            np.degrees(np.minimum(angle[upper], np.pi)),
            s=30 + 900 * one.curves[f"{name}/size"][upper] / largest,
            color=COLOURS[name], alpha=0.55, label=name, edgecolors="white", linewidths=0.6,
            clip_on=False,
        )  # fmt: skip
    axis.axvline(1, color=INK, linewidth=1)
    figures.log_ticks(axis, (0.1, 0.3, 1, 3, 10), of="x")
    axis.set(
        xlim=(0.1, 10), ylim=(-6, 100), xlabel="factor of a mode in two epochs",
        ylabel="degrees turned in two epochs", title="what modes do",
    )  # fmt: skip
    for x, y, word, side in (
        (0.97, 0.16, "grow", "right"), (0.03, 0.16, "decay", "left"), (0.5, 0.93, "turn", "center")
    ):  # fmt: skip
        axis.text(x, y, word, transform=axis.transAxes, ha=side, fontsize=15, color=INK, alpha=0.8)
    for dot in axis.legend(loc="upper left").findobj(PathCollection):
        dot.set(sizes=[60])


def _shares(axis: Axes, records: Sequence[Record]) -> dict[str, np.ndarray]:
    """Draws and returns what is left of every operator's rise in loss, per seed."""
    found = {}
    for place, name in enumerate(TOGETHER):
        still, fitted = (switched(records, name, acting) for acting in ("nothing", ALL))
        for shift, key, acting in (
            (-0.18, "no growth", NO_GROWTH),
            (0.18, "no turning", NO_TURNING),
        ):
            label, colour = PATHS[key]
            some = switched(records, name, acting)
            share = np.divide(
                some - still, fitted - still, out=np.ones_like(some), where=some != fitted
            )
            found[f"{name}, {label}"] = share
            y = place + shift
            axis.barh(y, np.median(share), 0.3, color=colour, alpha=0.35,
                      label=label if place == 0 else None)  # fmt: skip
            dots = np.clip(share, SHOWN[0], SHOWN[1] - 0.1)
            axis.plot(dots, [y] * len(dots), "o", color=colour, markersize=5)
    axis.axvline(1, color=INK, linewidth=1)
    axis.set_yticks(range(len(TOGETHER)), TOGETHER)
    axis.set(
        xlim=SHOWN, xlabel="rise in loss that is left (1: all of it)",
        title="what switching them off does",
    )  # fmt: skip
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    axis.legend(loc="lower right")
    return found
