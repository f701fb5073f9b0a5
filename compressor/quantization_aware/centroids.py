"""Kernels with few distinct values keep them in training: equal weights stay equal, and zeros stay zero.

Cluster-preserving training; the same is done by https://www.tensorflow.org/model_optimization/guide/combine/cqat_example.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.values import Array

if TYPE_CHECKING:
    import tf_keras

_MOST_VALUES = 256
# Kernels that began as all zeros, as a constant or as an identity have two values at most.
_LEAST_VALUES = 3
_MEMBERS = 2
_SPARSE_FROM = 0.01


@dataclass(frozen=True, slots=True)
class Clusters:
    """The clusters of one weight.

    Attributes:
        position: of the weight among the model's trainable ones.
        members: the cluster of each value, in the order they are stored in.
        alive: 0 for the cluster of zeros, 1 for others.
    """

    position: int
    members: Array
    alive: Array


def clusters(model: tf_keras.Model) -> list[Clusters]:
    """The clusters of all weights that have some."""
    weights = ((position, weight.numpy()) for position, weight in enumerate(model.trainable_weights))
    return [_of(position, array) for position, array in weights if is_clustered(array)]


def is_clustered(array: Array) -> bool:
    """Whether a weight has so few distinct values that it was given them on purpose."""
    count = len(np.unique(array)) if array.ndim > 1 else 0
    return _LEAST_VALUES <= count <= min(_MOST_VALUES, array.size // _MEMBERS)


def _of(position: int, array: Array) -> Clusters:
    values, members = np.unique(array, return_inverse=True)
    return Clusters(position, members.reshape(-1).astype(np.int32), (values != 0).astype(np.float32))


def keeping(found: list[Clusters]) -> tf_keras.callbacks.Callback:
    """After every step, the weights of a cluster are what they are on average.

    Sums are in float64: in float32 a large cluster drifts by itself.
    """
    import tensorflow as tf
    import tf_keras

    kept = [(each.position, tf.constant(each.members), tf.constant(each.alive, tf.float64)) for each in found]

    class KeepingClusters(tf_keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            weights = self.model.trainable_weights
            for position, members, alive in kept:
                weight = weights[position]
                flat = tf.cast(tf.reshape(weight, [-1]), tf.float64)
                values = tf.cast(tf.math.unsorted_segment_mean(flat, members, len(alive)) * alive, weight.dtype)
                weight.assign(tf.reshape(tf.gather(values, members), weight.shape))

    return KeepingClusters()


def promises(name: str, kernel: Array) -> Iterator[dict[str, Any]]:
    """What a written file has to keep of a layer's kernel: its share of zeros, its number of distinct values.

    In a file with a scale for each channel, the distinct values are those of a channel.
    """
    sparsity = float((kernel == 0).mean())
    if _SPARSE_FROM <= sparsity < 1:
        # Rounded down: a promise.
        yield {"layer": name, "sparsity": int(sparsity * 10_000) / 10_000}
    if is_clustered(kernel):
        yield {"layer": name, "distinct_values": len(np.unique(kernel))}
