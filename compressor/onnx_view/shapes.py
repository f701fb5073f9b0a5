"""Shapes of what ONNX operators write, where the file does not state them: those that multiply-accumulates need.

Sizes that are free, or follow from values that are computed, are None; so is the shape of an operator not listed here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from compressor.onnx_view import moved_shapes
from compressor.onnx_view.sizes import Attributes, Inputs, Rule, Shape, Sizes
from compressor.onnx_view.sizes import known as _known

__all__ = ["Shape", "infer", "window"]


def infer(op: str, inputs: Inputs, attributes: Attributes, outputs: int) -> tuple[Shape, ...]:
    """The shape of each output; None where it is not known."""
    several, rule = _SEVERAL.get(op), _RULES.get(op)
    try:
        if several:
            shapes = several(inputs, attributes, outputs)
            return (*shapes, *(None,) * (outputs - len(shapes)))
        first = rule(inputs, attributes) if rule else None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        # A damaged file: what it states does not fit together.
        first = None
    same = op == "MaxPool"
    return tuple(first if place == 0 or same else None for place in range(outputs))


def window(op: str, inputs: Inputs, attributes: Attributes) -> Sizes:
    """The kernel of a convolution or pool."""
    if "kernel_shape" in attributes:
        return tuple(attributes["kernel_shape"])
    return () if op.endswith("Pool") else _known(inputs[1])[2:]


def _same(inputs: Inputs, attributes: Attributes) -> Shape:
    return _known(inputs[0])


def _broadcast(inputs: Inputs, attributes: Attributes) -> Shape:
    shapes = [_known(each) for each in inputs]
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    return tuple(_widest(sizes) for sizes in zip(*padded, strict=True))


def _widest(sizes: Sequence[int | None]) -> int | None:
    larger = [size for size in sizes if size != 1]
    return 1 if not larger else next((size for size in larger if size is not None), None)


def _slid(inputs: Inputs, attributes: Attributes, op: str) -> Sizes:
    """Spatial sizes behind a window that slides."""
    sizes, kernel = _known(inputs[0])[2:], window(op, inputs, attributes)
    rank = len(sizes)
    steps, spread = attributes.get("strides", [1] * rank), attributes.get("dilations", [1] * rank)
    pads, automatic = attributes.get("pads", [0] * 2 * rank), attributes.get("auto_pad", "NOTSET")
    found: list[int | None] = []
    for axis, size in enumerate(sizes):
        if size is None or kernel[axis] is None:
            found.append(None)
        elif automatic.startswith("SAME"):
            found.append(-(-size // steps[axis]))
        else:
            free = size + (pads[axis] + pads[axis + rank] if automatic == "NOTSET" else 0)
            free -= spread[axis] * ((kernel[axis] or 1) - 1) + 1
            rounded = -(-free // steps[axis]) if attributes.get("ceil_mode") else free // steps[axis]
            found.append(rounded + 1)
    return tuple(found)


def _convolution(inputs: Inputs, attributes: Attributes) -> Shape:
    return (_known(inputs[0])[0], _known(inputs[1])[0], *_slid(inputs, attributes, "Conv"))


def _pool(inputs: Inputs, attributes: Attributes) -> Shape:
    return (*_known(inputs[0])[:2], *_slid(inputs, attributes, "MaxPool"))


def _global(inputs: Inputs, attributes: Attributes) -> Shape:
    shape = _known(inputs[0])
    return (*shape[:2], *(1 for _ in shape[2:]))


def _transposed(inputs: Inputs, attributes: Attributes) -> Shape:
    sizes, kernel = _known(inputs[0])[2:], window("ConvTranspose", inputs, attributes)
    rank = len(sizes)
    channels = (_known(inputs[1])[1] or 1) * attributes.get("group", 1)
    if "output_shape" in attributes:
        return (_known(inputs[0])[0], channels, *attributes["output_shape"][-rank:])
    steps, spread = attributes.get("strides", [1] * rank), attributes.get("dilations", [1] * rank)
    pads, more = attributes.get("pads", [0] * 2 * rank), attributes.get("output_padding", [0] * rank)
    automatic = attributes.get("auto_pad", "NOTSET").startswith("SAME")
    found: list[int | None] = []
    for axis, size in enumerate(sizes):
        if size is None:
            found.append(None)
        elif automatic:
            found.append(size * steps[axis])
        else:
            grown = steps[axis] * (size - 1) + more[axis] + spread[axis] * ((kernel[axis] or 1) - 1) + 1
            found.append(grown - pads[axis] - pads[axis + rank])
    return (_known(inputs[0])[0], channels, *found)


def _gemm(inputs: Inputs, attributes: Attributes) -> Shape:
    left, right = _known(inputs[0]), _known(inputs[1])
    rows, columns = left[1 if attributes.get("transA") else 0], right[0 if attributes.get("transB") else 1]
    return (rows, columns)


def _matmul(inputs: Inputs, attributes: Attributes) -> Shape:
    left, right = _known(inputs[0]), _known(inputs[1])
    outer = max(left[:-2], right[:-2], key=len)
    return (*outer, *left[-2:-1], *(right[-1:] if len(right) > 1 else ()))


def _transpose(inputs: Inputs, attributes: Attributes) -> Shape:
    shape = _known(inputs[0])
    return tuple(shape[axis] for axis in attributes.get("perm", range(len(shape))[::-1]))


def _reshape(inputs: Inputs, attributes: Attributes) -> Shape:
    wanted = inputs[1].value
    if wanted is None:
        return None
    shape = _known(inputs[0])
    sizes: list[int | None] = [
        shape[place] if size == 0 else int(size) for place, size in enumerate(wanted.ravel().tolist())
    ]
    if -1 in sizes:
        known = None not in shape and None not in sizes
        others = prod(size for size in sizes if size not in (-1, None))
        sizes[sizes.index(-1)] = prod(size or 0 for size in shape) // others if known else None
    return tuple(sizes)


def _flatten(inputs: Inputs, attributes: Attributes) -> Shape:
    shape, axis = _known(inputs[0]), attributes.get("axis", 1)
    parts = shape[:axis], shape[axis:]
    return tuple(None if None in part else prod(size or 0 for size in part) for part in parts)


def _concat(inputs: Inputs, attributes: Attributes) -> Shape:
    shapes = [list(_known(each)) for each in inputs]
    axis, sizes = attributes["axis"], [shape[attributes["axis"]] for shape in shapes]
    shapes[0][axis] = None if None in sizes else sum(size or 0 for size in sizes)
    return tuple(shapes[0])


def _axes(inputs: Inputs, attributes: Attributes) -> list[int] | None:
    if len(inputs) > 1:
        return None if inputs[1].value is None else [int(axis) for axis in inputs[1].value.ravel()]
    return list(attributes["axes"]) if "axes" in attributes else []


def _squeeze(inputs: Inputs, attributes: Attributes) -> Shape:
    shape, axes = _known(inputs[0]), _axes(inputs, attributes)
    if axes is None:
        return None
    gone = {axis % len(shape) for axis in axes} or {axis for axis, size in enumerate(shape) if size == 1}
    return tuple(size for axis, size in enumerate(shape) if axis not in gone)


def _unsqueeze(inputs: Inputs, attributes: Attributes) -> Shape:
    shape, axes = list(_known(inputs[0])), _axes(inputs, attributes)
    if axes is None:
        return None
    rank = len(shape) + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        shape.insert(axis, 1)
    return tuple(shape)


def _reduced(inputs: Inputs, attributes: Attributes) -> Shape:
    shape, axes = _known(inputs[0]), _axes(inputs, attributes)
    if axes is None:
        return None
    gone = {axis % len(shape) for axis in axes} or set(range(len(shape)))
    kept = attributes.get("keepdims", 1)
    return tuple(1 if axis in gone else size for axis, size in enumerate(shape) if kept or axis not in gone)


def _gathered(inputs: Inputs, attributes: Attributes) -> Shape:
    shape, axis = _known(inputs[0]), attributes.get("axis", 0)
    return (*shape[:axis], *_known(inputs[1]), *shape[axis:][1:])


def _recurrent(inputs: Inputs, attributes: Attributes) -> Shape:
    steps, batch = _known(inputs[0])[:2]
    directions, hidden = _known(inputs[2])[0], _known(inputs[2])[-1]
    return (batch, steps, directions, hidden) if attributes.get("layout") else (steps, directions, batch, hidden)


def _quantized(rule: Rule) -> Rule:
    """Of an operator that reads each of two tensors with its scale and zero point."""
    return lambda inputs, attributes: rule([inputs[0], inputs[3]], attributes)


def _dynamic(inputs: Inputs, attributes: Attributes, outputs: int) -> tuple[Shape, ...]:
    return (_known(inputs[0]), (), ())[:outputs]


_ELEMENTWISE = (
    *(
        "Abs",
        "BatchNormalization",
        "Cast",
        "CastLike",
        "Ceil",
        "Clip",
        "Cos",
        "DequantizeLinear",
        "Dropout",
        "Elu",
        "Erf",
        "Exp",
    ),
    *("Floor", "Gelu", "HardSigmoid", "HardSwish", "Identity", "InstanceNormalization", "LRN", "LayerNormalization"),
    *("LeakyRelu", "Log", "LogSoftmax", "Mish", "Neg", "Not", "PRelu", "QuantizeLinear", "Reciprocal", "Relu"),
    *("Round", "Selu", "Sigmoid", "Sign", "Sin", "Softmax", "Softplus", "Softsign", "Sqrt", "Tanh", "ThresholdedRelu"),
)
_BROADCAST = (
    *("Add", "And", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Mean", "Min", "Mod"),
    *("Mul", "Or", "Pow", "Sub", "Sum", "Where"),
)
_REDUCING = (
    *("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd"),
    *("ReduceSum", "ReduceSumSquare"),
)
_RULES: dict[str, Rule] = {
    **moved_shapes.RULES,
    **dict.fromkeys(_ELEMENTWISE, _same),
    **dict.fromkeys(_BROADCAST, _broadcast),
    **dict.fromkeys(_REDUCING, _reduced),
    **dict.fromkeys(("AveragePool", "LpPool", "MaxPool"), _pool),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool"), _global),
    **dict.fromkeys(("GRU", "LSTM", "RNN"), _recurrent),
    "Concat": _concat,
    **dict.fromkeys(("Conv", "ConvInteger", "FusedConv"), _convolution),
    "ConvTranspose": _transposed,
    "Flatten": _flatten,
    "Gather": _gathered,
    **dict.fromkeys(("FusedGemm", "Gemm"), _gemm),
    **dict.fromkeys(("MatMul", "MatMulInteger"), _matmul),
    "QGemm": _quantized(_gemm),
    "QLinearAdd": _quantized(_broadcast),
    "QLinearConv": _quantized(_convolution),
    "QLinearMatMul": _quantized(_matmul),
    "QLinearMul": _quantized(_broadcast),
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
_SEVERAL: dict[str, Callable[[Inputs, Attributes, int], tuple[Shape, ...]]] = {
    "DynamicQuantizeLinear": _dynamic,
    "Split": moved_shapes.split,
    "TopK": moved_shapes.top_k,
}
