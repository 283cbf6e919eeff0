"""The paper's operators by several routes: what is theirs, and what is rounding."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np

from koopnb.chapters.mnist_experiment.comparison import DOUBLE, Double
from koopnb.chapters.mnist_experiment.readings import at_horizon, horizons
from koopnb.drawing import plates
from koopnb.drawing.numbers import spread
from koopnb.drawing.palette import COLOURS, NOTE
from koopnb.evidence import tables
from koopnb.evidence.statements.training import SAME
from koopnb.experiments import routes
from koopnb.experiments.record import Record

CEILING = 1e9  # distances beyond are drawn there
WAYS = {
    "nearby": ("factors, last digits changed", "mean", "-"),
    "steps": ("matrix, step by step", "node", "--"),
    "power": ("power of the matrix", "layer", "-"),
}


def _distances(several: Sequence[Record], operator: str, way: str) -> np.ndarray:
    """Distances from the factors' prediction, a row per seed; no number counts as infinite."""
    every = np.array([one.curves[f"{operator}/{way}/apart"] for one in several], float)
    return np.where(np.isfinite(every), every, np.inf)


@plates.styled
def parting(several: Sequence[Record]) -> plates.Plate:
    """How far three routes part from the prediction in factors, against the horizon.

    ``several`` are records of the series "routes".
    """
    figure, axes = plt.subplots(1, 2, sharey=True, figsize=(9.5, 3.8))
    at = several[0].curves["node/nearby/apart/at"]
    for axis, name in zip(axes, routes.OPERATORS, strict=True):
        for way, (label, colour, style) in WAYS.items():
            runs = np.minimum(_distances(several, name, way), CEILING)
            lines = axis.plot(at, runs.T, style, color=COLOURS[colour], linewidth=1.6)
            lines[0].set_label(label)
        axis.axhline(1, color=NOTE, linewidth=1)
        axis.set(xscale="log", yscale="log", ylim=(1e-7, 4 * CEILING), xlabel="iterations ahead")
        axis.set_title(f"{name} operators")
    axes[0].set_ylabel("distance from the factors’\nprediction, in steps")
    axes[0].annotate(
        "one step of Adadelta", (at[-1], 1), (0, 4), textcoords="offset points", ha="right",
        color=NOTE,
    )  # fmt: skip
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    ends = "; ".join(
        f"{label}, {_at_end(several, way, 'over 1e30')}" for way, (label, *_) in WAYS.items()
    )
    return plates.Plate(
        figure,
        "Two panels, quasi-node and node operators. Distance of three routes from the prediction "
        "in factors, against the horizon, both axes logarithmic. When the epoch ends, the largest "
        f"distances in steps are: {ends}.",
        f"In double precision, the matrices of {_parted(several, 'steps', 'power')} operators end "
        "the epoch more than a step from the prediction in factors. A change of every last digit "
        f"moves the factors that far with {_parted(several, 'nearby')} operators. Distances are in "
        f"lengths of Adadelta's last recorded step; beyond {CEILING:.0e} they are drawn there. "
        f"{len(several)} seeds.",
        "parting",
    )


def _parted(several: Sequence[Record], *ways: str) -> str:
    """The operators with which some seed ends the epoch more than a step away."""
    return (
        " and ".join(
            name
            for name in routes.OPERATORS
            if any(np.max(_distances(several, name, way)[:, -1]) > 1 for way in ways)
        )
        or "no"
    )


def _scientific(value: float) -> str:
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")


def _at_end(several: Sequence[Record], way: str, infinite: str, unit: str = "") -> str:
    """For every operator the largest distance over the seeds when the epoch ends."""

    def said(value: float) -> str:
        if np.isinf(value):
            return infinite
        return f"{value:.1g}" if value < 1e4 else _scientific(value)

    return " and ".join(
        f"{said(np.max(_distances(several, name, way)[:, -1]))}{unit} ({name}s)"
        for name in routes.OPERATORS
    )


def routes_told(several: Sequence[Record]) -> plates.Text:
    """How far the routes lie apart after one iteration, and when the epoch ends."""
    near = max(
        np.max(_distances(several, name, way)[:, 0]) for name in routes.OPERATORS for way in WAYS
    )
    nearby, steps, power = (
        _at_end(several, way, "beyond $10^{30}$", " steps" * (way == "nearby")) for way in WAYS
    )
    return plates.Text(
        f"One iteration ahead all routes agree, to {_scientific(near)} steps. When the epoch ends, "
        "a change of every last digit, in double precision, has moved the factors by at most "
        f"{nearby}; the distance of the matrix applied step by step is {steps}, that of its power "
        f"{power}."
    )


def forms(paper: Sequence[Record]) -> plates.Text:
    """How accurate the paper's operators are in either form, and how ill conditioned."""
    table = plates.table(_form(paper, one) for one in DOUBLE)
    return plates.Text(
        f"{table}\n\nThe condition is the largest over the smallest singular value kept, of the "
        "worst block, median over seeds. `KoopmanOperator.condition` and `roundoff` tell what "
        "rounding may do to the first step of any fit, `scores.rounding` what it does later."
    )


def _form(paper: Sequence[Record], one: Double) -> dict[str, str]:
    epochs = horizons(paper)[0]
    ratio = at_horizon(paper, one.arm, epochs, "accuracy_median") / at_horizon(
        paper, "adadelta", epochs, "accuracy_median"
    )
    conditions = [
        fit["condition"]
        for fit in (record.metrics["operators"][one.arm] for record in paper)
        if fit.get("condition") is not None
    ]
    accurate = "As accurate as Adadelta over the first epoch, to three percent: seeds; ratios"
    return {
        "Operators": one.partition,
        "Evaluated in": one.form,
        accurate: f"{tables.share(int(np.sum(ratio >= SAME)), len(ratio))}; {spread(ratio)}",
        "Condition of $F$": _scientific(float(np.median(conditions))) if conditions else "–",
    }
