"""Training with shared weights: after every optimizer step the weights of a cluster become their mean.

A cluster then moves by the mean of what its weights would have moved by, the fine-tuning of centroids of Han, Mao,
Dally, "Deep Compression" (arXiv:1510.00149); which weight belongs to which cluster does not change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from compressor.weight_clustering.kmeans import Clusters


def projecting(clusters: Mapping[int, Clusters]) -> Any:
    """The callback that keeps weights shared.

    Args:
        clusters: of the kernels, by their place among the model's weights.
    """
    import tf_keras

    mean_of_each = _means(list(clusters.values()))

    class Projecting(tf_keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
            # Asking a model for its weights takes longer than a step of a small one.
            weights = self.model.weights
            self.kernels = [weights[place] for place in clusters]

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            means = mean_of_each([kernel.read_value() for kernel in self.kernels])
            for kernel, values in zip(self.kernels, means, strict=True):
                kernel.assign(values)

    return Projecting()


def _means(clusters: list[Clusters]) -> Any:
    """A function of all kernels at once: each weight as the mean of its cluster."""
    import tensorflow as tf

    counts = [len(each.centroids) for each in clusters]
    firsts = np.cumsum([0, *counts[:-1]])
    pairs = list(zip(clusters, firsts.tolist(), strict=True))
    members = np.concatenate([each.assigned.reshape(-1) + first for each, first in pairs])
    sizes = np.bincount(members, minlength=sum(counts)).astype(np.float64)
    shares = 1 / np.maximum(sizes, 1)
    shares[[first + each.zero for each, first in pairs if each.zero is not None]] = 0
    of_all, lengths = tf.constant(members.astype(np.int32)), [each.assigned.size for each in clusters]

    @tf.function  # type: ignore[untyped-decorator]
    def means(kernels: list[Any]) -> list[Any]:
        flat = tf.concat([tf.reshape(kernel, [-1]) for kernel in kernels], 0)
        # In float32 a sum over a large cluster would lose what one step changes.
        sums = tf.math.unsorted_segment_sum(tf.cast(flat, tf.float64), of_all, len(sizes))
        spread = tf.gather(tf.cast(sums * shares, flat.dtype), of_all)
        return [tf.reshape(part, kernel.shape) for part, kernel in zip(tf.split(spread, lengths), kernels, strict=True)]

    return means
