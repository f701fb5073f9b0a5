"""The layers of an NCNN model as an inspection tells them, with multiply-accumulates as far as sizes are told."""

from __future__ import annotations

from typing import NamedTuple

from compressor.ncnn_model.container import End, NcnnModel
from compressor.ncnn_model.param import Layer, parse
from compressor.placing import Listed

# Channels, height, width; None where the size is not followed.
_Size = tuple[int, int, int] | None
# Types of layers whose answers are as large as what they read. Names of parameters are those of NCNN's
# docs/developer-guide/operators.md.
_AS_LARGE = {
    *("BatchNorm", "BinaryOp", "Cast", "Clip", "Dropout", "ELU", "Eltwise", "GELU", "HardSigmoid", "HardSwish", "Mish"),
    *("Noop", "PReLU", "Quantize", "ReLU", "Requantize", "Dequantize", "SELU", "Scale", "Sigmoid", "Softmax", "Split"),
    *("Swish", "TanH", "UnaryOp"),
}
_SAME_PADDING = (-233, -234)


class _Window(NamedTuple):
    """Numbers of the parameters of a window in one direction."""

    kernel: int
    dilation: int
    stride: int
    before: int
    after: int


_ACROSS, _DOWN = _Window(1, 2, 3, 4, 15), _Window(11, 12, 13, 14, 16)


def listed(model: NcnnModel) -> tuple[Listed, ...]:
    """Every layer in the order of the file; pnnx does not keep the names of the Keras layers."""
    sizes: dict[str, _Size] = {end.blob: _size(end) for end in model.inputs}
    makers: dict[str, int] = {}
    found = []
    for index, layer in enumerate(parse(model.param)):
        given = sizes.get(layer.inputs[0]) if layer.inputs else sizes.get(layer.outputs[0])
        made = _made(layer, given)
        sizes |= dict.fromkeys(layer.outputs, made)
        output = layer.outputs[0] if layer.outputs else ""
        reads = tuple(dict.fromkeys(makers[blob] for blob in layer.inputs if blob in makers))
        makers |= dict.fromkeys(layer.outputs, index)
        found.append(Listed(index, layer.kind, output, "", _macs(layer, made), reads))
    return tuple(found)


def _size(end: End) -> _Size:
    sizes = [end.shape[axis] for axis in end.axes]
    channels, height, width = ([1] * 3 + sizes)[-3:]
    return (channels, height, width) if len(sizes) <= 3 and not end.keeps_first else None


def _made(layer: Layer, given: _Size) -> _Size:
    if layer.kind in ("Convolution", "ConvolutionDepthWise") and given is not None:
        _, height, width = given
        return layer.number(0), _steps(height, layer, _DOWN), _steps(width, layer, _ACROSS)
    if layer.kind == "Pooling" and given is not None:
        return _pooled(layer, given)
    if layer.kind == "InnerProduct":
        return 1, 1, layer.number(0)
    return given if layer.kind in (*_AS_LARGE, "Input") else None


def _steps(size: int, layer: Layer, keys: _Window) -> int:
    """How many steps a window makes; what is not told of one direction is that of the other."""
    window = layer.number(keys.kernel, layer.number(_ACROSS.kernel))
    apart = layer.number(keys.dilation, layer.number(_ACROSS.dilation, 1))
    step = layer.number(keys.stride, layer.number(_ACROSS.stride, 1))
    before = layer.number(keys.before, layer.number(_ACROSS.before))
    if before in _SAME_PADDING:
        return -(-size // step)
    after = layer.number(keys.after, before)
    return (size + before + after - apart * (window - 1) - 1) // step + 1


def _pooled(layer: Layer, given: tuple[int, int, int]) -> _Size:
    channels, height, width = given
    if layer.number(4):
        return 1, 1, channels
    kernels = layer.number(1), layer.number(11, layer.number(1))
    strides = layer.number(2, 1), layer.number(12, layer.number(2, 1))
    plain = not any(layer.number(pad) for pad in (3, 13, 14, 15)) and layer.number(5) in (0, 1)
    if not plain:
        return None
    ceiling = layer.number(5) == 0
    across, down = (
        (size - kernel + (step - 1) * ceiling) // step + 1
        for size, kernel, step in zip((width, height), kernels, strides, strict=True)
    )
    return channels, down, across


def _macs(layer: Layer, made: _Size) -> int:
    """Products of one sample; 0 where the size of the answers is not known."""
    if layer.kind == "InnerProduct":
        return layer.number(2)
    if layer.kind not in ("Convolution", "ConvolutionDepthWise") or made is None:
        return 0
    return layer.number(6) * made[1] * made[2]
