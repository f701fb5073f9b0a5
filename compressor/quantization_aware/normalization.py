"""LayerNormalization in int8: each of its operators rounds; scale and shift of a channel are one more."""

from __future__ import annotations

from typing import Any

from compressor.quantization_aware import affine
from compressor.quantization_aware.wrapper import OBSERVED, Plan

_RANGES = ("mean", "squares", "variance", "moved", "inverse", "centred", "unit")


def plan(layer: Any, rank: int) -> Plan | str:
    """How it is computed for tensors of that rank, or why int8 cannot be simulated there."""
    axis = list(layer.axis) if isinstance(layer.axis, list | tuple) else [layer.axis]
    if axis not in ([-1], [rank - 1]):
        return "it normalizes another axis than the last"
    return Plan(_normalized, _RANGES, OBSERVED)


def _normalized(wrapper: Any, layer: Any, tensor: Any, **_: Any) -> Any:
    import tensorflow as tf

    mean = wrapper.rounded("mean", tf.reduce_mean(tensor, -1, keepdims=True))
    squares = wrapper.rounded("squares", tf.math.squared_difference(tensor, mean))
    variance = wrapper.rounded("variance", tf.reduce_mean(squares, -1, keepdims=True))
    inverse = wrapper.rounded("inverse", tf.math.rsqrt(wrapper.rounded("moved", variance + layer.epsilon)))
    unit = wrapper.rounded("centred", tensor - mean) * inverse
    if not (layer.scale or layer.center):
        return unit
    scale = layer.gamma if layer.scale else tf.ones_like(layer.beta)
    shift = layer.beta if layer.center else tf.zeros_like(layer.gamma)
    return affine.by_channel(wrapper.rounded("unit", unit), scale, shift)
