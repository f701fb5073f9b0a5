"""Convolutions and Dense layers: weights on the grid of int8, the activation after what it needs."""

from __future__ import annotations

from typing import Any

from compressor.quantization_aware import activations
from compressor.quantization_aware.wrapper import Plan, with_attributes

# The kernel of each kind, and its axes that have a scale for each channel.
_KERNELS = {
    "Conv1D": ("kernel", (2,)),
    "Conv2D": ("kernel", (3,)),
    "Conv1DTranspose": ("kernel", (1,)),
    "Conv2DTranspose": ("kernel", (2,)),
    "DepthwiseConv1D": ("depthwise_kernel", (1, 2)),
    "DepthwiseConv2D": ("depthwise_kernel", (2, 3)),
    "Dense": ("kernel", (1,)),
}
_SEPARABLE = ("SeparableConv1D", "SeparableConv2D")
KINDS = (*_KERNELS, *_SEPARABLE)


def plan(layer: Any) -> Plan | str:
    """How a layer of these kinds is computed, or why int8 cannot be simulated there."""
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        return "its channels come first"
    found = activations.of(layer.activation)
    if isinstance(found, str):
        return found
    separable = type(layer).__name__ in _SEPARABLE
    before = () if found.fuses else ("before",)
    ranges = (*(("between",) if separable else ()), *before, *found.ranges)
    return Plan(_separable if separable else _weighted, ranges, found.output)


def is_linear(layer: Any) -> bool:
    """Whether a normalization behind the layer becomes part of it."""
    return type(layer).__name__ in KINDS and activations.is_linear(layer.activation)


def _weighted(wrapper: Any, layer: Any, tensor: Any, **keywords: Any) -> Any:
    import tf_keras

    attribute, channels = _KERNELS[type(layer).__name__]
    kernel = wrapper.weights_rounded(getattr(layer, attribute), channels)
    if type(layer).__name__ == "Dense" and len(tensor.shape) > 2:
        return _finished(wrapper, layer, _dense_along(layer, tensor, kernel))
    with with_attributes(layer, **{attribute: kernel, "activation": tf_keras.activations.linear}):
        answer = layer.call(tensor, **keywords)
    return _finished(wrapper, layer, answer)


def _finished(wrapper: Any, layer: Any, tensor: Any) -> Any:
    """The activation, behind a rounding where the layer does not take it in."""
    found = activations.of(layer.activation)
    if isinstance(found, activations.Activation) and not found.fuses:
        tensor = wrapper.rounded("before", tensor)
    return activations.activated(wrapper, layer.activation, tensor)


def _dense_along(layer: Any, tensor: Any, kernel: Any) -> Any:
    """A Dense layer at every place of a sequence or picture: one matrix product, its bias right behind it."""
    import tensorflow as tf

    places = [tf.shape(tensor)[axis] if size is None else size for axis, size in enumerate(tensor.shape)]
    answer = tf.matmul(tf.reshape(tensor, [-1, kernel.shape[0]]), kernel)
    if layer.use_bias:
        answer = tf.nn.bias_add(answer, layer.bias)
    return tf.reshape(answer, [-1, *places[1:-1], kernel.shape[1]])


def _separable(wrapper: Any, layer: Any, tensor: Any, **_: Any) -> Any:
    import tensorflow as tf

    flat = len(tensor.shape) == 3
    first, second = layer.depthwise_kernel, layer.pointwise_kernel
    first, second = wrapper.weights_rounded(first, _last_two(first)), wrapper.weights_rounded(second, _last(second))
    strides, rates, padding = layer.strides, layer.dilation_rate, layer.padding.upper()
    if flat:
        tensor, first, second = (tf.expand_dims(each, axis) for each, axis in ((tensor, 1), (first, 0), (second, 0)))
        strides, rates = strides * 2, (1, *rates)
        if padding == "CAUSAL":
            before = rates[1] * (first.shape[1] - 1)
            tensor, padding = tf.pad(tensor, [[0, 0], [0, 0], [before, 0], [0, 0]]), "VALID"
    tensor = tf.nn.depthwise_conv2d(tensor, first, (1, *strides, 1), padding, dilations=rates)
    tensor = tf.nn.conv2d(wrapper.rounded("between", tensor), second, 1, "VALID")
    if layer.use_bias:
        tensor = tf.nn.bias_add(tensor, layer.bias)
    return _finished(wrapper, layer, tf.squeeze(tensor, 1) if flat else tensor)


def _last(kernel: Any) -> tuple[int, ...]:
    return (len(kernel.shape) - 1,)


def _last_two(kernel: Any) -> tuple[int, ...]:
    return (len(kernel.shape) - 2, len(kernel.shape) - 1)
