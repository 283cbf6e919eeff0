"""What the operators of each partition can fill, and what they see."""

from collections.abc import Mapping

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap

from koopnb.drawing import plates
from koopnb.drawing.palette import AREA, COLOURS, INK, MARK
from koopnb.experiments.partitions import ARMS
from koopnb.operators.partition import make_partition

SEEN, UNSEEN = COLOURS["works"], COLOURS["fails"]
EXACT = 1e-6  # a smaller error, over the true change, is none
SMALL = {
    "first": {"weight": np.zeros((3, 3)), "bias": np.zeros(3)},
    "second": {"weight": np.zeros((2, 3)), "bias": np.zeros(2)},
}
FIRST_LAYER = 12  # weights


def blocks(name: str) -> np.ndarray:
    """The number of the block that each weight of a small network lies in, row by row."""
    part = make_partition(SMALL, name, 2 if name == "quasi-node" else None)
    first = np.cumsum([0, *part.group_sizes])
    numbers = part.merge(
        [
            tuple(
                jnp.broadcast_to(jnp.arange(float(size))[:, None] + start, (size, width))
                for width in part.units[group[0]].pieces
            )
            for group, size, start in zip(part.groups, part.group_sizes, first, strict=False)
        ]
    )
    layers = [np.c_[numbers[layer]["weight"], numbers[layer]["bias"]] for layer in SMALL]
    return np.concatenate([layer.ravel() for layer in layers])


@plates.styled
def patterns() -> plates.Plate:
    """The entries of a small network's operator that each partition may fill."""
    figure, axes = plt.subplots(1, len(ARMS), figsize=(9.5, 2.5))
    for axis, name in zip(axes, ARMS, strict=True):
        block = blocks(name)
        filled = block[:, None] == block[None]
        axis.imshow(filled, cmap=ListedColormap([AREA, SEEN]), vmin=0, vmax=1)
        axis.set(title=f"{name}\n{filled.sum()} entries", xticks=[], yticks=[])
        axis.axhline(FIRST_LAYER - 0.5, color=MARK, linewidth=0.8)
        axis.axvline(FIRST_LAYER - 0.5, color=MARK, linewidth=0.8)
        axis.grid(False)
        axis.spines[:].set_visible(False)
    return plates.Plate(
        figure,
        "Five square patterns of the same matrix. The weight operator fills its diagonal alone. "
        "Quasi-node, node and layer operators fill growing blocks along the diagonal. The network "
        "operator fills everything.",
        "Which entries of $\\hat K$ each partition may fill, for a network of 20 weights in two "
        "layers (grey lines part them): 3 inputs, 3 hidden units, 2 outputs, $q = 2$. An empty "
        "entry says that one weight has no say in the next value of another.",
        "patterns",
    )


@plates.styled
def staircase(errors: Mapping[str, Mapping[str, float]]) -> plates.Plate:
    """Which partition sees which coupling; ``errors`` by coupling, then by partition."""
    figure, axis = plt.subplots(figsize=(8.2, 3.4))
    error = np.array([[of[name] for name in ARMS] for of in errors.values()])
    seen = error < EXACT
    tints = ListedColormap([UNSEEN, SEEN])
    axis.imshow(seen, cmap=tints, vmin=0, vmax=1, aspect="auto", alpha=0.16)
    for (row, column), value in np.ndenumerate(error):
        text, colour, weight = f"error {value:.0%}", INK, "normal"
        if seen[row, column]:
            text, colour, weight = "seen", SEEN, "bold"
        axis.text(column, row, text, ha="center", va="center", color=colour, weight=weight)
    axis.set_xticks(range(len(ARMS)), [f"{name}\noperators" for name in ARMS])
    axis.set_yticks(range(len(errors)), [f"pair {where}" for where in errors])
    axis.tick_params(length=0)
    axis.grid(False)
    axis.spines[:].set_visible(False)
    return plates.Plate(
        figure,
        "A staircase of four couplings against five partitions. Weight operators see none of "
        "them, quasi-nodes only the pair in one chunk, nodes also the pair in one node, layers "
        "also the pair in one layer, and the network operator sees all four.",
        "Forecasts 40 steps ahead of 80 recorded ones. *Seen*: an error below a millionth of the "
        "true change; otherwise the error as a share of it. Every step to the right sees one "
        "coupling more; only the network operator sees a pair across layers.",
        "staircase",
    )
