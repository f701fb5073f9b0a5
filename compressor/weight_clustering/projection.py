"""Training with shared weights: after every optimizer step the weights of a cluster become their mean again.

Behind every weight that a network computes with stands one that moves freely, by what the optimizer does to the shared
one (as in Courbariaux, Bengio, David, "BinaryConnect", arXiv:1511.00363). A cluster's value is the mean of those of its
weights, so that it moves by the mean of their steps; and those that have come nearer to another value change over:
where bits have a price, to one that costs less with its bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compressor.values import Array
from compressor.weight_clustering.kmeans import Clusters, edges


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
        return Clusters(centroids, assigned, zero, self.clusters.price)


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
            values = projection.step([kernel.numpy() for kernel in self.kernels])
            for kernel, each in zip(self.kernels, values, strict=True):
                kernel.assign(each)

    return Projecting()


class _Projection:
    """All kernels one after the other, and all their clusters, so that one operation does for all.

    In numpy: that takes a fifth of what TensorFlow's operations take on a CPU; sums are in float64, without which
    a sum over a large cluster would lose what one step changes.
    """

    def __init__(self, shared: Sequence[Shared], reassign: bool) -> None:
        counts = [len(each.clusters.centroids) for each in shared]
        self._ends = np.cumsum([each.clusters.assigned.size for each in shared])[:-1]
        self._clusters, self._reassign = sum(counts), reassign
        self._firsts = np.cumsum([0, *counts[:-1]])
        self._prices = np.repeat([each.clusters.price for each in shared], counts)[:-1]
        zeros = [each.clusters.zero is not None for each in shared]
        kept, number = self._firsts[zeros], np.arange(self._clusters)
        self._fixed = np.isin(number, kept)
        # Where no neighbour below or above is one to change over to: at the ends of a kernel, and beside kept zeros.
        self._least = np.isin(number, self._firsts) | np.isin(number, kept + 1)
        self._greatest = np.isin(number + 1, [*self._firsts, self._clusters]) | self._fixed

    def begin(self, clusters: Sequence[Clusters], free: Sequence[Array], given: Sequence[Array]) -> None:
        """Start from these weights."""
        pairs = zip(clusters, self._firsts.tolist(), strict=True)
        self._members = np.concatenate([each.assigned.reshape(-1) + first for each, first in pairs])
        self._values = np.concatenate([each.centroids for each in clusters]).astype(np.float64)
        self._free, self._given = (np.concatenate([each.reshape(-1) for each in side]) for side in (free, given))

    def step(self, kernels: Sequence[Array]) -> list[Array]:
        """What the kernels become that the optimizer left so."""
        self._free = self._free + (np.concatenate([kernel.reshape(-1) for kernel in kernels]) - self._given)
        if self._reassign:
            self._change_over()
        sums = np.bincount(self._members, self._free, self._clusters)
        sizes = np.bincount(self._members, minlength=self._clusters)
        moving = ~self._fixed & (sizes > 0)
        self._values[moving] = sums[moving] / sizes[moving]
        self._given = self._values.astype(np.float32)[self._members]
        parts = np.split(self._given, self._ends)
        return [part.reshape(kernel.shape) for part, kernel in zip(parts, kernels, strict=True)]

    def _change_over(self) -> None:
        """Let weights that have come nearer to a neighbour's value take it; kept zeros stay."""
        sizes = np.bincount(self._members, minlength=self._clusters)
        between = edges(self._values, sizes, self._prices)
        below = np.where(self._least, -np.inf, np.append(-np.inf, between)).astype(np.float32)
        above = np.where(self._greatest, np.inf, np.append(between, np.inf)).astype(np.float32)
        up, down = self._free >= above[self._members], self._free < below[self._members]
        self._members = self._members + up - down
