"""Which softmax of an ONNX graph has too many classes for integers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compressor import large_softmax

if TYPE_CHECKING:
    import onnx

_SHAPING = ("Reshape", "Squeeze", "Unsqueeze", "Transpose", "Flatten", "Identity")


def large(file: Path, step: float) -> tuple[list[str], tuple[str, ...]]:
    """Names of the Softmax nodes that are outputs and collapse in integers of this step; and notes for the report.

    Args:
        file: with the shapes of all tensors inferred; a node without a name gets one.
    """
    import onnx

    model = onnx.load(str(file))
    found = {}
    for node in filter(None, (_back_to_softmax(model.graph, value.name) for value in model.graph.output)):
        classes = _classes(model.graph, node)
        if classes is not None and large_softmax.collapses(classes, step):
            found[node.output[0]] = node, classes
    if any(not node.name for node, _ in found.values()):
        for node, _ in found.values():
            node.name = node.name or f"softmax_{node.output[0]}"
        onnx.save(model, str(file))
    return [node.name for node, _ in found.values()], tuple(
        large_softmax.note(classes, step) for _, classes in found.values()
    )


def _back_to_softmax(graph: onnx.GraphProto, output: str) -> onnx.NodeProto | None:
    """The Softmax that makes an output, with nothing but changes of shape between."""
    makers = {name: node for node in graph.node for name in node.output}
    node = makers.get(output)
    while node is not None and node.op_type in _SHAPING:
        node = makers.get(node.input[0])
    return node if node is not None and node.op_type == "Softmax" else None


def _classes(graph: onnx.GraphProto, node: onnx.NodeProto) -> int | None:
    """The size of the axis that a Softmax goes over, the last one unless it says otherwise."""
    axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), -1)
    for value in (*graph.value_info, *graph.output, *graph.input):
        if value.name in (node.output[0], node.input[0]) and value.type.tensor_type.HasField("shape"):
            sizes = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
            if -len(sizes) <= axis < len(sizes) and sizes[axis] > 0:
                return int(sizes[axis])
    return None
