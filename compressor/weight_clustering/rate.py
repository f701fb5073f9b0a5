"""What a bit costs: a price at which all kernels together take no more bits than they may.

The price is the same for all of the network, so that bits go where they do most. A kernel's error counts as a share of
the mean square of its weights, whatever its size: the few weights of a small kernel keep theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from compressor.values import Array
from compressor.weight_clustering.kmeans import Clusters

# The search looks at so many weights of a kernel, spread evenly over the sorted ones.
_LOOKED_AT = 1 << 13
_HALVINGS = 24
# Between prices at which nothing changes, and at which one value is left of a kernel.
_CHEAPEST, _DEAREST = 1e-6, 1e3


@dataclass(frozen=True, slots=True)
class Priced:
    """A kernel's weights, and how they are clustered at a price."""

    weights: Array
    clustered: Callable[[Array, float], Clusters]


def prices(kernels: Sequence[Priced], bits: float) -> list[float]:
    """For each kernel the squared error that a bit is worth, so that weights take `bits` each on average.

    Bits are those of an entropy coder. 0 for all kernels where they take no more without a price.
    """
    sizes = np.array([each.weights.size for each in kernels])
    squares = np.array([np.square(each.weights, dtype=np.float64).mean() for each in kernels])
    scales = squares * sizes / sizes.max()
    few = [_few(each.weights) for each in kernels]

    def taken(price: float) -> float:
        rows = zip(kernels, few, scales, sizes, strict=True)
        shares = [each.clustered(some, price * scale).bits / some.size * size for each, some, scale, size in rows]
        return float(sum(shares) / sizes.sum())

    if taken(0.0) <= bits:
        return [0.0] * len(kernels)
    low, high = np.log([_CHEAPEST, _DEAREST])
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if taken(float(np.exp(middle))) > bits else (low, middle)
    return [float(np.exp(high) * scale) for scale in scales]


def _few(weights: Array) -> Array:
    ordered = np.sort(weights.reshape(-1))
    return np.asarray(ordered[:: -(-len(ordered) // _LOOKED_AT)])
