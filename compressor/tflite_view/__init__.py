"""The read-only view of a TFLite file that rules look at; the schema comes with LiteRT."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from compressor.errors import BadInput
from compressor.values import Array

_IDENTIFIER = slice(4, 8)
_DTYPES = {
    "FLOAT32": np.float32,
    "FLOAT16": np.float16,
    "INT8": np.int8,
    "UINT8": np.uint8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
}
_LARGEST_SHARE = 4
_UNREADABLE = (struct.error, IndexError, ValueError, TypeError, AttributeError, OverflowError, KeyError)


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A tensor; `stored` are the bytes of a constant.

    Attributes:
        signature: the shape with -1 where a size is free; the shape itself where nothing is.
        type: name in the schema, such as INT8.
        scales: one for a tensor quantized as a whole, one per channel, or none.
        variable: it keeps what it holds from one run to the next.
        axis: the one that has a scale for each of its entries, where there are several.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    type: str
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    variable: bool
    stored: Array | None
    axis: int = 0

    @property
    def constant(self) -> bool:
        """Its numbers are in the file."""
        return self.stored is not None

    @property
    def title(self) -> str:
        """Its name, of a fused operator's output the first of several."""
        return self.name.split(";")[0]

    @property
    def dynamic(self) -> bool:
        """A size is not known before it runs."""
        return any(size < 1 for size in (*self.signature, *self.shape))

    @property
    def dynamic_in_batch_alone(self) -> bool:
        """The one size that is not known is the first, and the file states one for it."""
        return self.dynamic and all(size >= 1 for size in (*self.signature[1:], *self.shape))

    @property
    def quantized(self) -> bool:
        """Its integers stand for real numbers."""
        return bool(self.scales) and all(scale > 0 for scale in self.scales)

    @property
    def elements(self) -> int:
        """How many numbers it has; free sizes count as one."""
        return prod(max(size, 1) for size in self.shape)

    @property
    def bytes(self) -> int:
        """Stored bytes of a constant."""
        return 0 if self.stored is None else int(self.stored.size)

    @property
    def values(self) -> Array:
        """The numbers of a constant, as stored, in its shape.

        Raises:
            BadInput: they do not fill the shape.
        """
        stored = np.zeros(0, np.uint8) if self.stored is None else self.stored
        try:
            return np.frombuffer(stored.tobytes(), _DTYPES[self.type]).reshape(self.shape)
        except (ValueError, KeyError):
            raise BadInput(f"the tensor {self.name} holds other numbers than its shape and type say") from None


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """An operator, linked to the tensors it reads and writes; an input that is left out is None.

    Attributes:
        op: name in the schema, such as CONV_2D; of a custom operator, its own.
    """

    index: int
    op: str
    custom: bool
    version: int
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    options: Any

    def option(self, name: str) -> int:
        """A number of its options; 0, the schema's default, where they are not stored."""
        value = getattr(self.options, name, 0)
        return int(value) if isinstance(value, int) else 0

    @property
    def activations(self) -> tuple[Tensor, ...]:
        """The tensors it reads that are computed, and those it writes."""
        read = (tensor for tensor in self.inputs if tensor and not tensor.constant and not tensor.variable)
        return (*read, *self.outputs)

    @property
    def constants(self) -> tuple[Tensor, ...]:
        """The tensors it reads that are in the file."""
        return tuple(tensor for tensor in self.inputs if tensor and tensor.constant)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The main graph of a file; operators stand in the order they run in."""

    operators: tuple[Operator, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    subgraphs: int


def read(path: Path) -> View:
    """Read a `.tflite` file.

    Raises:
        BadInput: no such file, or no TFLite model.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from None
    return parse(content, str(path))


def parse(content: bytes, name: str = "the file") -> View:
    """The view of a file's content.

    Raises:
        BadInput: it is no TFLite model.
    """
    expected = "a .tflite file as a converter wrote it"
    if content[_IDENTIFIER] != b"TFL3":
        raise BadInput(f"{name} is no TFLite model", expected=expected, received=f"{len(content)} other bytes")
    try:
        return _view(content)
    except _UNREADABLE as error:
        told = " ".join(str(error).split())[:120]
        raise BadInput(f"{name} is a damaged TFLite model", expected=expected, received=told) from None


def _view(content: bytes) -> View:
    from ai_edge_litert.schema_py_generated import ModelT

    model = ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    _check_shared(graph, len(content))
    tensors = [_tensor(index, each, model, content) for index, each in enumerate(graph.tensors or [])]
    operators = (_operator(index, each, model, tensors) for index, each in enumerate(graph.operators or []))
    return View(
        tuple(operators),
        tuple(_at(tensors, graph.inputs)),
        tuple(_at(tensors, graph.outputs)),
        len(model.subgraphs),
    )


def _check_shared(graph: Any, size: int) -> None:
    """See that lists do not share their bytes, by which a small file could unfold to any size."""
    lists = [each for made in graph.operators or [] for each in (made.inputs, made.outputs)]
    for tensor in graph.tensors or []:
        quantization = tensor.quantization
        lists += [tensor.name, tensor.shape, tensor.shapeSignature, getattr(quantization, "scale", None)]
        lists.append(getattr(quantization, "zeroPoint", None))
    if sum(len(each) for each in lists if each is not None) > _LARGEST_SHARE * size:
        raise ValueError("its lists lie on top of one another")


def _tensor(index: int, made: Any, model: Any, content: bytes) -> Tensor:
    quantization = made.quantization
    shape = _numbers(made.shape)
    return Tensor(
        index,
        (made.name or b"").decode(errors="replace"),
        shape,
        _numbers(made.shapeSignature) or shape,
        _name_of("TensorType", made.type),
        () if quantization is None or quantization.scale is None else tuple(map(float, quantization.scale)),
        () if quantization is None else _numbers(quantization.zeroPoint),
        bool(made.isVariable),
        _stored(model.buffers[made.buffer], content),
        0 if quantization is None else int(quantization.quantizedDimension),
    )


def _stored(buffer: Any, content: bytes) -> Array | None:
    if buffer.data is not None and len(buffer.data):
        return np.asarray(buffer.data, np.uint8)
    # Files of 2 GB and more keep their constants behind the flatbuffer.
    if buffer.offset > 1 and buffer.size:
        return np.frombuffer(content, np.uint8, int(buffer.size), int(buffer.offset))
    return None


def _operator(index: int, made: Any, model: Any, tensors: list[Tensor]) -> Operator:
    code = model.operatorCodes[made.opcodeIndex]
    op = _name_of("BuiltinOperator", max(int(code.builtinCode), int(code.deprecatedBuiltinCode)))
    custom = op == "CUSTOM"
    inputs = tuple(None if place < 0 else tensors[place] for place in _numbers(made.inputs))
    named = (code.customCode or b"CUSTOM").decode(errors="replace") if custom else op
    return Operator(
        index, named, custom, int(code.version), inputs, tuple(_at(tensors, made.outputs)), made.builtinOptions
    )


def _at(tensors: list[Tensor], places: Any) -> Iterator[Tensor]:
    for place in _numbers(places):
        if place < 0:
            raise IndexError(f"a tensor of number {place}")
        yield tensors[place]


def _numbers(values: Any) -> tuple[int, ...]:
    return () if values is None else tuple(int(value) for value in values)


def _name_of(kind: str, value: int) -> str:
    return _names(kind).get(int(value), f"{kind} {value}")


@cache
def _names(kind: str) -> dict[int, str]:
    from ai_edge_litert import schema_py_generated

    return {value: name for name, value in vars(getattr(schema_py_generated, kind)).items() if isinstance(value, int)}
