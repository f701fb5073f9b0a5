"""A layer as its rule sees it, with other numbers for its weights: to count what is left, or to find which they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from compressor.channel_pruning import rules
from compressor.channel_pruning.rules import Kept
from compressor.values import Array


class StandIn:
    """Every weight is an array of the weight's shape, counted from 0 as far as `dtype` goes."""

    def __init__(self, layer: Any, dtype: DTypeLike = np.int64) -> None:
        self._layer = layer
        self._weights = [
            np.arange(size, dtype=dtype).reshape(weight.shape) if dtype is np.int64 else np.zeros(weight.shape, dtype)
            for weight in layer.weights
            for size in [int(np.prod(weight.shape))]
        ]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layer, name)

    def get_weights(self) -> list[Array]:
        """Stand-ins of the weights."""
        return self._weights

    def left(self, kept: Kept) -> list[Array]:
        """What is left of them."""
        rule = rules.of(self._layer)
        return self._weights if rule is None or kept.everything else rule.weights(self, kept)
