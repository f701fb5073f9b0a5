"""What channels that fall were on average, made up for by the layers that read them.

A channel that is not zero leaves its readers' sums off by its value times their kernels. Its mean over calibration
samples goes into their bias instead: exactly where it is constant and the reader sees no padding, closest in mean
square elsewhere (He, Zhang, Sun, arXiv:1707.06168, and Nagel et al., arXiv:1906.04721, correct biases likewise).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.channel_pruning.flow import Flow
from compressor.keras_graph import flat
from compressor.values import Array

if TYPE_CHECKING:
    import tf_keras

_READERS = ("Dense", "Conv1D", "Conv2D", "Conv3D")


def make_up(
    model: tf_keras.Model, smaller: tf_keras.Model, flow: Flow, fallen: Array, batches: Iterable[Any]
) -> list[str]:
    """Put what fell into biases of the smaller model, or into the mean that a normalization behind takes off.

    Args:
        model: from before; `flow` is its.
        fallen: sets of channels that the smaller model lacks.
        batches: of calibration samples.

    Returns:
        Names of the layers that make up for something.
    """
    readers = [(layer, place) for layer in model.layers if (place := _place(layer)) and _loses(flow, layer, fallen)]
    if not readers:
        return []
    means = _means(model, [layer.input for layer, _ in readers], batches)
    for (layer, (name, weight, sign)), mean in zip(readers, means, strict=True):
        lost = np.isin(flow.channels.sets(flow.of(layer).inputs[0]), fallen)
        kept = ~np.isin(flow.channels.sets(flow.of(layer).outputs[0]), fallen)
        missing = _summed(layer, np.where(lost, mean, 0))[kept]
        made_up = getattr(smaller.get_layer(name), weight)
        made_up.assign(made_up + (sign * missing).astype(np.float32))
    return [layer.name for layer, _ in readers]


def _loses(flow: Flow, layer: Any, fallen: Array) -> bool:
    return bool(np.isin(flow.channels.sets(flow.of(layer).inputs[0]), fallen).any())


def _place(layer: Any) -> tuple[str, str, float] | None:
    """Layer, weight and sign of what takes up a constant in a layer's sums; None where nothing does."""
    if (
        type(layer).__name__ not in _READERS
        or getattr(layer, "padding", "") == "causal"
        or len(layer.inbound_nodes) != 1
        or getattr(layer, "groups", 1) != 1
    ):
        return None
    if layer.use_bias:
        return layer.name, "bias", 1.0
    behind = [node.layer for node in layer.outbound_nodes]
    activation = getattr(layer.activation, "__name__", "")
    if len(behind) == 1 and type(behind[0]).__name__ == "BatchNormalization" and activation == "linear":
        return (behind[0].name, "moving_mean", -1.0) if len(behind[0].inbound_nodes) == 1 else None
    return None


def _summed(layer: Any, mean: Array) -> Array:
    """What a layer makes of a mean sample, without bias and activation, averaged over its places."""
    import tensorflow as tf

    given = tf.constant(mean[None], layer.kernel.dtype)
    made = (
        tf.tensordot(given, layer.kernel, 1)
        if type(layer).__name__ == "Dense"
        else layer.convolution_op(given, layer.kernel)
    )
    return np.asarray(tf.reduce_mean(made, list(range(len(made.shape) - 1))))


def _means(model: tf_keras.Model, tensors: list[Any], batches: Iterable[Any]) -> Iterator[Array]:
    """The mean sample of some of a model's tensors."""
    import tensorflow as tf
    import tf_keras

    asked = tf_keras.Model(model.inputs, tensors)

    def sums(samples: Any) -> list[Any]:
        made = flat(asked(samples, training=False))
        return [tf.reduce_mean(each, axis=0) for each in made]

    answer, found, count = tf.function(sums, reduce_retracing=True), [np.zeros(1)] * len(tensors), 0
    for samples in batches:
        size = len(flat(samples)[0])
        found = [total + size * each.numpy() for total, each in zip(found, answer(samples), strict=True)]
        count += size
    return (total / count for total in found)
