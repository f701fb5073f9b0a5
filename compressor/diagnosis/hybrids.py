"""Float32 files some of whose layers compute as in the compressed file: what does that one layer cost?

Weights are the real numbers that the compressed file's integers stand for, and answers go through the integers of its
tensors. The arithmetic between stays float, so that roundings inside of an integer operator are left out.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compressor.diagnosis.comparison import Compared
from compressor.diagnosis.opened import Constant, Key, Node
from compressor.tflite_edit.graph import Graph
from compressor.tflite_view.layers import plain


@dataclass(frozen=True, slots=True)
class _Change:
    """One tensor of the float32 file rounded, or one of its constants replaced."""

    layer: str
    tensor: int
    node: Node | None = None
    values: NDArray[np.float64] | None = None


class Hybrids:
    """Makes such files of the float32 file's content.

    Args:
        compared: a TFLite file against its float32 file.
    """

    def __init__(self, content: bytes, compared: Compared) -> None:
        self._content = content
        self._changes = [*_rounded(compared), *_replaced(compared)]

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers that can be made integer, in running order."""
        order = dict.fromkeys(each.layer for each in self._changes)
        return tuple(order)

    def made(self, layers: Collection[str]) -> bytes:
        """The file with these layers as the compressed file has them."""
        graph = Graph(self._content)
        for change in self._changes:
            if change.layer not in layers:
                continue
            if change.values is not None:
                graph.replace(change.tensor, change.values.reshape(graph.shape(change.tensor)))
            elif change.node is not None and change.node.grid is not None:
                grid = change.node.grid
                kind = "int16" if grid.last > 255 else "int8" if grid.first < 0 else "uint8"
                graph.round_behind(change.tensor, kind, grid.scale, grid.zero_point)
        return graph.packed()


def _rounded(compared: Compared) -> list[_Change]:
    found, seen = [], set[Key]()
    for node in compared.rows:
        key = compared.matches[node.key].key
        if isinstance(key, int) and key not in seen:
            seen.add(key)
            found.append(_Change(node.title, key, node if node.grid is not None else None))
    return found


def _replaced(compared: Compared) -> list[_Change]:
    """Constants of the same layer, in the same order and of the same size, are the same."""
    theirs = {plain(node.layer): node for node in reversed(compared.reference.nodes) if _held(node)}
    found = []
    for node in compared.rows:
        there = theirs.get(plain(node.layer))
        if there is None or len(_held(there)) != len(_held(node)):
            continue
        for before, after in zip(_held(there), _held(node), strict=True):
            if before.stored.size == after.stored.size and isinstance(before.key, int) and after.scale is not None:
                found.append(_Change(node.title, before.key, values=after.values))
    return found


def _held(node: Node) -> list[Constant]:
    return [
        each
        for each in node.constants
        if each.stored.size > 1 and (each.scale is not None or each.stored.dtype.kind == "f")
    ]
