"""The grid in words, and the loss curves of one of its seeds."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from koopnb.chapters.where_it_works.grids import NAMES, batch
from koopnb.drawing import plates
from koopnb.drawing.palette import AREA, COLOURS
from koopnb.evidence.statements.regimes import TWO
from koopnb.experiments.record import Record
from koopnb.experiments.regimes import boundary

SHOWN = (None, 128, 16)  # batch sizes


def described(digits: Sequence[Record], mnist: Sequence[Record]) -> plates.Text:
    """What was run on either data set, for how long, and when."""
    one, other = digits[0], mnist[0]
    config = one.config
    rates = ", ".join(
        f"{NAMES[name]} {rate:g}" for name, rate in one.metrics["learning_rates"].items()
    )
    minutes = [sum(r.environment["seconds"] for r in runs) / 60 for runs in (digits, mnist)]
    return plates.Text(
        f"On **digits**, a network of {one.metrics['weights']:,} weights trains for "
        f"{config['burn_in']:,} iterations. The next {config['record']:,} are recorded, every "
        f"{config['stride']}th of them kept. Then the weights are predicted up to "
        f"{max(config['horizons']) * config['record']:,.0f} iterations ahead, while the optimizer "
        f"goes on beside the prediction. The batch is all {one.metrics['samples']:,} training "
        f"images, or {', '.join(map(str, config['batch_sizes'][1:]))} of them. On **MNIST** the "
        f"grid is coarser and takes the first {other.metrics['samples']:,} images, so that here "
        "too there is a full batch. Learning rates are the customary ones of the other pages, "
        f"untuned: {rates}. {len(digits)} seeds each; computed {one.environment['date'][:10]} on "
        f"{one.environment['cpu']} in {minutes[0]:.1f} and {minutes[1]:.1f} minutes."
    )


@plates.styled
def paths(one: Record) -> plates.Plate:
    """Training loss of Adam and of what goes on from its record, for three batch sizes."""
    figure, axes = plt.subplots(1, len(SHOWN), sharey=True, figsize=(9.5, 3.7))
    place = one.config["optimizers"].index("adam")
    ratios = []
    for axis, size in zip(axes, SHOWN, strict=True):
        column = one.config["batch_sizes"].index(size)
        _panel(axis, one, place, column)
        axis.set_title("full batch" if size is None else f"batches of {size}")
        ratio = boundary.over_own(one, "operator")[TWO, place, column]
        ratios.append(f"{ratio:.2g} with {'the ' * (size is None)}{batch(size)}")
    axes[0].set(ylabel="training loss", ylim=(3e-6, 3))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return plates.Plate(
        figure,
        "Three panels of training loss against iterations for Adam. With the full batch the "
        "operator's curve stays near Adam's and the straight line leaves both; with small "
        "batches the operator's curve leaves Adam's, turns and rises.",
        f"Adam on digits, seed {one.config['seed']}; grey: the record. Twice the record ahead, the "
        f"operator's loss over Adam's own is {', '.join(ratios)}.",
        "paths",
    )


def _panel(axis: Axes, one: Record, optimizer: int, batch_size: int) -> None:
    """The paths of one run: record, optimizer, operator, line, and the best average's level."""
    curves, cell = one.curves, (..., optimizer, batch_size)
    ahead, own = curves["path/own/at"], COLOURS["truth"]
    axis.axvspan(-one.config["record"], 0, color=AREA, linewidth=0)
    axis.plot(curves["path/record/at"], curves["path/record"][cell], color=own, lw=1.2)
    axis.plot(ahead, curves["path/own"][cell], color=own, lw=1.2, label="Adam itself")
    operator, line = curves["path/operator"][cell], curves["path/line"][cell]
    axis.plot(ahead, operator, color=COLOURS["node"], lw=2.2, label="operator")
    axis.plot(ahead, line, color=COLOURS["line"], lw=1.6, ls="--", label="straight line")
    level = boundary.average(one)[optimizer, batch_size]
    axis.plot(
        [0, ahead[-1]], [level, level], color=COLOURS["mean"], lw=1.8, ls=":", label="best average"
    )
    axis.set(yscale="log", xlabel="iterations after the record")
    axis.set_xticks([0, 2_000, 4_000], ["0", "2,000", "4,000"])
