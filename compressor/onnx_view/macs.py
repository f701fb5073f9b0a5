"""Multiply-accumulate operations of ONNX operators, counted as those of TFLite are (`tflite_view/macs.py`)."""

from __future__ import annotations

from math import prod

from compressor.onnx_view import Node, elements
from compressor.onnx_view.moved_shapes import einsum_sizes

_RECURRENT = ("GRU", "LSTM", "RNN")
# What an operator computes, and where it reads its weights; before them, quantized ones read scale and zero point.
_KINDS = {
    **dict.fromkeys(("Conv", "ConvInteger", "FusedConv"), ("Conv", 1)),
    **dict.fromkeys(("FusedGemm", "Gemm"), ("Gemm", 1)),
    **dict.fromkeys(("MatMul", "MatMulInteger"), ("MatMul", 1)),
    "QGemm": ("Gemm", 3),
    "QLinearConv": ("Conv", 3),
    "QLinearMatMul": ("MatMul", 3),
}
COUNTED = frozenset((*_KINDS, *_RECURRENT, "ConvTranspose", "Einsum"))


def macs(node: Node) -> int:
    """Multiply-accumulates of one run of an operator; sizes that are not known count as one."""
    kind, place = _KINDS.get(node.op, (node.op, 1))
    if kind == "Conv":
        return elements(node.shape) * prod(_sizes(node, place)[1:])
    if kind == "ConvTranspose":
        # Weights are (inputs, outputs of a group, …); every input value meets all but the first once.
        return prod(_sizes(node, 0)) * prod(_sizes(node, 1)[1:])
    if kind == "Gemm":
        inner = _sizes(node, place)
        return elements(node.shape) * (inner[1 if node.attributes.get("transB") else 0] if len(inner) == 2 else 1)
    if kind == "MatMul":
        return elements(node.shape) * (_sizes(node, 0) or (1,))[-1]
    if kind == "Einsum":
        return _of_einsum(node)
    if kind in _RECURRENT:
        # Weights are (directions, gates · hidden, …), for what comes in and for the state.
        return prod(_sizes(node, 0)[:2]) * (prod(_sizes(node, 1)) + prod(_sizes(node, 2)))
    return 0


def _of_einsum(node: Node) -> int:
    """Every letter is a loop; an equation of one tensor only moves or sums."""
    if len(node.inputs) < 2:
        return 0
    try:
        sizes = einsum_sizes(str(node.attributes.get("equation", "")), node.inputs)
    except ValueError:
        return elements(node.shape)
    return prod(max(size or 1, 1) for size in sizes.values())


def _sizes(node: Node, place: int) -> tuple[int, ...]:
    return tuple(max(size or 1, 1) for size in node.input(place).shape or ())
