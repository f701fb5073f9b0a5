"""NCNN's `.bin`: the weights of all layers one after the other, without names or sizes.

How many there are follows from each layer's parameters: `load_model` of every layer in Tencent/ncnn, src/layer. A
tensor is either plain float32, or begins with a tag that names its number format (src/modelbin.cpp) and fills up to 4
bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compressor.errors import Refused
from compressor.ncnn_model.param import Layer
from compressor.values import Array

FLOAT32_TAG, FLOAT16_TAG, INT8_TAG = 0, 0x01306B47, 0x000D4B38
_DTYPES: dict[int, np.dtype[Any]] = {
    FLOAT32_TAG: np.dtype("<f4"),
    FLOAT16_TAG: np.dtype("<f2"),
    INT8_TAG: np.dtype("i1"),
}
_TAGS = {dtype: tag for tag, dtype in _DTYPES.items()}


@dataclass(frozen=True, slots=True)
class Tensor:
    """Numbers of one tensor, flat; `tagged` ones may be float16 or int8, plain ones are float32."""

    values: Array
    tagged: bool = False

    @property
    def stored(self) -> bytes:
        """Its bytes in the file."""
        if not self.tagged:
            return self.values.astype("<f4").tobytes()
        content = self.values.tobytes()
        return struct.pack("<I", _TAGS[self.values.dtype]) + content + bytes(-len(content) % 4)


Weights = Mapping[str, tuple[Tensor, ...]]


def read(layers: Sequence[Layer], content: bytes) -> dict[str, tuple[Tensor, ...]]:
    """The tensors of every layer that has some, by layer name.

    Raises:
        Refused: a layer's tensors are not known here; the sum of all sizes tells.
    """
    found: dict[str, tuple[Tensor, ...]] = {}
    at = 0
    for layer in layers:
        tensors = []
        for count, tagged in _sizes(layer):
            if count > 0:
                tensor, at = _read_one(content, at, count, tagged, layers)
                tensors.append(tensor)
        if tensors:
            found[layer.name] = tuple(tensors)
    if at != len(content):
        raise _unknown(layers)
    return found


def write(layers: Sequence[Layer], weights: Weights) -> bytes:
    """The `.bin` of these layers."""
    return b"".join(tensor.stored for layer in layers for tensor in weights.get(layer.name, ()))


def _read_one(content: bytes, at: int, count: int, tagged: bool, layers: Sequence[Layer]) -> tuple[Tensor, int]:
    tag = FLOAT32_TAG
    if tagged:
        (tag,) = struct.unpack_from("<I", content.ljust(at + 4, b"\xff"), at)
        at += 4
    dtype = _DTYPES.get(tag)
    if dtype is None or at + count * dtype.itemsize > len(content):
        raise _unknown(layers)
    values = np.frombuffer(content, dtype, count, at)
    size = count * dtype.itemsize
    return Tensor(values, tagged), at + size + (-size % 4 if tagged else 0)


def _unknown(layers: Sequence[Layer]) -> Refused:
    strange = sorted({layer.kind for layer in layers} - set(_TENSORS) - _EMPTY)
    return Refused(
        "the weights of the converted network cannot be told apart" + (f": {', '.join(strange)}" if strange else "")
    )


_Sizes = list[tuple[int, bool]]


def _sizes(layer: Layer) -> _Sizes:
    return _TENSORS[layer.kind](layer) if layer.kind in _TENSORS else []


def _convolution(layer: Layer) -> _Sizes:
    if layer.number(19):
        return []
    outputs = layer.number(0)
    scales = [(layer.number(7, 1) if layer.number(8) == 1 else outputs, False), (1, False)] if layer.number(8) else []
    return [(layer.number(6), True), (outputs * layer.number(5), False), *scales]


def _inner_product(layer: Layer) -> _Sizes:
    outputs = layer.number(0)
    scales = [(outputs, False), (1, False)] if layer.number(8) else []
    return [(layer.number(2), True), (outputs * layer.number(1), False), *scales]


def _recurrent(gates: int, biases: int) -> Callable[[Layer], _Sizes]:
    def sizes(layer: Layer) -> _Sizes:
        outputs, directions = layer.number(0), 2 if layer.number(2) == 2 else 1
        # Only an LSTM can be projected to fewer outputs than it has cells.
        hidden = layer.number(3, outputs) if gates == 4 else outputs
        projection = [(hidden * outputs * directions, True)] if hidden != outputs else []
        state = (outputs * hidden * gates * directions, True)
        return [(layer.number(1), True), (hidden * biases * directions, True), state, *projection]

    return sizes


def _affine(size: int, affine: int) -> Callable[[Layer], _Sizes]:
    def sizes(layer: Layer) -> _Sizes:
        return [(layer.number(size), False)] * 2 if layer.number(affine, 1) else []

    return sizes


def _gemm(layer: Layer) -> _Sizes:
    m, n, k = layer.number(7), layer.number(8), layer.number(9)
    third = {0: 1, 1: m, 2: m, 3: n * m, 4: n}.get(layer.number(10), 0)
    constant = (m * k * layer.number(4), n * k * layer.number(5), third * layer.number(6))
    return [(count, True) for count in constant]


def _memory(layer: Layer) -> _Sizes:
    count = 1
    for key in (0, 1, 2, 11):
        count *= max(layer.number(key), 1)
    return [(count, layer.number(21, 1) == 0)]


def _scale(layer: Layer) -> _Sizes:
    count = layer.number(0)
    return [(count, False), (count * layer.number(1), False)] if count > 0 else []


def _embed(layer: Layer) -> _Sizes:
    return [(layer.number(3), True), (layer.number(0) * layer.number(2), False)]


# Layers with weights that pnnx makes of usual networks.
_TENSORS: dict[str, Callable[[Layer], _Sizes]] = {
    **dict.fromkeys(
        (
            f"{kind}{way}{dimensions}"
            for kind in ("Convolution", "Deconvolution")
            for way in ("", "DepthWise")
            for dimensions in ("", "1D", "3D")
        ),
        _convolution,
    ),
    "InnerProduct": _inner_product,
    "LSTM": _recurrent(4, 4),
    "GRU": _recurrent(3, 4),
    "RNN": _recurrent(1, 1),
    "BatchNorm": lambda layer: [(layer.number(0), False)] * 4,
    "LayerNorm": _affine(0, 2),
    "GroupNorm": _affine(1, 3),
    "InstanceNorm": lambda layer: [(layer.number(0), False)] * 2 if layer.number(2, 1) else [],
    "PReLU": lambda layer: [(layer.number(0), False)],
    "Bias": lambda layer: [(layer.number(0), False)],
    "Scale": _scale,
    "MemoryData": _memory,
    "Embed": _embed,
    "Gemm": _gemm,
}
_EMPTY = {
    *("Input", "Split", "Pooling", "ReLU", "Softmax", "Sigmoid", "TanH", "Reshape", "Permute", "Squeeze", "ExpandDims"),
    *("BinaryOp", "UnaryOp", "Concat", "Crop", "Slice", "Flatten", "Padding", "Clip", "Dropout", "Noop", "Interp"),
    *("HardSwish", "HardSigmoid", "Swish", "ELU", "SELU", "GELU", "Reduction", "MatMul", "Eltwise", "Pooling1D"),
}
