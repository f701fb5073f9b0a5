"""The read-only view of an ONNX file that the rules of a linter look at."""

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import GraphProto, ValueInfoProto

LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
# Dequantizing before or after these gives the same values, so they do not come between Q/DQ and a layer.
COMMUTING = ("Cast", "Flatten", "Identity", "MaxPool", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
TYPE_ATTRIBUTES = ("to", "dtype", "output_dtype", "output_datatype")


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A value in the graph; only inputs and constants have a type and a shape, only constants a value."""

    name: str = ""
    type: str = ""
    shape: tuple[int | None, ...] | None = None
    value: NDArray[Any] | None = None
    producer: "Node | None" = None

    def made_by(self, *ops: str) -> "Node | None":
        return self.producer if self.producer and self.producer.op in ops else None

    @property
    def source(self) -> "Tensor":
        """Where this comes from, looking through the operators that only move or rename values."""
        tensor = self
        while producer := tensor.made_by(*COMMUTING):
            tensor = producer.input(0)
        return tensor

    @property
    def dequantizer(self) -> "Node | None":
        return self.source.made_by("DequantizeLinear")

    @property
    def is_weight(self) -> bool:
        dequantizer = self.dequantizer
        return (dequantizer.data if dequantizer else self).source.value is not None

    @property
    def layer(self) -> "Node | None":
        """The layer that made this tensor, be it directly or with a Q/DQ pair in between."""
        dequantizer = self.made_by("DequantizeLinear")
        return (dequantizer.data if dequantizer else self).made_by(*LAYERS)


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """An operator, linked to the tensors it reads; attributes that are types are names of types."""

    op: str
    name: str
    inputs: tuple[Tensor, ...]
    attributes: Mapping[str, Any]

    def input(self, index: int) -> Tensor:
        return self.inputs[index] if index < len(self.inputs) else Tensor()

    @property
    def data(self) -> Tensor:
        """What a Q or DQ node quantizes: int8 before a lone DQ, float before a Q/DQ pair: it is the same."""
        quantizer = self.input(0).made_by("QuantizeLinear") if self.op == "DequantizeLinear" else None
        return (quantizer or self).input(0)

    @property
    def scale(self) -> NDArray[np.float64] | None:
        """The scale of a Q or DQ node, where it is a constant."""
        scale = self.input(1).source.value
        return None if scale is None else scale.astype(np.float64)

    @property
    def channel_scale(self) -> NDArray[np.float64] | None:
        return self.scale if self.scale is not None and self.scale.size > 1 else None

    @property
    def quantized_type(self) -> str:
        """The integer side of a Q or DQ node as ONNX defines it, empty where the file does not tell."""
        if self.op == "QuantizeLinear" and self.attributes.get("output_dtype"):
            return str(self.attributes["output_dtype"])
        if self.input(2).name:
            cast = self.input(2).made_by("Cast")
            return str(cast.attributes["to"]) if cast else self.input(2).source.type
        if self.op == "QuantizeLinear":
            return "uint8"
        quantizer = self.input(0).made_by("QuantizeLinear")
        return quantizer.quantized_type if quantizer else self.input(0).type

    @property
    def codes(self) -> NDArray[Any] | None:
        """The integers that a DQ node reads, where constant: stored ones, or what the Q before it writes."""
        stored, weight, scale = self.input(0).value, self.data.value, self.scale
        if stored is not None or weight is None or scale is None:
            return stored
        if scale.size == 1:
            return np.rint(weight / scale.reshape(()))
        axis = self.attributes.get("axis", 1)
        fits = -weight.ndim <= axis < weight.ndim and scale.shape == (weight.shape[axis],)
        return np.rint(np.moveaxis(weight, axis, -1) / scale) if fits else None


@dataclass(frozen=True, slots=True)
class Graph:
    """An ONNX file with its functions inlined; constants are no nodes, the bodies of If and Loop are."""

    opset: int
    inputs: tuple[Tensor, ...]
    nodes: tuple[Node, ...]

    def select(self, *ops: str) -> Iterator[Node]:
        return (node for node in self.nodes if node.op in ops)

    def quantizers(self) -> Iterator[Node]:
        return self.select("QuantizeLinear", "DequantizeLinear")


def read(path: Path) -> Graph:
    """The view of the ONNX file at `path`."""
    import onnx
    from onnx import inliner

    model = onnx.load(path)
    if model.functions:
        model = inliner.inline_local_functions(model)
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = tuple(_input(value) for value in model.graph.input if value.name not in constants)
    return Graph(opset, inputs, tuple(_nodes(model.graph, ChainMap())))


def _nodes(graph: "GraphProto", outer: ChainMap[str, Tensor]) -> Iterator[Node]:
    """The nodes in order, those of a body before the node that runs it; a body sees the names around it."""
    import onnx

    scope = outer.new_child({value.name: _input(value) for value in graph.input})
    scope.update({tensor.name: _constant(tensor.name, tensor) for tensor in graph.initializer})
    for proto in graph.node:
        attributes = {item.name: onnx.helper.get_attribute_value(item) for item in proto.attribute}
        if proto.op_type == "Constant":
            scope[proto.output[0]] = _constant(proto.output[0], next(iter(attributes.values())))
            continue
        for body in attributes.values():
            if isinstance(body, onnx.GraphProto):
                yield from _nodes(body, scope)
        inputs = tuple(scope.get(name) or Tensor(name) for name in proto.input)
        node = Node(proto.op_type, proto.name or proto.output[0], inputs, _with_type_names(attributes))
        scope.update({name: Tensor(name, producer=node) for name in proto.output})
        yield node


def _input(value: "ValueInfoProto") -> Tensor:
    spec = value.type.tensor_type
    sizes = (dim.dim_value for dim in spec.shape.dim)
    shape = tuple(size if size > 0 else None for size in sizes) if spec.HasField("shape") else None
    return Tensor(value.name, _type_name(spec.elem_type), shape)


def _constant(name: str, content: Any) -> Tensor:
    import onnx

    if not isinstance(content, onnx.TensorProto):
        return Tensor(name, value=np.asarray(content))
    value = onnx.numpy_helper.to_array(content)
    return Tensor(name, _type_name(content.data_type), value.shape, value)


def _with_type_names(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A type instead of its number, and instead of a tensor (the fill value of ConstantOfShape) its type."""
    numbers = {
        name: value if name in TYPE_ATTRIBUTES else value.data_type
        for name, value in attributes.items()
        if name in TYPE_ATTRIBUTES or hasattr(value, "data_type")
    }
    return {**attributes, **{name: _type_name(number) for name, number in numbers.items() if number}}


def _type_name(code: int) -> str:
    import onnx

    return str(onnx.TensorProto.DataType.Name(code)).lower()
