"""Which tensor of one file is which of another: by name, else by Keras layer, else by order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from compressor.diagnosis.opened import Key, Node, Opened
from compressor.tflite_view.layers import plain
from compressor.values import Array, clean_name

# They move numbers, or change how these are stored, and compute nothing.
_PASSING = ("QUANTIZE", "DEQUANTIZE", "QuantizeLinear", "DequantizeLinear", "Cast")
# Axes of pictures: as they are, channels to the front, channels to the back.
_TRANSPOSED = ((0, 3, 1, 2), (0, 2, 3, 1))


@dataclass(frozen=True, slots=True)
class Match:
    """A tensor of the reference file, and the order its axes take in the other file; None leaves them."""

    key: Key
    axes: tuple[int, ...] | None = None

    def moved(self, values: Array) -> Array:
        """The reference's numbers in the other file's shape."""
        return values if self.axes is None else np.transpose(values, self.axes)


Matches = dict[Key, Match]


def match(reference: Opened, other: Opened) -> Matches:
    """The tensor of `reference` for every tensor of `other` that has one, inputs among them."""
    found: Matches = dict(_inputs(reference, other))
    theirs = {name: node for node in reference.nodes for name in node.names}
    for node in other.nodes:
        same = next((theirs[name] for name in node.names if name in theirs), None)
        axes = _fitting(same, node) if same is not None else None
        if same is not None and axes is not None:
            found.setdefault(node.key, Match(same.key, axes or None))
    _by_layer(reference, other, found)
    _by_order(reference, other, found)
    return found


def _inputs(reference: Opened, other: Opened) -> Iterator[tuple[Key, Match]]:
    by_name = {clean_name(spec.name): key for spec, key in zip(reference.inputs, reference.input_keys, strict=True)}
    in_order = len(reference.inputs) == len(other.inputs)
    for place, (spec, key) in enumerate(zip(other.inputs, other.input_keys, strict=True)):
        there = by_name.get(clean_name(spec.name))
        if there is None and in_order:
            there = reference.input_keys[place]
        if there is not None:
            yield key, Match(there)


def _by_layer(reference: Opened, other: Opened, found: Matches) -> None:
    """Of a layer's tensors that are left the last belongs to the last, of the same operator first."""
    taken = {each.key for each in found.values()}
    for node in reversed(other.nodes):
        if node.key in found or not node.layer or node.op in _PASSING:
            continue
        fitting = [
            each
            for each in reversed(reference.nodes)
            if plain(each.layer) == plain(node.layer) and each.key not in taken and _fitting(each, node) is not None
        ]
        best = next((each for each in fitting if _kind(each) == _kind(node)), None)
        if best is not None:
            found[node.key] = Match(best.key, _fitting(best, node) or None)
            taken.add(best.key)


def _by_order(reference: Opened, other: Opened, found: Matches) -> None:
    """Operators of one kind and shape that are left, where both files have as many of them."""
    taken = {each.key for each in found.values()}
    left = [node for node in other.nodes if node.key not in found and node.op not in _PASSING and node.index >= 0]
    for kind, shape in dict.fromkeys((_kind(node), node.shape) for node in left):
        ours = [node for node in left if (_kind(node), node.shape) == (kind, shape)]
        theirs = [
            each for each in reference.nodes if each.key not in taken and (_kind(each), each.shape) == (kind, shape)
        ]
        if len(ours) == len(theirs):
            found.update({node.key: Match(each.key) for node, each in zip(ours, theirs, strict=True)})


def _kind(node: Node) -> str:
    return {"Gemm": "MatMul", "FULLY_CONNECTED": "MatMul"}.get(node.op, node.op)


def _fitting(reference: Node, node: Node) -> tuple[int, ...] | None:
    """The order of axes that makes one shape the other; () for the same, None for no such order."""
    return axes_between(reference.shape, node.shape)


def axes_between(reference: tuple[int | None, ...], shape: tuple[int | None, ...]) -> tuple[int, ...] | None:
    """The order of axes that makes one shape the other; () for the same, None for no such order.

    The first axis is the batch; a free or unknown size is any.
    """
    if not reference or not shape or _same(reference, shape):
        return ()
    if len(reference) == len(shape) == 4:
        return next((axes for axes in _TRANSPOSED if _same([reference[axis] for axis in axes], shape)), None)
    if len(reference) == len(shape) == 3:
        orders = (order for order in permutations(range(3)) if order[0] == 0)
        return next((axes for axes in orders if _same([reference[axis] for axis in axes], shape)), None)
    return None


def _same(reference: tuple[int | None, ...] | list[int | None], shape: tuple[int | None, ...]) -> bool:
    inner = zip(reference[1:], shape[1:], strict=False)
    return len(reference) == len(shape) and all(None in pair or pair[0] == pair[1] for pair in inner)
