"""Layers that scale and move each channel: BatchNormalization that nothing takes in, Rescaling, Normalization.

In int8 they are one depthwise convolution of size 1: a channel's only weight is exact, its shift is added in 32 bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from compressor.quantization_aware.wrapper import OBSERVED, Plan

KINDS = ("Rescaling", "Normalization")
# A channel that is switched off keeps a step that 32 bits of bias can be told in.
_LEAST_SHARE = 1e-5


def normalization(layer: Any) -> Plan | str:
    """How a BatchNormalization is computed that stands alone."""
    return Plan(_normalized, (), OBSERVED) if along_the_last(layer) else "it normalizes another axis than the last"


def along_the_last(layer: Any) -> bool:
    """Whether a BatchNormalization has its channels last."""
    axis = layer.axis
    rank = len(layer.input_spec.axes or {}) and layer.input_spec.ndim
    return list(axis if isinstance(axis, list | tuple) else [axis]) in ([-1], [rank - 1])


def plan(layer: Any) -> Plan | str:
    """How a Rescaling or Normalization is computed, or why int8 cannot be simulated there."""
    if getattr(layer, "invert", False):
        return "it takes a normalization back"
    constants = _constants(layer)
    if any(each.size > 1 and each.size != each.shape[-1] for each in constants):
        return "its numbers hang on the place, not on the channel alone"
    return Plan(_scaled, (), OBSERVED)


def _constants(layer: Any) -> tuple[Any, Any]:
    """What a layer multiplies with, and what it adds."""
    if type(layer).__name__ == "Rescaling":
        return np.asarray(layer.scale, np.float32), np.asarray(layer.offset, np.float32)
    deviation = np.maximum(np.sqrt(np.asarray(layer.variance, np.float64)), 1e-7)
    scale = 1 / deviation
    return scale.astype(np.float32), (-np.asarray(layer.mean, np.float64) * scale).astype(np.float32)


def _scaled(_: Any, layer: Any, tensor: Any, **__: Any) -> Any:
    import tensorflow as tf

    tensor = tf.cast(tensor, tf.float32)
    channels = tensor.shape[-1]
    scale, shift = (np.broadcast_to(each.reshape(-1), (channels,)) for each in _constants(layer))
    return by_channel(tensor, tf.constant(scale), tf.constant(shift))


def _normalized(wrapper: Any, layer: Any, tensor: Any, training: Any = None, **keywords: Any) -> Any:
    import tensorflow as tf

    if training and layer.trainable:
        return layer(tensor, training=training, **keywords)
    scale = tf.math.rsqrt(layer.moving_variance + layer.epsilon)
    if layer.scale:
        scale = scale * layer.gamma
    least = _LEAST_SHARE * tf.reduce_max(tf.abs(scale))
    scale = tf.where(tf.abs(scale) < least, least, scale)
    shift = -layer.moving_mean * scale
    return by_channel(tensor, scale, shift + layer.beta if layer.center else shift)


def copied(_: Any, __: Any, tensor: Any, **___: Any) -> Any:
    """The same numbers as the answer of an operator, whose scale may be another one."""
    import tensorflow as tf

    return by_channel(tensor, tf.ones(tensor.shape[-1]), tf.zeros(tensor.shape[-1]))


def by_channel(tensor: Any, scale: Any, shift: Any) -> Any:
    """scale · x + shift for every channel, as a depthwise convolution."""
    import tensorflow as tf

    places = [tf.shape(tensor)[axis] if size is None else size for axis, size in enumerate(tensor.shape)]
    kernel = tf.reshape(scale, [1, 1, -1, 1])
    picture = tensor if len(places) == 4 else tf.reshape(tensor, [-1, 1, math.prod(places[1:-1]), places[-1]])
    answer = tf.nn.bias_add(tf.nn.depthwise_conv2d(picture, kernel, [1, 1, 1, 1], "VALID"), shift)
    return answer if len(places) == 4 else tf.reshape(answer, [-1, *places[1:]])
