"""Raw operations of TensorFlow in a graph of layers, as far as they work value by value."""

from __future__ import annotations

from typing import Any

from compressor.channel_pruning.channels import Channels, Labels
from compressor.channel_pruning.rules import Call, Rule
from compressor.channel_pruning.rules.merging import merged

_MERGING = {
    f"{home}{name}"
    for home in ("math.", "__operators__.", "")
    for name in ("add", "subtract", "multiply", "maximum", "minimum")
} | {"math.truediv", "math.divide", "math.squared_difference"}
_ALONE = {
    *("nn.relu", "nn.relu6", "nn.silu", "nn.swish", "nn.leaky_relu", "nn.elu", "nn.selu", "nn.gelu", "nn.tanh"),
    *("math.tanh", "math.sigmoid", "sigmoid", "tanh", "nn.sigmoid", "math.softplus", "math.abs", "math.square"),
    *("clip_by_value", "identity", "cast", "math.negative", "negative"),
}


def follow(call: Call, channels: Channels) -> list[Labels] | str:
    """The channels of the tensors that it reads; numbers beside them change nothing."""
    function = str(getattr(call.layer, "function", "") and call.layer.get_config()["function"])
    if any(_is_array(each) for each in call.arguments):
        return f"computes {function} with constants of its own"
    if function in _MERGING or (function in _ALONE and len(call.inputs) == 1):
        return merged(call.inputs, channels)
    return f"computes {function}, which is not known here"


def _is_array(value: Any) -> bool:
    """More than a number: it has channels that nobody would take out."""
    if type(value).__name__ == "KerasTensor":
        return False
    size = getattr(value, "size", None)
    shape = getattr(value, "shape", ())
    return isinstance(value, list | tuple) or (bool(shape) and (not isinstance(size, int) or size > 1))


RULE = Rule(("TFOpLambda",), follow)
