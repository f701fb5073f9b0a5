"""What pnnx stumbles over in ONNX graphs, put otherwise before it reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.values import Array

if TYPE_CHECKING:
    import onnx

# Of the operators' inputs, in the ONNX specification: the first state.
_STATES = {"LSTM": (5, 6), "GRU": (5,), "RNN": (5,)}
_END = np.iinfo(np.int64).max


def make_ready(model: onnx.ModelProto) -> None:
    """Change what pnnx does not read, and nothing of what the graph computes."""
    _drop_zero_states(model)
    constants = _constants(model)
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Gemm" and len(node.input) > 2 and node.input[2] not in constants:
            nodes += _product_and_sum(node)
        elif node.op_type == "ConvTranspose" and _is_uneven(node):
            nodes += _cropped(model, node)
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _drop_zero_states(model: onnx.ModelProto) -> None:
    """First states of zero are what NCNN assumes."""
    zeros = {name for name, array in _constants(model).items() if not array.any()}
    used = {name for node in model.graph.node for name in node.input} | {value.name for value in model.graph.output}
    for node in model.graph.node:
        if node.op_type in _STATES:
            for place in _STATES[node.op_type]:
                if place < len(node.input) and node.input[place] in zeros:
                    node.input[place] = ""
            _drop_last(node.input, lambda name: not name)
            _drop_last(node.output, lambda name: name not in used)


def _drop_last(names: Any, unwanted: Callable[[str], bool]) -> None:
    while len(names) > 1 and unwanted(names[-1]):
        del names[-1]


def _product_and_sum(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """A Gemm that adds what is computed: tf2onnx makes it of a sum behind a dense layer. Its factors are 1 there."""
    import onnx

    settings = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    if any(settings.get(name, 1.0) != 1.0 for name in ("alpha", "beta")) or settings.get("transA"):
        return [node]
    product = f"{node.output[0]}_product"
    first = onnx.helper.make_node("Gemm", node.input[:2], [product], transB=settings.get("transB", 0))
    return [first, onnx.helper.make_node("Add", [product, node.input[2]], node.output)]


def _is_uneven(node: onnx.NodeProto) -> bool:
    pads = _pads(node)
    return pads[: len(pads) // 2] != pads[len(pads) // 2 :]


def _pads(node: onnx.NodeProto) -> list[int]:
    return next((list(attribute.ints) for attribute in node.attribute if attribute.name == "pads"), [])


def _cropped(model: onnx.ModelProto, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """A transposed convolution with other pads at the end than at the start, without them and cut to size."""
    import onnx

    pads = _pads(node)
    half = len(pads) // 2
    ends = [-pad if pad else _END for pad in pads[half:]]
    whole, names = f"{node.output[0]}_whole", [f"{node.output[0]}_{word}" for word in ("starts", "ends", "axes")]
    for name, numbers in zip(names, (pads[:half], ends, list(range(2, 2 + half))), strict=True):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(numbers, np.int64), name))
    crop = onnx.helper.make_node("Slice", [whole, *names], node.output)
    for attribute in node.attribute:
        if attribute.name == "pads":
            attribute.ints[:] = [0] * len(pads)
    node.output[:] = [whole]
    return [node, crop]


def _constants(model: onnx.ModelProto) -> dict[str, Array]:
    import onnx

    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
