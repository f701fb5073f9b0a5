"""The number format of each tensor, as it follows from inputs, constants, casts and what ONNX says of operators."""

from __future__ import annotations

from collections.abc import Mapping

from compressor.onnx_view import Graph, Node

_BOOLEAN = {
    *("And", "Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual", "Not", "Or", "Xor"),
}
_INDICES = {"ArgMax", "ArgMin", "NonMaxSuppression", "NonZero", "Shape", "Size"}
_ALWAYS = {**dict.fromkeys(_BOOLEAN, "bool"), **dict.fromkeys(_INDICES, "int64")}
# Second outputs that are indices.
_WITH_INDICES = {"MaxPool", "TopK"}
# Attributes that state the type of what is written.
_STATED = ("to", "dtype", "output_dtype")
# Which inputs hold data, of operators whose others say how to compute: sizes, indices, axes.
_FIRST = (
    *("CumSum", "Expand", "Gather", "GatherElements", "GatherND", "Pow", "ReverseSequence", "Reshape", "Resize"),
    *("Slice", "Split", "Squeeze", "Tile", "TopK", "Trilu", "Unsqueeze", "Upsample"),
)
_DATA = {
    **dict.fromkeys(_FIRST, (0,)),
    **dict.fromkeys(("Scatter", "ScatterElements", "ScatterND"), (0, 2)),
    "OneHot": (2,),
    "Pad": (0, 2),
    "Where": (1, 2),
}


def tensor_types(graph: Graph) -> dict[str, str]:
    """The type of each tensor, by name; those that are not known are left out or ""."""
    types: dict[str, str] = {}
    for tensor in graph.inputs:
        types[tensor.name] = tensor.type
    for node in graph.nodes:
        for tensor in node.inputs:
            if tensor.type:
                types.setdefault(tensor.name, tensor.type)
        for place, (name, _) in enumerate(node.made):
            if name:
                types[name] = "int64" if place and node.op in _WITH_INDICES else _made(node, types)
    return types


def data_types(node: Node, types: Mapping[str, str]) -> list[str]:
    """The types of what an operator computes with, in the order it reads them."""
    read = (node.input(place) for place in _DATA[node.op]) if node.op in _DATA else node.inputs
    return [kind for kind in (types.get(tensor.name, "") for tensor in read) if kind]


def _made(node: Node, types: dict[str, str]) -> str:
    if node.op in _ALWAYS:
        return _ALWAYS[node.op]
    stated = next(filter(None, map(node.attributes.get, _STATED)), "")
    if stated:
        return str(stated)
    if node.op == "QuantizeLinear":
        return node.quantized_type
    if node.op == "ConstantOfShape":
        return str(node.attributes.get("value", "float"))
    if node.op in ("CastLike", "DequantizeLinear"):
        return types.get(node.input(1).name, "")
    return next(iter(data_types(node, types)), "")
