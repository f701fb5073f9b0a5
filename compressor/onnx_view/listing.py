"""The operators of an ONNX file as an inspection tells them: layers by the names that exporters give nodes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from compressor.onnx_view import Graph, Node
from compressor.onnx_view.macs import COUNTED, macs
from compressor.placing import Listed
from compressor.tflite_view.layers import layer_of

# What tf2onnx and onnxruntime's quantizer add to the name of a TensorFlow operation.
_ADDED = re.compile(r"(?:_(?:Quantize|Dequantize)Linear(?:_\w+)?|_quantized|__\d+|:\d+|_Gemm)+$")

_SHOWN = 3


def listed(graph: Graph) -> tuple[Listed, ...]:
    """Every operator in the order of the file; constants are none, and bodies of loops come before their loop."""
    places = {node: index for index, node in enumerate(graph.nodes)}
    return tuple(
        Listed(
            index,
            node.op,
            node.made[0][0] if node.made else "",
            layer_named(node.name),
            macs(node),
            _reads(node, places),
        )
        for index, node in enumerate(graph.nodes)
    )


def layer_named(name: str) -> str:
    """The Keras layer that a node or a constant is called after; "" where its name does not tell."""
    name = _ADDED.sub("", name)
    return layer_of(name) if "/" in name else ""


def uncounted(graph: Graph) -> list[str]:
    """A warning where multiply-accumulates are of shapes that are not known, which count as one."""
    layers = [node for node in graph.nodes if node.op in COUNTED]
    names = [node.name for node in layers if node.shape is None or node.input(0).shape is None]
    if not names:
        return []
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    told = f"the sizes of {len(names)} of {len(layers)} layers are not known: {shown}"
    return [f"{told}; their multiply-accumulates are counted too low"]


def _reads(node: Node, places: Mapping[Node, int]) -> tuple[int, ...]:
    makers = [tensor.producer for tensor in node.inputs if tensor.producer is not None]
    return tuple(dict.fromkeys(places[maker] for maker in makers if maker in places))
