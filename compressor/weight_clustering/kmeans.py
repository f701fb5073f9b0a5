"""k-means of numbers: on sorted values a cluster is a stretch, and its mean a difference of two sums.

With a price on bits a weight goes where its squared error and what it takes to code it cost least together, so that
frequent values become more frequent: entropy-constrained quantization (Chou, Lookabaugh, Gray, IEEE Transactions on
Acoustics, Speech, and Signal Processing 37, 1989), of a network's weights as in Choi, El-Khamy, Lee (arXiv:1612.01543).
"""

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
_LEAST_GAP = 1e-30


@dataclass(frozen=True, slots=True)
class Clusters:
    """Values that weights share.

    Attributes:
        centroids: the values.
        assigned: which of them each weight takes, in the shape of the weights.
        zero: the one that is exactly zero and stays so, or None.
        price: squared error that a bit is worth.
    """

    centroids: Array
    assigned: Array
    zero: int | None = None
    price: float = 0.0

    @property
    def values(self) -> Array:
        """The weights, each as the centroid of its cluster."""
        return self.centroids[self.assigned]

    @property
    def bits(self) -> float:
        """How many bits an entropy coder takes for all the weights."""
        return entropy(np.bincount(self.assigned.reshape(-1)))


def entropy(sizes: Array) -> float:
    """Bits of all members of groups of these sizes, by Shannon's entropy of which group each is in."""
    some = sizes[sizes > 0]
    return float(-(some * np.log2(some / some.sum())).sum())


def clustered(
    weights: Array, count: int, start: Start = "kmeans++", keep_zeros: bool = False, price: float = 0.0
) -> Clusters:
    """Weights in `count` clusters, fewer where they have fewer distinct values or more do not pay for their bits.

    Lloyd's algorithm (IEEE Transactions on Information Theory 28, 1982). A cluster that runs empty begins anew at the
    value that is farthest from its centroid; with a price on bits it is gone. The same weights give the same clusters.

    Args:
        start: where centroids begin. `kmeans++`: drawn far from one another (Arthur and Vassilvitskii, SODA 2007);
            `density`: each with as many values; `linear`: evenly between the least and the largest value, which keeps
            large weights best (the latter two: Han, Mao, Dally, arXiv:1510.00149).
        keep_zeros: zeros are a cluster of their own, one of `count`.
        price: squared error that a bit is worth.
    """
    zeros = weights == 0
    if not (keep_zeros and zeros.any()):
        centroids, edges = _placed(weights.reshape(-1), count, start, price)
        return Clusters(centroids, _between(weights, edges), price=price)
    others = weights[~zeros]
    centroids, edges = np.zeros(0, np.float32), np.zeros(0)
    if others.size:
        centroids, edges = _placed(others, count - 1, start, price)
    assigned = np.zeros(weights.shape, np.int32)
    assigned[~zeros] = 1 + _between(others, edges)
    return Clusters(np.concatenate([np.zeros(1, np.float32), centroids]), assigned, 0, price)


def _between(weights: Array, edges: Ordered) -> Array:
    found: Array = np.searchsorted(edges, weights, side="right").astype(np.int32)
    return found


def edges(centroids: Ordered, sizes: Array, price: float | Ordered) -> Ordered:
    """Where the next cluster begins to cost less than the one before, between each two.

    Args:
        sizes: how many weights each cluster has: the more, the fewer bits each takes.
        price: one, or one for each pair.
    """
    middles = (centroids[1:] + centroids[:-1]) / 2
    if not np.any(price):
        return np.asarray(middles)
    bits = -np.diff(np.log2(np.maximum(sizes, 1)))
    # Clusters that died out stand together at infinity.
    with np.errstate(invalid="ignore"):
        gaps = np.maximum(np.diff(centroids), _LEAST_GAP)
    return np.asarray(middles + price * bits / (2 * gaps))


def _placed(weights: Array, count: int, start: Start, price: float) -> tuple[Array, Ordered]:
    """Centroids, ascending, each the mean of the values between the edges around it; and the edges."""
    ordered = np.sort(weights.astype(np.float64))
    centroids = _means(ordered, np.unique(_STARTS[start](ordered, count)), count)
    if price:
        return _paid(ordered, centroids, price)
    centroids = centroids.astype(np.float32).astype(np.float64)
    return centroids.astype(np.float32), edges(centroids, centroids, 0.0)


def _means(ordered: Ordered, centroids: Ordered, count: int) -> Ordered:
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    centroids = np.concatenate([centroids, np.full(count - len(centroids), np.inf)])
    for _ in range(_MOST_TURNS):
        bounds = _bounds(ordered, edges(centroids, centroids, 0.0))
        sizes = np.diff(bounds)
        means = np.where(sizes > 0, np.diff(sums[bounds]) / np.maximum(sizes, 1), np.inf)
        if not sizes.all():
            means = _refilled(means, ordered, bounds)
        if np.array_equal(means, centroids):
            break
        centroids = means
    return centroids[np.isfinite(centroids)]


def _paid(ordered: Ordered, centroids: Ordered, price: float) -> tuple[Array, Ordered]:
    """From centroids on that cost no bits; those that do not pay for theirs go."""
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    sizes = np.diff(_bounds(ordered, edges(centroids, centroids, 0.0)))
    for _ in range(_MOST_TURNS):
        centroids, sizes, between = _worth_their_bits(centroids, sizes, price)
        bounds = _bounds(ordered, between)
        sizes = np.diff(bounds)
        means = (np.diff(sums[bounds]) / np.maximum(sizes, 1))[sizes > 0]
        if np.array_equal(means, centroids):
            break
        centroids, sizes = means, sizes[sizes > 0]
    centroids, _, between = _worth_their_bits(centroids, sizes, price)
    return centroids.astype(np.float32), between


def _worth_their_bits(centroids: Ordered, sizes: Array, price: float) -> tuple[Ordered, Array, Ordered]:
    """Without the clusters that are nowhere the cheapest: their lower edge is above the upper one."""
    while True:
        between = edges(centroids, sizes, price)
        widths = np.diff(between)
        if (widths > 0).all():
            return centroids, sizes, between
        worst = 1 + int(np.argmin(widths))
        centroids, sizes = np.delete(centroids, worst), np.delete(sizes, worst)


def _bounds(ordered: Ordered, between: Ordered) -> Array:
    return np.concatenate([[0], np.searchsorted(ordered, between), [len(ordered)]])


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
