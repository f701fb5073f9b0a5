"""Every graph and node of an ONNX model, those inside loops, branches and functions included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx


def graphs(model: onnx.ModelProto) -> Iterator[Any]:
    """The main graph, then those inside its nodes."""
    yield model.graph
    yield from (graph for node in nodes(model) for graph in _inner(node))


def nodes(model: onnx.ModelProto) -> Iterator[Any]:
    """Nodes of all graphs and functions, in no particular order."""
    waiting = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [inner for graph in _inner(node) for inner in graph.node]


def _inner(node: Any) -> list[Any]:
    return [graph for attribute in node.attribute for graph in (attribute.g, *attribute.graphs) if graph.ByteSize()]
