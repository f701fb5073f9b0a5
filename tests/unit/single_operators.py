"""Makers of single operators, for files that the rules of an Ethos-U and Vela itself are asked about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from tiny_tflite import File

Build = Callable[[File], None]


def simple(op: str, *shapes: tuple[int, ...], kinds: Sequence[str] = (), scales: Any = (), **options: Any) -> Build:
    """From the first shapes to the last."""
    every = tuple(kinds) or ("INT8",) * len(shapes)
    of = tuple(scales) or (0.1,) * len(shapes)

    def build(file: File) -> None:
        inputs = [
            file.input(shape, kind, scale=scale)
            for shape, kind, scale in zip(shapes[:-1], every[:-1], of[:-1], strict=True)
        ]
        file.add(op, inputs, [file.tensor(shapes[-1], every[-1], scale=of[-1])], **options)

    return build


def of(op: str, kind: str, inputs: int = 1) -> Build:
    """Four numbers of a type to four."""
    return simple(op, *[(1, 4)] * (inputs + 1), kinds=[kind] * (inputs + 1))


def with_(op: str, read: Any, made: Any, *values: Any, kind: str = "INT8", **options: Any) -> Build:
    """With constants behind what it reads."""

    def build(file: File) -> None:
        source = file.input(read, kind)
        constants = [file.constant(value, "INT32") for value in values]
        file.add(op, [source, *constants], [file.tensor(made, kind)], **options)

    return build


def scaled(op: str, zero_point: int | None, kind: str = "INT8", scales: Sequence[float] = (0.1,)) -> Build:
    """Its first input with these scales; without a zero point where that is None."""

    def build(file: File) -> None:
        source = file.input((1, 4), kind)
        quantization = schema.QuantizationParametersT()
        quantization.scale = list(scales)
        quantization.zeroPoint = None if zero_point is None else [zero_point] * len(scales)
        file._graph.tensors[source].quantization = quantization
        inputs = [source, file.input((1, 4), kind)] if op == "ADD" else [source]
        file.add(op, inputs, [file.tensor((1, 4), kind)])

    return build


def conv(
    op: str = "CONV_2D",
    read: tuple[int, ...] = (1, 16, 16, 4),
    made: tuple[int, ...] = (1, 16, 16, 8),
    kernel: tuple[int, int] = (3, 3),
    stride: tuple[int, int] = (1, 1),
    kind: str = "INT8",
    weight: int = 1,
    weight_kind: str = "INT8",
    bias: Any = None,
    bias_kind: str = "INT32",
    dilation: int = 1,
    valid: bool = False,
) -> Build:
    """A convolution; a bias that is True is computed."""

    def build(file: File) -> None:
        shape = (made[-1], *kernel, read[-1]) if op == "CONV_2D" else (1, *kernel, made[-1])
        inputs = [file.input(read, kind), file.constant(np.full(shape, weight), weight_kind)]
        if bias is True:
            inputs.append(file.input(made[-1:], "INT32"))
        elif bias is not None:
            inputs.append(file.constant(bias, bias_kind))
        options = {"strideH": stride[0], "strideW": stride[1], "padding": int(valid)}
        options |= {"dilationHFactor": dilation, "dilationWFactor": dilation}
        if op != "CONV_2D":
            options["depthMultiplier"] = max(1, made[-1] // read[-1])
        file.add(op, inputs, [file.tensor(made, kind)], version=3, **options)

    return build


def dense(
    read: tuple[int, ...] = (1, 8),
    weights: tuple[int, ...] = (4, 8),
    made: tuple[int, ...] = (1, 4),
    kind: str = "INT8",
    stored: bool = True,
    weight: int = 1,
    bias: Any = None,
) -> Build:
    """A matrix product, its weights stored or computed."""

    def build(file: File) -> None:
        places = [file.input(read, kind)]
        places.append(file.constant(np.full(weights, weight)) if stored else file.input(weights, kind))
        places.append(-1 if bias is None else file.constant(bias, "INT32"))
        file.add("FULLY_CONNECTED", places, [file.tensor(made, kind)], version=4, fusedActivationFunction=0)

    return build


def pool(op: str, read: Any, made: Any, window: tuple[int, int], stride: int = 1, valid: bool = False) -> Build:
    """A pooling."""
    options = {"filterHeight": window[0], "filterWidth": window[1], "strideH": stride, "strideW": stride}
    return simple(op, read, made, **options, padding=int(valid))


def resize(size: tuple[int, int], read: tuple[int, int] = (8, 8), nearest: bool = False, **options: Any) -> Build:
    """A resize of two channels."""
    op = "RESIZE_NEAREST_NEIGHBOR" if nearest else "RESIZE_BILINEAR"
    return with_(op, (1, *read, 2), (1, *size, 2), list(size), **(options or {"alignCorners": False}))


def transposed(
    made: tuple[int, int], stride: tuple[int, int], read: Any = (4, 4), kernel: Any = (3, 3), valid: bool = False
) -> Build:
    """A transposed convolution from two channels to eight."""

    def build(file: File) -> None:
        shape, weights = file.constant([1, *made, 8], "INT32"), file.constant(np.ones((8, *kernel, 2)))
        options = {"strideH": stride[0], "strideW": stride[1], "padding": int(valid)}
        inputs = [shape, weights, file.input((1, *read, 2))]
        file.add("TRANSPOSE_CONV", inputs, [file.tensor((1, *made, 8))], version=2, **options)

    return build


def mean(read: tuple[int, ...], made: tuple[int, ...], *axes: int, kind: str = "INT8") -> Build:
    """An average over axes."""
    return with_("MEAN", read, made, list(axes), kind=kind)


def turned(read: tuple[int, ...], *order: int, kind: str = "INT8") -> Build:
    """A transposition."""
    return with_("TRANSPOSE", read, tuple(read[axis] for axis in order), list(order), kind=kind)


def strided(read: tuple[int, ...], made: tuple[int, ...], *strides: int) -> Build:
    """Every so many of each axis."""
    begin = [size - 1 if stride < 0 else 0 for size, stride in zip(read, strides, strict=True)]
    end = [-size - 1 if stride < 0 else size for size, stride in zip(read, strides, strict=True)]
    return with_("STRIDED_SLICE", read, made, begin, end, list(strides), beginMask=0)


def largest(read: tuple[int, ...], made: tuple[int, ...], axis: int) -> Build:
    """An ARG_MAX."""

    def build(file: File) -> None:
        inputs = [file.input(read), file.constant(axis, "INT32")]
        file.add("ARG_MAX", inputs, [file.tensor(made, "INT32")], outputType=2)

    return build


def parts(count: int, stated: int) -> Build:
    """A split."""

    def build(file: File) -> None:
        inputs = [file.constant(3, "INT32"), file.input((1, 4, 4, 4))]
        made = [file.tensor((1, 4, 4, 4 // stated)) for _ in range(count)]
        file.add("SPLIT", inputs, made, numSplits=stated)

    return build


def gather(axis: int, made: tuple[int, ...]) -> Build:
    """Rows of a table."""

    def build(file: File) -> None:
        inputs = [file.constant(np.ones((20, 4))), file.input((1, 3), "INT32")]
        file.add("GATHER", inputs, [file.tensor(made)], axis=axis, batchDims=0)

    return build


def scatter(*places: int) -> Build:
    """Rows of zeros, some replaced."""

    def build(file: File) -> None:
        rows = file.input((len(places), 4))
        inputs = [file.constant([[place] for place in places], "INT32"), rows, file.constant([5, 4], "INT32")]
        file.add("SCATTER_ND", inputs, [file.tensor((5, 4))])

    return build


def free(signature: tuple[int, ...]) -> Build:
    """Sizes that are known at run time only."""

    def build(file: File) -> None:
        file.add("LOGISTIC", [file.input((1, 4), signature=signature)], [file.tensor((1, 4), signature=signature)])

    return build
