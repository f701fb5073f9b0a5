"""The operators of an ONNX file as an inspection tells them: layers by the names that exporters give nodes."""

from __future__ import annotations

import re

from compressor.onnx_macs import macs
from compressor.onnx_view import Graph, Node
from compressor.placing import Listed
from compressor.tflite_layers import layer_of

# What tf2onnx and onnxruntime's quantizer add to the name of a TensorFlow operation.
_ADDED = re.compile(r"(?:_(?:Quantize|Dequantize)Linear(?:_\w+)?|_quantized|__\d+|:\d+|_Gemm)+$")


def listed(graph: Graph) -> tuple[Listed, ...]:
    """Every operator in the order of the file; constants are none, and bodies of loops come before their loop."""
    return tuple(
        Listed(index, node.op, node.made[0][0] if node.made else "", _layer(node), macs(node))
        for index, node in enumerate(graph.nodes)
    )


def _layer(node: Node) -> str:
    name = _ADDED.sub("", node.name)
    return layer_of(name) if "/" in name else ""
