"""Cutting a parameter pytree into the blocks that each get an operator, and putting it back."""

import dataclasses
import difflib
import operator
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact, PyTree

from koopnb.checks import Integer

PARTITIONS = ("weight", "quasi-node", "node", "layer", "network")

# One shape of block: its columns, in pieces that are (..., blocks, width of the piece).
Pieces = tuple[Inexact[Array, "..."], ...]


class RowBlocks(NamedTuple):
    """Rows of some leaves laid side by side, and the chunks of columns that are blocks.

    Leaf i contributes ``widths[i]`` columns to every one of ``rows`` rows, its output axis
    being ``axis``. Columns from ``start`` on are cut into ``chunks`` blocks of ``width``.
    """

    label: str
    leaves: tuple[int, ...]
    widths: tuple[int, ...]
    rows: int
    axis: int = 0
    start: int = 0
    chunks: int = 1
    width: int = 0

    @property
    def whole(self) -> bool:
        """Whether a block is a whole row: its leaves can stay apart, so nothing is copied."""
        return self.width == sum(self.widths)

    @property
    def pieces(self) -> tuple[int, ...]:
        """Widths of the arrays that hold a block: one a leaf for whole rows, else one."""
        return self.widths if self.whole else (self.width,)

    @property
    def blocks(self) -> int:
        """How many blocks these rows are cut into."""
        return self.rows * self.chunks


