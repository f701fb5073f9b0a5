"""ONNX files spoiled as protobuf messages: shapes, dtypes, edges, attributes, sizes of weights, external data."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import mutate_bytes
from mutate_protobuf import INTEGERS, any_field

_OPERATORS = (
    *("Relu", "Conv", "Gemm", "MatMul", "Reshape", "Tile", "Expand", "Range", "ConstantOfShape", "Pad", "Resize"),
    *("Loop", "If", "Scan", "Gather", "Slice", "Split", "Concat", "LSTM", "GRU", "OneHot", "TopK", "NonZero", "Cast"),
    *("QuantizeLinear", "DequantizeLinear", "QLinearConv", "MaxPool", "Where", "CumSum", "Einsum", "Nonsense", ""),
)
_PLACES = ("../outside", "/etc/passwd", "", ".", "weights.bin", "a/../../b", "/dev/zero", "x" * 5000, "\0")


def mutate(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    """A spoiled `.onnx` file."""
    if rng.random() < 0.25:
        return mutate_bytes.mutate(rng, content)
    import onnx

    model = onnx.load_from_string(content)
    told = [rng.choice(_CHANGES)(rng, model) for _ in range(rng.choice((1, 1, 2, 4)))]
    return model.SerializeToString(), "; ".join(told)


def _edge(rng: random.Random, model: Any) -> str:
    """An input read from elsewhere: a cycle, a stranger, a doubled output."""
    nodes = list(model.graph.node)
    if not nodes:
        return "no nodes"
    node, other = rng.choice(nodes), rng.choice(nodes)
    names = [*node.output, *other.output, *(each.name for each in model.graph.initializer), "nowhere", ""]
    ends = rng.choice((node.input, node.output))
    if not ends or rng.random() < 0.2:
        ends.append(rng.choice(names))
    else:
        ends[rng.randrange(len(ends))] = rng.choice(names)
    return f"edge of {node.op_type}"


def _operator(rng: random.Random, model: Any) -> str:
    node = rng.choice(list(model.graph.node))
    node.op_type = rng.choice(_OPERATORS)
    return f"operator {node.op_type}"


def _weights(rng: random.Random, model: Any) -> str:
    if not model.graph.initializer:
        return "no weights"
    weights = rng.choice(list(model.graph.initializer))
    change = rng.choice(("dims", "more dims", "bytes", "type"))
    if change == "dims" and weights.dims:
        weights.dims[rng.randrange(len(weights.dims))] = rng.choice(INTEGERS)
    elif change == "type":
        weights.data_type = rng.randrange(30)
    elif change == "bytes":
        weights.raw_data = rng.choice((b"", weights.raw_data[:-1], weights.raw_data * 2))
    else:
        weights.dims.append(rng.choice(INTEGERS))
    return f"{change} of weights"


def _external(rng: random.Random, model: Any) -> str:
    if not model.graph.initializer:
        return "no weights"
    weights = rng.choice(list(model.graph.initializer))
    weights.ClearField("raw_data")
    weights.data_location = 1
    place = rng.choice(_PLACES)
    for key, value in (("location", place), ("offset", str(rng.choice(INTEGERS))), ("length", str(2**40))):
        if key == "location" or rng.random() < 0.4:
            entry = weights.external_data.add()
            entry.key, entry.value = key, value
    return f"weights in {place[:20]!r}"


def _huge(rng: random.Random, model: Any) -> str:
    """A small file that asks for a large answer: a constant shape, filled."""
    import onnx

    shape = rng.choice(([2**20, 2**20], [2**34], [2**62], [-1], [2**31, 2], [0], [40_000, 40_000]))
    name = rng.choice(("ConstantOfShape", "Expand", "Tile"))
    model.graph.initializer.append(onnx.helper.make_tensor("fuzz_shape", 7, [len(shape)], shape))
    model.graph.initializer.append(onnx.helper.make_tensor("fuzz_one", 1, [1], [1.0]))
    inputs = ["fuzz_shape"] if name == "ConstantOfShape" else ["fuzz_one", "fuzz_shape"]
    model.graph.node.insert(0, onnx.helper.make_node(name, inputs, ["fuzz_huge"]))
    model.graph.node.insert(1, onnx.helper.make_node("ReduceSum", ["fuzz_huge"], ["fuzz_sum"]))
    model.graph.output.append(onnx.helper.make_tensor_value_info("fuzz_sum", 1, None))
    return f"{name} of {shape}"


_CHANGES: tuple[Callable[[random.Random, Any], str], ...] = (
    *(any_field, any_field, any_field, any_field, _edge, _operator, _weights, _external, _huge),
)
