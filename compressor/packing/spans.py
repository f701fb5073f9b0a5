"""Where a TFLite file keeps its long lists of numbers: weights, and the scales and zero points of channels.

They are coded as the numbers that they are, and all else as text. Both sides look at the file with zeros in place of
the numbers, so that what is found needs no telling.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

SCALES, ZERO_POINTS, NUMBERS = range(3)
UNIT = {SCALES: 4, ZERO_POINTS: 8, NUMBERS: 1}
_LEAST = {SCALES: 2, ZERO_POINTS: 2, NUMBERS: 8}
_BIASED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
# Places of fields in the tables of TFLite's schema, as flatbuffers number them.
_DATA, _SCALE, _ZERO_POINT = 4, 8, 10
UNREADABLE = (struct.error, IndexError, ValueError, TypeError, AttributeError, OverflowError, KeyError)


@dataclass(frozen=True, slots=True)
class Span:
    """A list of numbers in a file: `count` of `UNIT[kind]` bytes from `start` on; the word before says how many.

    Attributes:
        dtype: of numbers, as numpy names it.
        row: how many of them belong to one entry of the first axis.
        step: how far apart neighbours of the innermost axis but one are.
        scales: where the scales of its channels begin, and how many they are; nothing without such.
        stride: how many numbers lie between a channel and the next.
        of: of a bias's scales, where the scales of its weights begin; the bias has them times `times`.
    """

    start: int
    kind: int
    count: int
    dtype: str = "uint8"
    row: int = 1
    step: int = 1
    scales: tuple[int, int] = (0, 0)
    stride: int = 1
    of: int | None = None
    times: float = 1.0

    @property
    def bytes(self) -> int:
        """Without what fills it up to a whole word."""
        return self.count * UNIT[self.kind]

    @property
    def end(self) -> int:
        """With what fills it up to a whole word."""
        return self.start + (self.bytes + 3) // 4 * 4


def found(content: bytes) -> dict[int, Span]:
    """The lists of a TFLite file by where they begin, in order, none of them on top of another.

    Raises:
        ValueError, struct.error, IndexError and others of `UNREADABLE`: it is no sound TFLite file.
    """
    spans: dict[int, Span] = {}
    end = 0
    for span in sorted(_all(content), key=lambda each: (each.start, -each.count)):
        fits = span.start >= end + 4 and span.end <= len(content)
        if fits and span.count >= _LEAST[span.kind]:
            spans[span.start] = span
            end = span.end
    return spans


def _all(content: bytes) -> Iterator[Span]:
    from ai_edge_litert.schema_py_generated import Model

    model = Model.GetRootAs(content, 0)
    # Of the last tensor that a buffer or a list belongs to, where there are several.
    for number in range(_counted(model.SubgraphsLength(), content)):
        graph = model.Subgraphs(number)
        biases = _biases(model, graph, content)
        for index in range(_counted(graph.TensorsLength(), content)):
            yield from _of_tensor(model, graph.Tensors(index), biases.get(index))


def _of_tensor(model: Any, tensor: Any, weights: tuple[int, float] | None) -> Iterator[Span]:
    quantization = tensor.Quantization()
    if quantization is not None:
        if quantization.ScaleLength():
            of, times = weights or (None, 1.0)
            place = _place(quantization, _SCALE)
            yield Span(place, SCALES, quantization.ScaleLength(), of=of if of != place else None, times=times)
        if quantization.ZeroPointLength():
            yield Span(_place(quantization, _ZERO_POINT), ZERO_POINTS, quantization.ZeroPointLength())
    buffer = model.Buffers(tensor.Buffer())
    if buffer is None or not buffer.DataLength():
        return
    shape = [tensor.Shape(axis) for axis in range(min(tensor.ShapeLength(), 8))]
    dtype = _DTYPES.get(tensor.Type(), "uint8")
    numbers = buffer.DataLength() // np.dtype(dtype).itemsize
    row = numbers // shape[0] if shape and 0 < shape[0] <= numbers else numbers
    step = shape[-1] if shape and 0 < shape[-1] <= numbers else 1
    scales, stride = _channels(quantization, shape)
    yield Span(_place(buffer, _DATA), NUMBERS, buffer.DataLength(), dtype, max(row, 1), step, scales, stride)


def _channels(quantization: Any, shape: list[int]) -> tuple[tuple[int, int], int]:
    """Where the scales of a tensor's channels are, and how far apart channels are."""
    axis = 0 if quantization is None else quantization.QuantizedDimension()
    count = 0 if quantization is None else quantization.ScaleLength()
    if count < _LEAST[SCALES] or not 0 <= axis < len(shape) or shape[axis] != count or min(shape) < 1:
        return (0, 0), 1
    return (_place(quantization, _SCALE), count), prod(shape[axis + 1 :])


# TensorType of TFLite's schema.
_DTYPES = {0: "float32", 1: "float16", 2: "int32", 4: "int64", 7: "int16", 9: "int8"}


def _biases(model: Any, graph: Any, content: bytes) -> dict[int, tuple[int, float]]:
    """Of each quantized bias, where the scales of its weights are, and the scale of what they are multiplied with."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    kinds = {getattr(BuiltinOperator, name) for name in _BIASED}
    known: dict[int, tuple[int, float]] = {}
    for number in range(_counted(graph.OperatorsLength(), content)):
        operator = graph.Operators(number)
        code = model.OperatorCodes(operator.OpcodeIndex())
        if max(code.BuiltinCode(), code.DeprecatedBuiltinCode()) not in kinds or operator.InputsLength() < 3:
            continue
        source, weights, bias = (operator.Inputs(place) for place in range(3))
        if min(source, weights, bias) < 0:
            continue
        own, theirs = (graph.Tensors(index).Quantization() for index in (source, weights))
        if own is not None and theirs is not None and own.ScaleLength() == 1 and theirs.ScaleLength():
            known[bias] = (_place(theirs, _SCALE), own.Scale(0))
    return known


def _place(table: Any, field: int) -> int:
    """Where a list of a table begins."""
    return int(table._tab.Vector(table._tab.Offset(field)))


def _counted(number: int, content: bytes) -> int:
    """A length that the file may state: every entry takes bytes."""
    if number > len(content) // 4:
        raise ValueError("more entries than bytes")
    return number
