"""Multiply-accumulate operations of ONNX operators, counted as those of TFLite are (`tflite_macs.py`)."""

from __future__ import annotations

from math import prod

from compressor.onnx_view import Node, elements

_RECURRENT = ("GRU", "LSTM", "RNN")


def macs(node: Node) -> int:
    """Multiply-accumulates of one run of an operator; sizes that are not known count as one."""
    if node.op == "Conv":
        return elements(node.shape) * prod(_sizes(node, 1)[1:])
    if node.op == "ConvTranspose":
        # Weights are (inputs, outputs of a group, …); every input value meets all but the first once.
        return prod(_sizes(node, 0)) * prod(_sizes(node, 1)[1:])
    if node.op == "Gemm":
        inner = _sizes(node, 1)
        return elements(node.shape) * (inner[1 if node.attributes.get("transB") else 0] if len(inner) == 2 else 1)
    if node.op == "MatMul":
        return elements(node.shape) * (_sizes(node, 0) or (1,))[-1]
    if node.op in _RECURRENT:
        # Weights are (directions, gates · hidden, …), for what comes in and for the state.
        return prod(_sizes(node, 0)[:2]) * (prod(_sizes(node, 1)) + prod(_sizes(node, 2)))
    return 0


def _sizes(node: Node, place: int) -> tuple[int, ...]:
    return tuple(max(size or 1, 1) for size in node.input(place).shape or ())
