"""What the cutoff of the singular values decides, in single and in double precision."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from koopnb.chapters.why_it_deteriorates.readings import averaged
from koopnb.drawing import plates
from koopnb.drawing.numbers import rounded
from koopnb.drawing.palette import COLOURS, INK, NOTE
from koopnb.experiments.causes import SWEPT
from koopnb.experiments.record import Record

HIGHEST = 1e4  # losses above are drawn there
SMALLEST = 3e-12  # and cutoffs below here
PRECISIONS = {"float64": ("double", COLOURS["works"]), "float32": ("single", COLOURS["fails"])}
NODE_WIDTH = {"mnist": 785, "digits": 65}  # weights of a first-layer node
EPS = {dtype: float(np.finfo(dtype).eps) for dtype in PRECISIONS}


def _rows(one: Record, name: str, dtype: str) -> list[dict[str, Any]]:
    return one.metrics["sweep"][name][dtype]


def _losses(sweeps: Sequence[Record], name: str, dtype: str) -> np.ndarray:
    """The loss two epochs ahead, (seeds, cutoffs); what is not a number counts as infinite."""
    found = np.array(
        [[float(row["loss"]["2"]) for row in _rows(one, name, dtype)] for one in sweeps]
    )
    return np.where(np.isnan(found), np.inf, found)


@plates.styled
def cutoffs(sweeps: Sequence[Record], records: Sequence[Record]) -> plates.Plate:
    """The loss of node and network operators against the cutoff, beside that of the average."""
    figure, axes = plt.subplots(1, 2, figsize=(9.8, 3.9), sharey=True)
    for axis, name in zip(axes, SWEPT, strict=True):
        for dtype in PRECISIONS:
            _curves(axis, sweeps, name, dtype)
        _references(axis, sweeps[0], name)
        average = float(np.median(averaged(records)))
        axis.axhline(average, color=COLOURS["mean"], linestyle=(0, (5, 2)))
        axis.set(xscale="log", yscale="log", xlabel="relative cutoff", ylim=(0.1, 1.3 * HIGHEST))
        axis.set_title(f"{name} operators", pad=16)
        axis.invert_xaxis()
        for row in _rows(sweeps[0], name, "float64")[::2]:
            place = (row["rcond"], 0.115)
            axis.annotate(str(row["rank"][1]), place, ha="center", fontsize=8.5, color=NOTE)
    axes[0].set_ylabel("test loss, two epochs ahead")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return plates.Plate(
        figure,
        "Loss against the cutoff over ten decades, to the right ever smaller cutoffs. It is lowest "
        "at large cutoffs and rises, with jumps, by orders of magnitude towards small ones. The "
        "curves of single precision lie on those of double precision and end half-way, at the "
        "floor.",
        "A small cutoff lets the noise of the training in, in either precision. Thin lines: seeds; "
        f"thick: medians; losses above {HIGHEST:.0e} are drawn there. Grey numbers: the largest "
        f"rank of a block, seed {sweeps[0].config['seed']}. Dashed: the averaged weights.",
        "cutoffs",
    )


def _curves(axis: Axes, sweeps: Sequence[Record], name: str, dtype: str) -> None:
    label, colour = PRECISIONS[dtype]
    at = [row["rcond"] for row in _rows(sweeps[0], name, dtype)]
    losses = np.minimum(_losses(sweeps, name, dtype), HIGHEST)
    axis.plot(at, losses.T, "-", color=colour, alpha=0.35, linewidth=0.8)
    axis.plot(at, np.median(losses, axis=0), "o-", color=colour, label=label, markersize=4)


def _references(axis: Axes, one: Record, name: str) -> None:
    """The cutoffs of JAX and MATLAB, and the floor of single precision."""
    widths = {"node": NODE_WIDTH[one.config["dataset"]], "network": one.metrics["weights"]}
    longest = max(one.metrics["snapshots"] - 1, widths[name])
    placed: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
    for label, cut in (
        ("JAX", 10 * longest * EPS["float32"]),
        ("◂ MATLAB", max(longest * EPS["float64"], SMALLEST)),
    ):
        axis.axvline(cut, color=INK, linewidth=1)
        axis.annotate(label, (cut, 1.0), (0, 3), ha="center", fontsize=9, **placed)
    floor, colour = np.sqrt(longest) * EPS["float32"], PRECISIONS["float32"][1]
    axis.axvline(floor, color=colour, linestyle=":", linewidth=1.2)
    axis.annotate(
        "floor of single precision", (floor, 0.98), (-3, 0), rotation=90, fontsize=8.5,
        ha="right", va="top", color=colour, **placed,
    )  # fmt: skip


def cutoffs_told(sweeps: Sequence[Record]) -> plates.Text:
    """The range of losses over cutoffs, and what the precision changes at the same cutoff."""
    rows = []
    for name in SWEPT:
        double, single = (_losses(sweeps, name, dtype) for dtype in PRECISIONS)
        common = double[:, : single.shape[1]]
        ratio = np.divide(single, common, out=np.ones_like(single), where=single != common)
        apart = np.abs(np.log(ratio))
        rows.append(
            {
                "Operators": name,
                "Test loss, all cutoffs and seeds, double precision": (
                    f"{rounded(double.min())} to {rounded(double.max())}"
                ),
                "With the largest cutoff, median": rounded(np.median(double[:, 0])),
                "Single over double at the same cutoff: median difference": (
                    f"{np.exp(np.median(apart)) - 1:.1%}"
                ),
                "Largest": f"{np.exp(apart.max()) - 1:.0%}",
            }
        )
    return plates.table(rows)
