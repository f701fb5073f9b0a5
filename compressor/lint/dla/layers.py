"""D2 to D7: what one operator must be for the DLA to compute it."""

from collections.abc import Callable, Iterator, Mapping
from math import prod
from typing import Any, NamedTuple

from compressor.lint.dla.network import Accelerator
from compressor.onnx_view import Node, Tensor, shapes
from compressor.onnx_view.types import data_types

_LARGEST_BATCH, _LARGEST_SIZE = 4096, 8192
_ACTIVATIONS = {"BatchNormalization", "Clip", "LeakyRelu", "Relu", "Sigmoid", "Tanh"}
_ELEMENTWISE = {"Add", "Div", "Max", "Min", "Mul", "Pow", "Sub"}
_RECURRENT = {"GRU", "LSTM", "RNN"}
_MOVES = {"Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
_INTEGERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)} | {"bool"}
# Scales become part of the layers around them; an identity is nothing.
_FREE = {"DequantizeLinear", "Identity", "QuantizeLinear"}


class Refusal(NamedTuple):
    """The rule that sends an operator to the GPU, and why, in words."""

    rule: str
    reason: str


_Check = Callable[[Node, Accelerator], Iterator[Refusal]]


def refusal(node: Node, accelerator: Accelerator, types: Mapping[str, str]) -> Refusal | None:
    """Why the DLA does not compute an operator; None where it does.

    Args:
        types: of tensors, by name.
    """
    if node.op in _FREE or all(tensor.is_weight for tensor in node.inputs):
        return None
    integers = sorted(_INTEGERS.intersection(data_types(node, types))) if node.op in _ELEMENTWISE else []
    if integers:
        return Refusal("D1", f"the DLA computes in float16 or int8; {node.op} reads {integers[0]}")
    return next((each for check in (_sizes, _checked) for each in check(node, accelerator)), None)


def _checked(node: Node, accelerator: Accelerator) -> Iterator[Refusal]:
    check = _CHECKS.get(node.op)
    if check is not None:
        yield from check(node, accelerator)
    elif node.op in _RECURRENT or node.op in _MOVES or node.op.startswith("Reduce"):
        yield Refusal("D7", f"the DLA has no {node.op} of its own")
    elif node.op not in _ACTIVATIONS and node.op not in _ELEMENTWISE:
        yield Refusal("D3", f"the DLA has no {node.op}")


def _sizes(node: Node, accelerator: Accelerator) -> Iterator[Refusal]:
    for shape in (node.shape, node.input(0).shape):
        if shape is None:
            continue
        yield from _within("D2", "batch", [size for size in shape[:1] if size is not None], 1, _LARGEST_BATCH)
        yield from _within("D2", "size", [size for size in shape[1:] if size is not None], 1, _LARGEST_SIZE)


def _within(rule: str, name: str, values: Any, low: int, high: int) -> Iterator[Refusal]:
    wrong = [value for value in values if not low <= value <= high]
    if wrong:
        yield Refusal(rule, f"{name} {wrong[0]} is outside of {low} to {high}")


def _settings(node: Node, name: str, default: int) -> list[int]:
    return list(node.attributes.get(name, [default]))


def _convolution(node: Node, accelerator: Accelerator) -> Iterator[Refusal]:
    weight = _weight(node.input(1))
    if weight is None or len(weight) != 4:
        yield Refusal("D4", "the DLA convolves in two dimensions, with constant weights")
        return
    yield from _within("D4", "kernel size", weight[2:], 1, 32)
    yield from _within("D4", "stride", _settings(node, "strides", 1), 1, 8)
    yield from _within("D4", "padding", _settings(node, "pads", 0), 0, 31)
    yield from _within("D4", "dilation", _settings(node, "dilations", 1), 1, 32)
    channels = (weight[0], weight[1] * int(node.attributes.get("group", 1)))
    yield from _within("D4", "number of channels", channels, 1, _LARGEST_SIZE)


def _dense(node: Node, accelerator: Accelerator) -> Iterator[Refusal]:
    weight = _weight(node.input(1))
    if weight is None or len(weight) != 2:
        yield Refusal("D4", "the DLA multiplies with one constant matrix")
        return
    yield from _within("D4", "number of channels", weight, 1, _LARGEST_SIZE)


