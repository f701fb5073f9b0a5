"""Training with shared weights: after every optimizer step the weights of a cluster become their mean again.

Behind every weight that a network computes with stands one that moves freely, by what the optimizer does to the shared
one (as in Courbariaux, Bengio, David, "BinaryConnect", arXiv:1511.00363). A cluster's value is the mean of those of its
weights, so that it moves by the mean of their steps; and those that have come nearer to another value change over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compressor.values import Array
from compressor.weight_clustering.kmeans import Clusters


@dataclass(frozen=True, slots=True)
class Shared:
    """A kernel to keep shared.

    Attributes:
        place: among the model's weights.
        before: what the kernel was before it was clustered.
    """

    place: int
    before: Array
    clusters: Clusters

    def again(self, weights: Array) -> Clusters:
        """The clusters that shared weights have; one that has died out is at infinity."""
        zero = self.clusters.zero
        free = np.ones(weights.shape, bool) if zero is None else self.clusters.assigned != zero
        first = 0 if zero is None else 1
        found, members = np.unique(weights[free], return_inverse=True)
        centroids = np.full(len(self.clusters.centroids), np.inf, np.float32)
        centroids[:first] = 0
        centroids[first : first + len(found)] = found
        assigned = np.zeros(weights.shape, np.int32)
        assigned[free] = first + members.reshape(-1)
        return Clusters(centroids, assigned, zero)


def projecting(shared: Sequence[Shared], reassign: bool) -> Any:
    """The callback that keeps weights shared.

    At the end of an epoch weights that move freely are forgotten: what goes on follows from the model alone, so that
    training that was killed ends with the same weights.

    Args:
        reassign: weights may change over to another cluster.
    """
    import tf_keras

    projection = _Projection(shared, reassign)

    class Projecting(tf_keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
            # Asking a model for its weights takes longer than a step of a small one.
            weights = self.model.weights
            self.kernels = [weights[each.place] for each in shared]

        def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            now = [kernel.numpy() for kernel in self.kernels]
            clusters = [each.clusters for each in shared]
            if reassign and epoch:
                clusters = [each.again(values) for each, values in zip(shared, now, strict=True)]
            free = now if epoch or not reassign else [each.before for each in shared]
            projection.begin(clusters, free, now)

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            values = projection.step([kernel.read_value() for kernel in self.kernels])
            for kernel, each in zip(self.kernels, values, strict=True):
                kernel.assign(each)

    return Projecting()


class _Projection:
    """All kernels one after the other, and all their clusters, so that one operation does for all."""

    def __init__(self, shared: Sequence[Shared], reassign: bool) -> None:
        import tensorflow as tf

        counts = [len(each.clusters.centroids) for each in shared]
        self._sizes = [each.clusters.assigned.size for each in shared]
        self._clusters, self._reassign = sum(counts), reassign
        self._free, self._given = (tf.Variable(tf.zeros([sum(self._sizes)]), trainable=False) for _ in range(2))
        self._members = tf.Variable(tf.zeros([sum(self._sizes)], tf.int32), trainable=False)
        self._values = tf.Variable(tf.zeros([self._clusters], tf.float64), trainable=False)
        self._firsts = np.cumsum([0, *counts[:-1]]).tolist()
        kept = np.array(
            [first for first, each in zip(self._firsts, shared, strict=True) if each.clusters.zero is not None]
        )
        fixed, number = np.isin(np.arange(self._clusters), kept), np.arange(self._clusters)
        self._moves = tf.constant(~fixed)
        # Where no neighbour below or above is one to change over to: at the ends of a kernel, and beside kept zeros.
        self._least = tf.constant(np.isin(number, self._firsts) | np.isin(number, kept + 1))
        self._greatest = tf.constant(np.isin(number + 1, [*self._firsts, self._clusters]) | fixed)
        self.step = tf.function(self._step)

    def begin(self, clusters: Sequence[Clusters], free: Sequence[Array], given: Sequence[Array]) -> None:
        """Start from these weights."""
        pairs = zip(clusters, self._firsts, strict=True)
        self._members.assign(np.concatenate([each.assigned.reshape(-1) + first for each, first in pairs]))
        self._values.assign(np.concatenate([each.centroids for each in clusters]))
        self._free.assign(np.concatenate([each.reshape(-1) for each in free]))
        self._given.assign(np.concatenate([each.reshape(-1) for each in given]))

    def _step(self, kernels: list[Any]) -> list[Any]:
        """What the kernels become that the optimizer left so."""
        import tensorflow as tf

        moved = tf.concat([tf.reshape(kernel, [-1]) for kernel in kernels], 0)
        self._free.assign_add(moved - self._given)
        if self._reassign:
            self._change_over()
        # In float32 a sum over a large cluster would lose what one step changes.
        sums, sizes = (
            tf.math.unsorted_segment_sum(tf.cast(each, tf.float64), self._members, self._clusters)
            for each in (self._free, tf.ones_like(moved))
        )
        self._values.assign(tf.where(self._moves & (sizes > 0), sums / tf.maximum(sizes, 1), self._values))
        spread = self._given.assign(tf.gather(tf.cast(self._values, moved.dtype), self._members))
        parts = tf.split(spread, self._sizes)
        return [tf.reshape(part, kernel.shape) for part, kernel in zip(parts, kernels, strict=True)]

    def _change_over(self) -> None:
        """Let weights that have come nearer to a neighbour's value take it; kept zeros stay."""
        import tensorflow as tf

        between = (self._values[1:] + self._values[:-1]) / 2
        infinity = tf.fill([1], tf.constant(np.inf, tf.float64))
        below = tf.where(self._least, -infinity, tf.concat([-infinity, between], 0))
        above = tf.where(self._greatest, infinity, tf.concat([between, infinity], 0))
        low, high = (tf.gather(tf.cast(each, tf.float32), self._members) for each in (below, above))
        up, down = (tf.cast(each, tf.int32) for each in (self._free >= high, self._free < low))
        self._members.assign_add(up - down)
