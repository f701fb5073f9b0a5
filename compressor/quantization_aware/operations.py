"""Raw operations of TensorFlow in a graph of layers: which are one int8 operator, and which only move numbers."""

from __future__ import annotations

from typing import Any

from compressor.quantization_aware.wrapper import OBSERVED, Plan

_HALF_OPEN, _AROUND_0 = (0.0, 255 / 256), (-1.0, 127 / 128)
_ELEMENTWISE = ("add", "subtract", "multiply", "truediv", "divide", "squared_difference")
_ONE_OPERATOR = {
    *(f"{home}{name}" for home in ("math.", "__operators__.", "") for name in _ELEMENTWISE),
    *("math.abs", "abs", "math.exp", "exp", "math.sqrt", "sqrt", "math.rsqrt", "math.square", "square"),
    *("nn.leaky_relu", "nn.gelu", "math.reduce_mean", "reduce_mean", "math.reduce_sum", "reduce_sum"),
    *("linalg.matmul", "matmul"),
}
_ONLY_MOVES = {
    *("reshape", "transpose", "expand_dims", "squeeze", "__operators__.getitem", "slice", "strided_slice", "identity"),
    *("split", "nn.max_pool", "nn.max_pool2d", "nn.avg_pool", "nn.avg_pool2d", "pad", "tile", "stop_gradient"),
    *("math.reduce_max", "reduce_max", "math.reduce_min", "reduce_min", "image.resize", "gather", "reverse"),
}
_FIXED = {
    **dict.fromkeys(("math.sigmoid", "sigmoid", "nn.sigmoid", "nn.softmax"), _HALF_OPEN),
    **dict.fromkeys(("math.tanh", "tanh", "nn.tanh"), _AROUND_0),
}
JOINS = ("concat", "stack")
RELUS = ("nn.relu", "nn.relu6")
_FUSES = tuple(f"{home}{name}" for home in ("math.", "__operators__.") for name in ("add", "subtract", "multiply"))


def name(layer: Any) -> str:
    """What the layer calls, as TensorFlow's API names it."""
    return str(getattr(layer, "symbol", None) or getattr(layer, "function", ""))


def plan(layer: Any) -> Plan | str:
    """How an operation is computed, or why int8 cannot be simulated there."""
    function = name(layer)
    if function in ("nn.silu", "nn.swish"):
        return Plan(_silu, (), OBSERVED)
    if function in _FIXED:
        return Plan(called, (), _FIXED[function])
    if function in _ONLY_MOVES:
        return Plan(called)
    if function in JOINS:
        return Plan(_joined, ("output",), None)
    if function in _ONE_OPERATOR or function in RELUS:
        return Plan(called, (), OBSERVED)
    return f"there is no int8 arithmetic for {function or type(layer).__name__}"


def only_moves(layer: Any) -> bool:
    """Whether the operation hands numbers on as they are."""
    return name(layer) in _ONLY_MOVES


def takes_in_relu(layer: Any) -> bool:
    """Whether a ReLU behind the operation becomes part of it."""
    return name(layer) in _FUSES


def called(_: Any, layer: Any, *arguments: Any, **keywords: Any) -> Any:
    """The layer as it is."""
    return layer(*arguments, **keywords)


def _silu(wrapper: Any, _: Any, tensor: Any, **__: Any) -> Any:
    import tensorflow as tf

    return tensor * wrapper.rounded_within(tf.sigmoid(tensor), *_HALF_OPEN)


def _joined(wrapper: Any, layer: Any, tensors: Any, *arguments: Any, **keywords: Any) -> Any:
    given = [wrapper.rounded("output", tensor) for tensor in tensors]
    return wrapper.rounded("output", layer(given, *arguments, **keywords))
