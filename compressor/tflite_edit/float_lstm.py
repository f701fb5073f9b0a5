"""A fused LSTM that int8 arithmetic cuts off keeps its int8 weights and computes in float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


def cut_off(float_content: bytes, inputs_of: FloatInputs) -> tuple[float, ...]:
    """For each LSTM of a float file what int8 arithmetic would change in its answers; 0 where that is tolerable.

    Args:
        inputs_of: tensor of the file → what it held for each calibration sample.
    """
    graph = Graph(float_content)
    changes = [
        saturation(_weights(graph, lstm), _batch_major(lstm, inputs_of(int(lstm.inputs[0])))) for lstm in _fused(graph)
    ]
    return tuple(change if change > _TOLERATED else 0.0 for change in changes)


def with_float_lstm(content: bytes, float_content: bytes, cut: Sequence[float]) -> tuple[bytes, tuple[str, ...]]:
    """The int8 file with each LSTM that is cut off made float; and notes that say so.

    Args:
        float_content: the same model in float32, its LSTMs in the same order.
        cut: as `cut_off` tells.
    """
    graph, original = Graph(content), Graph(float_content)
    notes = []
    for lstm, plain, change in zip(_fused(graph), _fused(original), cut, strict=True):
        if change and graph.quantized(int(lstm.inputs[0])):
            notes.append(_told(graph, lstm, change))
            _free(graph, lstm, _weights(original, plain).biases)
    return graph.packed(), tuple(notes)


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


def _free(graph: Graph, lstm: Any, biases: Sequence[Values]) -> None:
    """Weights are int8 with one symmetric scale each, as hybrid kernels want them; all else becomes float."""
    for place, values in zip(range(_BIASES.start, _BIASES.stop), biases, strict=True):
        name = graph.tensor(int(lstm.inputs[place])).name + b"_float"
        lstm.inputs[place] = graph.add_constant(name, values)
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
