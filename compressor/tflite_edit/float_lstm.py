"""A fused LSTM that int8 arithmetic cuts off keeps its int8 weights and computes in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from compressor.tflite_edit.graph import Graph
from compressor.tflite_edit.lstm_saturation import LstmWeights, Values, saturation
from compressor.values import Array

# Inputs of UNIDIRECTIONAL_SEQUENCE_LSTM, for the input gate, the forget gate, the cell and the output gate
# (lite/kernels/unidirectional_sequence_lstm.cc).
_KERNELS, _RECURRENT, _BIASES = slice(1, 5), slice(5, 9), slice(12, 16)
_STATE, _CELL = 18, 19
# Peepholes, projection and normalization, which Keras's LSTM has not.
_OTHERS = (*range(9, 12), 16, 17, *range(20, 24))
# Half of an int8 step of answers within ±1: what is cut off may be as much as what rounding takes.
_TOLERATED = 1 / 256

FloatInputs = Callable[[int], Array]


def has_integer_lstm(content: bytes) -> bool:
    """Whether the file holds a fused LSTM that computes in integers."""
    graph = Graph(content)
    return any(graph.quantized(int(lstm.inputs[0])) for lstm in _fused(graph))


def with_float_lstm(content: bytes, float_content: bytes, inputs_of: FloatInputs) -> tuple[bytes, tuple[str, ...]]:
    """The int8 file with each such LSTM made float; and notes that say so.

    Args:
        float_content: the same model in float32, its LSTMs in the same order.
        inputs_of: tensor of the float file → what it held for each calibration sample.
    """
    graph, original = Graph(content), Graph(float_content)
    notes = []
    for lstm, plain in zip(_fused(graph), _fused(original), strict=True):
        if not graph.quantized(int(lstm.inputs[0])):
            continue
        cut = saturation(_weights(original, plain), _batch_major(plain, inputs_of(int(plain.inputs[0]))))
        if cut > _TOLERATED:
            notes.append(_told(graph, lstm, cut))
            _free(graph, lstm)
    return (graph.packed(), tuple(notes)) if notes else (content, ())


def _fused(graph: Graph) -> list[Any]:
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    lstms = [each for each in graph.operators if graph.code(each) == BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM]
    return [each for each in lstms if all(each.inputs[place] < 0 for place in _OTHERS if place < len(each.inputs))]


def _weights(graph: Graph, lstm: Any) -> LstmWeights:
    def values(places: slice) -> tuple[Values, ...]:
        return tuple(graph.values(int(index)).astype(np.float64) for index in lstm.inputs[places])

    return LstmWeights(values(_KERNELS), values(_RECURRENT), values(_BIASES))


def _batch_major(lstm: Any, inputs: Array) -> Values:
    """Inputs of single samples (N, 1, T, inputs), or (N, T, 1, inputs), as (N, T, inputs)."""
    return np.squeeze(inputs, 2 if lstm.builtinOptions.timeMajor else 1).astype(np.float64)


def _free(graph: Graph, lstm: Any) -> None:
    """Weights are int8 with one symmetric scale each, as hybrid kernels want them; all else becomes float."""
    for place in range(_BIASES.start, _BIASES.stop):
        index = int(lstm.inputs[place])
        name, values = graph.tensor(index).name, graph.values(index) * graph.scale(index)
        lstm.inputs[place] = graph.add_constant(name + b"_float", values)
    for place in (_STATE, _CELL):
        graph.make_float(int(lstm.inputs[place]))
    lstm.intermediates = None
    lstm.builtinOptions.cellClip = 0.0
    lstm.inputs[0] = graph.dequantize_before(lstm, int(lstm.inputs[0]))
    answers = int(lstm.outputs[0])
    lstm.outputs[0] = graph.add_twin(answers)
    graph.quantize_after(lstm, int(lstm.outputs[0]), answers)


def _told(graph: Graph, lstm: Any, cut: float) -> str:
    units = graph.tensor(int(lstm.inputs[_BIASES.start])).shape[0]
    return (
        f"the LSTM of {units} units computes in float32 with int8 weights: TFLite's int8 kernel keeps sums of a gate "
        f"within ±8 and the cell within ±10, which changes its answers by {cut:.2g} (root mean square) on the "
        "calibration samples; an accelerator that takes integers only leaves it to the CPU"
    )
