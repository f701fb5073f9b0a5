"""Memory that TFLM's reference kernels ask for while they run, beside their tensors.

Source: `RequestScratchBufferInArena` in tensorflow/lite/micro/kernels. Kernels of CMSIS-NN ask for other amounts.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from compressor.tflite_edit.graph import Graph

_INT32 = 4
_LSTM_BUFFERS = 4
_LSTM_CELL_STATE = 19
_INTEGERS = ("int8", "uint8", "int16")
# Their kernels ask for scratch memory that is not counted here.
UNCOUNTED = ("BATCH_MATMUL", "ADD_N", "SVDF", "TFLite_Detection_PostProcess")


def sizes(graph: Graph, operator: Any) -> tuple[int, ...]:
    """Bytes of each scratch buffer of an operator's kernel, in the order in which it asks."""
    name = graph.code_name(operator)
    inputs, outputs = [int(each) for each in operator.inputs], [int(each) for each in operator.outputs]
    if name == "UNIDIRECTIONAL_SEQUENCE_LSTM":
        state = inputs[_LSTM_CELL_STATE]
        return (_elements(graph, state) * np.dtype(graph.dtype(state)).itemsize,) * _LSTM_BUFFERS
    if name in ("MEAN", "SUM") and graph.dtype(inputs[0]) in _INTEGERS:
        return (_elements(graph, outputs[0]) * _INT32,)
    if name in ("REDUCE_MAX", "REDUCE_MIN"):
        return (len(graph.shape(inputs[0])) * _INT32, _elements(graph, inputs[1]) * _INT32)
    if name == "TRANSPOSE_CONV" and graph.dtype(outputs[0]) in ("int8", "int16"):
        # Sums of 16-bit activations are kept in 64 bits.
        each = 2 * _INT32 if graph.dtype(outputs[0]) == "int16" else _INT32
        return (_elements(graph, outputs[0]) * each,)
    return ()


def _elements(graph: Graph, index: int) -> int:
    return math.prod(graph.shape(index))
