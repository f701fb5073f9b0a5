"""Multiply-accumulate operations of TFLite operators, from shapes alone.

Counted are the products with weights, and those of two activations in a matrix product: what an accelerator is built
for. Additions, pooling and activation functions count nothing.
"""

from __future__ import annotations

from math import prod

from compressor.tflite_view import Operator

# Inputs of UNIDIRECTIONAL_SEQUENCE_LSTM that are matrices: kernels, recurrent kernels, projection
# (lite/kernels/unidirectional_sequence_lstm.cc).
_LSTM_MATRICES = (*range(1, 9), 16)


def macs(operator: Operator) -> int:
    """Multiply-accumulates of one run of an operator; free sizes count as one."""
    counted = {
        "CONV_2D": _per_output,
        "CONV_3D": _conv_3d,
        "DEPTHWISE_CONV_2D": _depthwise,
        "TRANSPOSE_CONV": _transposed,
        "FULLY_CONNECTED": _dense,
        "BATCH_MATMUL": _matrices,
        "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
        "SVDF": _svdf,
    }.get(operator.op)
    return counted(operator) if counted and operator.outputs else 0


def _sizes(operator: Operator, place: int) -> tuple[int, ...]:
    tensor = operator.inputs[place] if place < len(operator.inputs) else None
    return () if tensor is None else tuple(max(size, 1) for size in tensor.shape)


def _per_output(operator: Operator) -> int:
    """Weights are (outputs, height, width, inputs of one group)."""
    return operator.outputs[0].elements * prod(_sizes(operator, 1)[1:])


def _conv_3d(operator: Operator) -> int:
    """Weights are (depth, height, width, inputs, outputs)."""
    return operator.outputs[0].elements * prod(_sizes(operator, 1)[:-1])


def _depthwise(operator: Operator) -> int:
    """Weights are (1, height, width, outputs)."""
    return operator.outputs[0].elements * prod(_sizes(operator, 1)[1:3])


def _transposed(operator: Operator) -> int:
    """Weights are (outputs, height, width, inputs); every input value meets each of them once."""
    outputs_and_window = _sizes(operator, 1)[:3]
    return prod(_sizes(operator, 2)) * prod(outputs_and_window)


def _dense(operator: Operator) -> int:
    """Weights are (outputs, inputs)."""
    return operator.outputs[0].elements * prod(_sizes(operator, 1)[1:])


def _matrices(operator: Operator) -> int:
    inner = _sizes(operator, 0)[-2:]
    return operator.outputs[0].elements * (inner[0 if operator.option("adjX") else -1] if len(inner) == 2 else 1)


def _lstm(operator: Operator) -> int:
    matrices = sum(prod(_sizes(operator, place) or (0,)) for place in _LSTM_MATRICES)
    return prod(_sizes(operator, 0)[:-1]) * matrices


def _svdf(operator: Operator) -> int:
    return prod(_sizes(operator, 0)[:-1]) * (prod(_sizes(operator, 1)) + prod(_sizes(operator, 2)))