@dataclasses.dataclass(frozen=True)
class Partition:
    """How a pytree is cut into blocks; hashable, so that it can be static under ``jax.jit``.

    Blocks of one shape form a group, and a group is handled as one batch. Blocks are numbered
    group after group: ``labels`` names them in that order.
    """

    name: str
    q: int | None
    treedef: Any
    shapes: tuple[tuple[int, ...], ...]
    units: tuple[RowBlocks, ...]

    def refuse_other_shapes(self, tree: PyTree) -> None:
        """Raises a ValueError that names the first leaf that one snapshot has in another shape."""
        named, treedef = jax.tree_util.tree_flatten_with_path(tree)
        if treedef == self.treedef:
            for (path, leaf), shape in zip(named, self.shapes, strict=True):
                if tuple(np.shape(leaf)) != shape:
                    raise ValueError(
                        f"leaf {jax.tree_util.keystr(path)} has shape {np.shape(leaf)}, that of a "
                        f"snapshot is {shape}: pass one snapshot, without the time axis."
                    )

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """For each group, the indices of its units."""
        groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for index, unit in enumerate(self.units):
            groups[unit.pieces].append(index)
        return tuple(tuple(group) for group in groups.values())

    @property
    def group_sizes(self) -> tuple[int, ...]:
        """Blocks of each group."""
        return tuple(sum(self.units[i].blocks for i in group) for group in self.groups)

    @property
    def widths(self) -> tuple[int, ...]:
        """Weights in each block of each group."""
        return tuple(sum(self.units[group[0]].pieces) for group in self.groups)

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for every block, such as ``.layers[0] row 3 columns 0:10``."""
        return tuple(
            _label(self.units[i], row, chunk, self.name)
            for group in self.groups
            for i in group
            for row in range(self.units[i].rows)
            for chunk in range(self.units[i].chunks)
        )

    def split(self, tree: PyTree) -> tuple[Pieces, ...]:
        """The blocks of a tree whose leaves may carry leading axes (time, say).

        Returns, for each group, pieces of shape (leading axes, blocks, width of the piece).
        """
        leaves, treedef = jax.tree.flatten(tree)
        if treedef != self.treedef:
            raise ValueError(
                f"the tree has structure {treedef}, the partition was made for {self.treedef}: "
                "pass a tree of the same structure."
            )
        leaves = [jnp.asarray(leaf) for leaf in leaves]
        lead = leaves[0].ndim - len(self.shapes[0])
        return tuple(
            tuple(
                jnp.concatenate(same, axis=-2) if len(same) > 1 else same[0]
                for same in zip(*(self._cut(leaves, i, lead) for i in group), strict=True)
            )
            for group in self.groups
        )

    def only(self, group: int) -> "Partition":
        """One group of blocks by itself: it splits trees, and cannot merge them."""
        units = tuple(self.units[i] for i in self.groups[group])
        return dataclasses.replace(self, units=units)

    def merge(self, groups: Sequence[Pieces]) -> PyTree:
        """The inverse of ``split``, exact to the bit."""
        rows: dict[tuple[int, ...], list[Array]] = defaultdict(list)
        for group, pieces in zip(self.groups, groups, strict=True):
            first = 0
            for i in group:
                unit = self.units[i]
                parts = [piece[..., first : first + unit.blocks, :] for piece in pieces]
                first += unit.blocks
                if not unit.whole:
                    lead = parts[0].shape[:-2]
                    parts = [parts[0].reshape(*lead, unit.rows, unit.chunks * unit.width)]
                rows[unit.leaves].extend(parts)
        lead, dtype = groups[0][0].shape[:-2], groups[0][0].dtype
        leaves = [jnp.zeros(lead + shape, dtype) for shape in self.shapes if 0 in shape]
        empty = iter(leaves)
        merged = dict(self._uncut(rows))
        return self.treedef.unflatten(
            next(empty) if 0 in shape else merged[i] for i, shape in enumerate(self.shapes)
        )

    def _cut(self, leaves: list[Array], index: int, lead: int) -> list[Array]:
        unit = self.units[index]
        parts = []
        for i, width in zip(unit.leaves, unit.widths, strict=True):
            leaf = leaves[i]
            if unit.axis and len(self.shapes[i]) > 1:
                leaf = jnp.moveaxis(leaf, -1, lead)
            parts.append(leaf.reshape(*leaf.shape[:lead], unit.rows, width))
        if unit.whole:
            return parts
        row = jnp.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]
        row = row[..., unit.start : unit.start + unit.chunks * unit.width]
        return [row.reshape(*row.shape[:-2], unit.blocks, unit.width)]

    def _uncut(self, rows: dict[tuple[int, ...], list[Array]]) -> list[tuple[int, Array]]:
        out = []
        for unit in self.units:
            if unit.leaves not in rows:
                continue
            parts = rows.pop(unit.leaves)
            if not unit.whole:
                row = jnp.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]
                parts = jnp.split(row, np.cumsum(unit.widths)[:-1], axis=-1)
            for i, part in zip(unit.leaves, parts, strict=True):
                shape, lead = self.shapes[i], part.shape[:-2]
                if unit.axis and len(shape) > 1:
                    part = part.reshape(*lead, shape[-1], *shape[:-1])
                    part = jnp.moveaxis(part, len(lead), -1)
                out.append((i, part.reshape(*lead, *shape)))
        return out


def make_partition(tree: PyTree, name: str = "network", q: Integer | None = None) -> Partition:
    """Cuts a parameter pytree into blocks.

    =============  ====================================================================
    ``weight``     every scalar
    ``quasi-node``  ``q`` neighbouring columns of a node's row; a shorter block is left over
                   at the end where ``q`` does not divide the row
    ``node``       row i of a layer: index i of the output axis of each of its leaves,
                   laid side by side (a weight matrix's row with its bias appended, an
                   output channel of a convolution with its bias)
    ``layer``      all leaves that share a parent in the tree
    ``network``    everything
    =============  ====================================================================

    The output axis is the first, as in equinox, if every layer's leaves agree on its
    size; otherwise the last, as in (inputs, outputs) matrices, if they agree there. A leaf
    called ``kernel`` has its outputs last, as in flax. So a plain tree of *square*
    (inputs, outputs) matrices alone is read as (outputs, inputs): call them ``kernel``.

    Args:
        tree: one snapshot; leaves need only a ``shape``.
        name: one of the five names above.
        q: weights a block of ``quasi-node``, at least 1; None for the others.

    Raises:
        ValueError: an empty tree, an unknown name, a bad ``q``, or a leaf without an output
            axis that its layer shares (named), where the partition needs one.

    >>> tree = {"weight": np.zeros((2, 3)), "bias": np.zeros(2)}
    >>> make_partition(tree, "node").labels
    ('tree row 0', 'tree row 1')
    """
    if name not in PARTITIONS:
        close = difflib.get_close_matches(str(name), PARTITIONS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"partition={name!r}: must be one of {', '.join(PARTITIONS)}.{hint}")
    q = _check_q(name, q)
    paths_leaves, treedef = jax.tree_util.tree_flatten_with_path(tree)
    shapes = tuple(tuple(leaf.shape) for _, leaf in paths_leaves)
    served = [i for i, shape in enumerate(shapes) if 0 not in shape]
    if not served:
        raise ValueError(
            "the tree holds no weights: pass a pytree with at least one non-empty array leaf."
        )
    paths = [path for path, _ in paths_leaves]
    sizes = [int(np.prod(shape, dtype=np.int64)) for shape in shapes]
    layers: dict[tuple, list[int]] = defaultdict(list)
    for i in served:
        layers[paths[i][:-1]].append(i)
    for leaves in layers.values():  # biases are appended: they come after what they belong to
        leaves.sort(key=lambda i: (not shapes[i] or sizes[i] == shapes[i][0], -len(shapes[i])))

    if name == "weight":
        units = [
            RowBlocks(jax.tree_util.keystr(paths[i]), (i,), (1,), rows=sizes[i], width=1)
            for i in served
        ]
    elif name in ("layer", "network"):
        blocks = layers if name == "layer" else {(): served}
        units = [
            RowBlocks(
                jax.tree_util.keystr(parent),
                tuple(leaves),
                tuple(sizes[i] for i in leaves),
                rows=1,
                width=sum(sizes[i] for i in leaves),
            )
            for parent, leaves in blocks.items()
        ]
    else:
        axes = _output_axes(layers, paths, shapes, name)
        units = []
        for (parent, leaves), axis in zip(layers.items(), axes, strict=True):
            rows = shapes[leaves[0]][axis if len(shapes[leaves[0]]) > 1 else 0]
            widths = tuple(sizes[i] // rows for i in leaves)
            total = sum(widths)
            base = RowBlocks(jax.tree_util.keystr(parent), tuple(leaves), widths, rows, axis)
            step = total if name == "node" else min(q, total)  # type: ignore[type-var]
            full, left = divmod(total, step)  # type: ignore[operator]
            units.append(base._replace(chunks=full, width=step))
            if left:
                units.append(base._replace(start=total - left, width=left))
    return Partition(name, q, treedef, shapes, tuple(units))


def _check_q(name: str, q: Any) -> int | None:
    if name != "quasi-node":
        if q is not None:
            raise ValueError(
                f"q={q!r} with partition={name!r}: q belongs to partition='quasi-node'; drop it."
            )
        return None
    try:
        if isinstance(q, bool | np.bool_):
            raise TypeError
        q = operator.index(q)
    except TypeError:
        raise ValueError(
            f"q={q!r}: partition='quasi-node' needs q, the weights a block, an integer >= 1."
        ) from None
    if q < 1:
        raise ValueError(f"q={q}: must be at least 1, the weights a block.")
    return q


def _output_axes(
    layers: dict[tuple, list[int]],
    paths: list[tuple],
    shapes: tuple[tuple[int, ...], ...],
    name: str,
) -> list[int]:
    """The output axis of every layer, 0 or -1: one choice for the whole tree."""

    def mismatch(leaves: list[int], axis: int) -> int | None:
        size = shapes[leaves[0]][axis]
        return next((i for i in leaves if shapes[i][axis] != size), None)

    def named(leaves: list[int]) -> bool:
        keys = (
            getattr(key, "key", getattr(key, "name", None)) for i in leaves for key in paths[i][-1:]
        )
        return "kernel" in keys

    for leaves in layers.values():
        for i in leaves:
            if not shapes[i]:
                raise ValueError(
                    f"leaf {jax.tree_util.keystr(paths[i])} is a scalar without an output axis: "
                    f"partition={name!r} cannot serve it; use 'weight', 'layer' or 'network'."
                )
    unnamed = [leaves for leaves in layers.values() if not named(leaves)]
    last = any(mismatch(leaves, 0) is not None for leaves in unnamed) and not any(
        mismatch(leaves, -1) is not None for leaves in unnamed
    )
    axes = [-1 if last or named(leaves) else 0 for leaves in layers.values()]
    for leaves, axis in zip(layers.values(), axes, strict=True):
        bad = mismatch(leaves, axis)
        if bad is not None:
            raise ValueError(
                f"leaf {jax.tree_util.keystr(paths[bad])} has shape {shapes[bad]}, which shares no "
                f"output axis with {jax.tree_util.keystr(paths[leaves[0]])} of shape "
                f"{shapes[leaves[0]]} in the same layer: partition={name!r} cannot serve it; put "
                "each layer's leaves under a parent of their own, or use 'weight', 'layer' or "
                "'network'."
            )
    return axes


def _label(unit: RowBlocks, row: int, chunk: int, name: str) -> str:
    label = unit.label or "tree"
    if name in ("layer", "network"):
        return label
    label += f" {'weight' if name == 'weight' else 'row'} {row}"
    if not unit.whole:
        start = unit.start + chunk * unit.width
        label += f" columns {start}:{start + unit.width}"
    return label