def _deconvolution(node: Node, accelerator: Accelerator) -> Iterator[Refusal]:
    if node.attributes.get("group", 1) != 1:
        yield Refusal("D5", "a deconvolution in groups")
    yield from _within("D5", "dilation of a deconvolution", _settings(node, "dilations", 1), 1, 1)
    weight = _weight(node.input(1))
    if weight is None or len(weight) != 4:
        yield Refusal("D5", "the DLA deconvolves in two dimensions, with constant weights")
        return
    yield from _within("D5", "padding of a deconvolution", _deconvolution_padding(node, weight[2:]), 0, 0)
    yield from _within("D5", "kernel size", weight[2:], 1, 32)


def _deconvolution_padding(node: Node, kernel: tuple[int, ...]) -> list[int]:
    """Both ends of each axis together, where the file says so; else what the sizes that it asks for take away."""
    given, steps = node.attributes.get, node.attributes.get("strides", [1, 1])
    automatic = str(given("auto_pad", "NOTSET")).startswith("SAME")
    if not automatic and "output_shape" not in node.attributes:
        return _settings(node, "pads", 0)
    more = given("output_padding", [0, 0])
    if automatic and "output_shape" not in node.attributes:
        return [size + extra - step for size, extra, step in zip(kernel, more, steps, strict=True)]
    sizes, wanted_sizes = (node.input(0).shape or (None, None))[-2:], node.attributes["output_shape"][-2:]
    return [
        step * (read - 1) + size + extra - wanted
        for read, size, extra, step, wanted in zip(sizes, kernel, more, steps, wanted_sizes, strict=True)
        if read is not None
    ]


def _concatenation(node: Node, accelerator: Accelerator) -> Iterator[Refusal]:
    rank = len(node.input(0).shape or ()) or 4
    if node.attributes.get("axis", 1) % rank != 1:
        yield Refusal("D5", f"the DLA concatenates channels, not axis {node.attributes.get('axis')}")


def _normalization(node: Node, accelerator: Accelerator) -> Iterator[Refusal]:
    if node.attributes.get("size") not in (3, 5, 7, 9):
        yield Refusal("D5", f"LRN over {node.attributes.get('size')} channels, not 3, 5, 7 or 9")


def _pool(node: Node, accelerator: Accelerator) -> Iterator[Refusal]:
    shape = node.input(0).shape
    everything = tuple(size or 1 for size in shape[2:]) if shape is not None else ()
    window = everything if node.op.startswith("Global") else shapes.window(node.op, (), node.attributes)
    if len(window) != 2:
        yield Refusal("D5", "the DLA pools in two dimensions, of a size that is known")
        return
    yield from _within("D5", "window", window, 1, 8)
    yield from _within("D5", "stride of a pool", _settings(node, "strides", 1), 1, 16)


def _softmax(node: Node, accelerator: Accelerator) -> Iterator[Refusal]:
    shape = node.input(0).shape
    rank = len(shape) if shape is not None else 2
    if accelerator.version < 2:
        yield Refusal("D7", "only Orin's DLA has a softmax")
    elif accelerator.precision != "float16":
        yield Refusal("D7", f"the DLA's softmax is in float16, not in {accelerator.precision}")
    elif node.attributes.get("axis", -1) % rank != 1 or prod(size or 1 for size in (shape or ())[2:]) != 1:
        yield Refusal("D7", "the DLA's softmax is over channels")


def _weight(tensor: Tensor) -> tuple[int, ...] | None:
    """The shape of constant weights, as the layer reads them."""
    dequantizer = tensor.dequantizer
    value = (dequantizer.data if dequantizer else tensor).source.value
    return None if value is None else value.shape


_CHECKS: dict[str, _Check] = {
    "AveragePool": _pool,
    "Concat": _concatenation,
    "Conv": _convolution,
    "ConvTranspose": _deconvolution,
    "Gemm": _dense,
    "GlobalAveragePool": _pool,
    "GlobalMaxPool": _pool,
    "LRN": _normalization,
    "MatMul": _dense,
    "MaxPool": _pool,
    "Softmax": _softmax,
}
