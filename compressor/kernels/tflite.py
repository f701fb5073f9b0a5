"""The kernels of a TFLite file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from compressor import tflite_view
from compressor.errors import BadInput
from compressor.kernels import Kernel, along
from compressor.tflite_view import Operator, Tensor, View
from compressor.tflite_view.layers import layers

# Operators of the schema that read trained weights.
_LAYERS = {
    *("BATCH_MATMUL", "BIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_RNN", "CONV_2D", "CONV_3D"),
    *("CONV_3D_TRANSPOSE", "DEPTHWISE_CONV_2D", "EMBEDDING_LOOKUP", "FULLY_CONNECTED", "GATHER", "LSTM", "RNN", "SVDF"),
    *("TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN"),
}
_FLOATS, _INTEGERS = ("FLOAT32", "FLOAT16"), ("INT8", "UINT8", "INT16")


def read(path: Path) -> tuple[Kernel, ...]:
    """Every kernel of the main graph once, in the order of its first reader; loops keep theirs in other graphs.

    Raises:
        BadInput: the file cannot be read.
    """
    view = tflite_view.read(path)
    unpacked = _unpacked(view)
    found: dict[int, Kernel] = {}
    for operator, layer in zip(view.operators, layers(view), strict=True):
        for place, tensor in _weights(operator, unpacked):
            kernel = None if tensor.index in found else _kernel(tensor, layer, f"{operator.op} {place}")
            if kernel is not None:
                found[tensor.index] = kernel
    return tuple(found.values())


def _unpacked(view: View) -> dict[int, Tensor]:
    """Constants by the number of the tensor that a DEQUANTIZE makes of them: so float16 weights are read."""
    return {
        operator.outputs[0].index: operator.constants[0]
        for operator in view.operators
        if operator.op == "DEQUANTIZE" and operator.constants and operator.outputs
    }


def _weights(operator: Operator, unpacked: dict[int, Tensor]) -> Iterator[tuple[int, Tensor]]:
    if operator.op not in _LAYERS:
        return
    for place, tensor in enumerate(operator.inputs):
        stored = tensor if tensor is None or tensor.constant else unpacked.get(tensor.index)
        if stored is not None and len(stored.shape) > 1:
            yield place, stored


def _kernel(tensor: Tensor, layer: str, role: str) -> Kernel | None:
    """None where the numbers are no weights, or of a format that is not read."""
    if tensor.type not in _FLOATS and not (tensor.type in _INTEGERS and tensor.quantized):
        return None
    try:
        stored = tensor.values
        if tensor.type in _FLOATS:
            return Kernel(layer, tensor.title, role, stored)
        ends = (np.asarray(each) for each in (tensor.scales, tensor.zero_points or (0,)))
        scales, zeros = (along(each, tensor.axis, stored.ndim) for each in ends)
        np.broadcast_shapes(stored.shape, scales.shape, zeros.shape)
    except (BadInput, ValueError, IndexError):
        return None
    return Kernel(layer, tensor.title, role, stored, scales, zeros)
