"""What pnnx stumbles over in ONNX graphs, put otherwise before it reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.values import Array

if TYPE_CHECKING:
    import onnx

GUARD = "guard_of_row_numbers"
# Of the operators' inputs, in the ONNX specification: the first state.
_STATES = {"LSTM": (5, 6), "GRU": (5,), "RNN": (5,)}


def make_ready(model: onnx.ModelProto) -> None:
    """Guard row numbers, and leave out first states that are zero, which NCNN assumes."""
    _drop_zero_states(model)
    _guard_row_numbers(model)


def _drop_zero_states(model: onnx.ModelProto) -> None:
    zeros = {name for name, array in _constants(model).items() if not array.any()}
    used = {name for node in model.graph.node for name in node.input} | {value.name for value in model.graph.output}
    for node in model.graph.node:
        for place in _STATES.get(node.op_type, ()):
            if place < len(node.input) and node.input[place] in zeros:
                node.input[place] = ""
        if node.op_type in _STATES:
            _drop_last(node.input, lambda name: not name)
            _drop_last(node.output, lambda name: name not in used)


def _drop_last(names: Any, unwanted: Any) -> None:
    while len(names) > 1 and unwanted(names[-1]):
        del names[-1]


def _guard_row_numbers(model: onnx.ModelProto) -> None:
    """Clip whole-number inputs to the rows of the tables that they name.

    pnnx runs the graph on whatever its memory holds, and dies of a row that is not there.
    """
    import onnx

    tables = {name: array.shape[0] for name, array in _constants(model).items() if array.ndim == 2}
    whole = {
        value.name: value.type.tensor_type.elem_type
        for value in model.graph.input
        if value.type.tensor_type.elem_type in (onnx.TensorProto.INT32, onnx.TensorProto.INT64)
    }
    for name, kind in whole.items():
        rows = [tables[node.input[0]] for node in _readers(model, name) if node.input[0] in tables]
        if not rows:
            continue
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind)
        ends = [f"{GUARD}_{end}_{name}" for end in ("low", "high")]
        for end, limit in zip(ends, (0, min(rows) - 1), strict=True):
            model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(limit, dtype), end))
        for node in model.graph.node:
            node.input[:] = [f"{GUARD}_{name}" if each == name else each for each in node.input]
        model.graph.node.insert(0, onnx.helper.make_node("Clip", [name, *ends], [f"{GUARD}_{name}"]))


def _readers(model: onnx.ModelProto, name: str) -> list[onnx.NodeProto]:
    """Gather nodes that take this input as row numbers, a change of number format between."""
    casts = {node.output[0] for node in model.graph.node if node.op_type == "Cast" and node.input[0] == name}
    return [node for node in model.graph.node if node.op_type == "Gather" and node.input[1] in {name, *casts}]


def _constants(model: onnx.ModelProto) -> dict[str, Array]:
    import onnx

    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
