"""k-means of numbers: on sorted values a cluster is a stretch, and its mean a difference of two sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from compressor.values import Array

Start = Literal["kmeans++", "density", "linear"]
Ordered = NDArray[np.float64]

_SEED = 0
_MOST_TURNS = 1000
# So many values, spread evenly over the sorted ones, are drawn from to begin with.
_DRAWN_FROM = 1 << 16


@dataclass(frozen=True, slots=True)
class Clusters:
    """Values that weights share.

    Attributes:
        centroids: the values.
        assigned: which of them each weight takes, in the shape of the weights.
        zero: the one that is exactly zero and stays so, or None.
    """

    centroids: Array
    assigned: Array
    zero: int | None = None

    @property
    def values(self) -> Array:
        """The weights, each as the centroid of its cluster."""
        return self.centroids[self.assigned]


def clustered(weights: Array, count: int, start: Start = "kmeans++", keep_zeros: bool = False) -> Clusters:
    """Weights in `count` clusters, fewer where they have fewer distinct values.

    Lloyd's algorithm (IEEE Transactions on Information Theory 28, 1982). A cluster that runs empty begins anew at the
    value that is farthest from its centroid. The same weights give the same clusters.

    Args:
        start: where centroids begin. `kmeans++`: drawn far from one another (Arthur and Vassilvitskii, SODA 2007);
            `density`: each with as many values; `linear`: evenly between the least and the largest value, which keeps
            large weights best (the latter two: Han, Mao, Dally, arXiv:1510.00149).
        keep_zeros: zeros are a cluster of their own, one of `count`.
    """
    zeros = weights == 0
    if not (keep_zeros and zeros.any()):
        centroids = _centroids(weights.reshape(-1), count, start)
        return Clusters(centroids, _nearest(weights, centroids))
    others = weights[~zeros]
    centroids = _centroids(others, count - 1, start) if others.size else np.zeros(0, np.float32)
    assigned = np.zeros(weights.shape, np.int32)
    assigned[~zeros] = 1 + _nearest(others, centroids)
    return Clusters(np.concatenate([np.zeros(1, np.float32), centroids]), assigned, 0)


def _nearest(weights: Array, centroids: Array) -> Array:
    found: Array = np.searchsorted(_edges(centroids.astype(np.float64)), weights, side="right").astype(np.int32)
    return found


def _edges(centroids: Ordered) -> Ordered:
    return np.asarray((centroids[1:] + centroids[:-1]) / 2)


def _centroids(weights: Array, count: int, start: Start) -> Array:
    """Ascending, each the mean of the values that are nearest to it."""
    ordered = np.sort(weights.astype(np.float64))
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    centroids = np.unique(_STARTS[start](ordered, count))
    centroids = np.concatenate([centroids, np.full(count - len(centroids), np.inf)])
    for _ in range(_MOST_TURNS):
        bounds = np.concatenate([[0], np.searchsorted(ordered, _edges(centroids)), [len(ordered)]])
        sizes = np.diff(bounds)
        means = np.where(sizes > 0, np.diff(sums[bounds]) / np.maximum(sizes, 1), np.inf)
        if not sizes.all():
            means = _refilled(means, ordered, bounds)
        if np.array_equal(means, centroids):
            break
        centroids = means
    return centroids[np.isfinite(centroids)].astype(np.float32)


def _refilled(means: Ordered, ordered: Ordered, bounds: Array) -> Ordered:
    """One of the empty clusters at the value that is farthest from its centroid; none where all are at theirs."""
    filled = np.flatnonzero(np.diff(bounds))
    ends = np.concatenate([ordered[bounds[:-1][filled]], ordered[bounds[1:][filled] - 1]])
    distances = np.abs(ends - np.tile(means[filled], 2))
    if distances.max() > 0:
        means = means.copy()
        means[np.flatnonzero(np.isinf(means))[0]] = ends[np.argmax(distances)]
    return np.sort(means)


def _drawn(ordered: Ordered, count: int) -> Ordered:
    """k-means++: a value is drawn the likelier the farther it is from those drawn before, by its square."""
    random = np.random.default_rng(_SEED)
    values = ordered[:: -(-len(ordered) // _DRAWN_FROM)]
    found = [values[random.integers(len(values))]]
    distances = np.square(values - found[0])
    while len(found) < count and distances.any():
        shares = np.cumsum(distances)
        found.append(values[min(np.searchsorted(shares, random.random() * shares[-1], side="right"), len(values) - 1)])
        distances = np.minimum(distances, np.square(values - found[-1]))
    return np.array(found)


def _as_many_each(ordered: Ordered, count: int) -> Ordered:
    places: Array = ((np.arange(count) + 0.5) / count * len(ordered)).astype(int)
    return np.asarray(ordered[places], np.float64)


def _evenly(ordered: Ordered, count: int) -> Ordered:
    return np.linspace(ordered[0], ordered[-1], count)


_STARTS: Mapping[str, Callable[[Ordered, int], Ordered]] = {
    "kmeans++": _drawn,
    "density": _as_many_each,
    "linear": _evenly,
}
