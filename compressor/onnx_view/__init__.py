"""The read-only view of an ONNX file that the rules of a linter and of placement look at."""

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.onnx_view import reader, shapes
from compressor.onnx_view.reader import RawGraph, RawValue
from compressor.onnx_view.shapes import Shape
from compressor.onnx_view.tensors import Constant, type_name

LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
# Dequantizing before or after these gives the same values, so they do not come between Q/DQ and a layer.
COMMUTING = ("Cast", "Flatten", "Identity", "MaxPool", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
TYPE_ATTRIBUTES = ("to", "dtype", "output_dtype", "output_datatype")


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A value in the graph; only constants have a value, and a type where the file states one."""

    name: str = ""
    type: str = ""
    shape: Shape = None
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
    """An operator, linked to the tensors it reads; attributes that are types are names of types.

    `made`: names and shapes of what it writes.
    """

    op: str
    name: str
    inputs: tuple[Tensor, ...]
    attributes: Mapping[str, Any]
    domain: str = ""
    made: tuple[tuple[str, Shape], ...] = ()

    def input(self, index: int) -> Tensor:
        return self.inputs[index] if index < len(self.inputs) else Tensor()

    @property
    def shape(self) -> Shape:
        """The shape of its first output; None where it is not known."""
        return self.made[0][1] if self.made else None

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


def elements(shape: Shape) -> int:
    """How many numbers; free sizes count as one, and so does an unknown shape."""
    return prod(max(size or 1, 1) for size in shape) if shape is not None else 1


def read(path: Path) -> Graph:
    """The view of the ONNX file at `path`.

    Raises:
        BadInput: no such file, or no ONNX model.
    """
    opset, graph = reader.read(path)
    constants = {tensor.name for tensor in graph.constants}
    inputs = tuple(_input(value) for value in graph.inputs if value.name not in constants)
    return Graph(opset, inputs, tuple(_nodes(graph, ChainMap())))


def _nodes(graph: RawGraph, outer: ChainMap[str, Tensor]) -> Iterator[Node]:
    """The nodes in order, those of a body before the node that runs it; a body sees the names around it."""
    scope = outer.new_child({value.name: _input(value) for value in graph.inputs})
    scope.update({tensor.name: _constant(tensor.name, tensor) for tensor in graph.constants})
    stated = {value.name: value for value in (*graph.values, *graph.outputs) if value.shape is not None}
    for raw in graph.nodes:
        if raw.op == "Constant" and raw.attributes:
            scope[raw.outputs[0] if raw.outputs else ""] = _constant(
                raw.outputs[0] if raw.outputs else "", next(iter(raw.attributes.values()))
            )
            continue
        for body in raw.attributes.values():
            if isinstance(body, RawGraph):
                yield from _nodes(body, scope)
        inputs = tuple(scope.get(name) or Tensor(name) for name in raw.inputs)
        attributes = _with_type_names(raw.attributes)
        inferred = shapes.infer(raw.op, inputs, attributes, len(raw.outputs))
        made = tuple(
            (name, stated[name].shape if name in stated else shape)
            for name, shape in zip(raw.outputs, inferred, strict=True)
        )
        name = raw.name or next(iter(raw.outputs), "")
        node = Node(raw.op, name, inputs, attributes, raw.domain, made)
        scope.update({name: Tensor(name, shape=shape, producer=node) for name, shape in made})
        yield node


def _input(value: RawValue) -> Tensor:
    return Tensor(value.name, value.type, value.shape)


def _constant(name: str, content: Any) -> Tensor:
    if isinstance(content, Constant):
        return Tensor(name, content.type, content.shape, content.value)
    value = np.asarray(content)
    kinds = {"f": "float", "i": "int64", "U": "string"}
    return Tensor(name, kinds.get(value.dtype.kind, ""), value.shape, value)


def _with_type_names(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A type instead of its number, and instead of a tensor (the fill value of ConstantOfShape) its type."""
    return {name: _with_type_name(name, value) for name, value in attributes.items()}


def _with_type_name(name: str, value: Any) -> Any:
    if isinstance(value, Constant):
        return value.type
    return type_name(value) if name in TYPE_ATTRIBUTES and isinstance(value, int) and value else value
