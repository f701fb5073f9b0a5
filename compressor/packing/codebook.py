"""The few real weights behind the integers of a clustered layer.

Where every channel has a scale of its own, 16 distinct weights become 16 other integers in each channel. Real numbers
that round to all of them, each channel by its scale, are one list for the layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from compressor.values import Array

MOST = 64
_TRIED = 512


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """The channel of each number of a list, and the scales of the channels."""

    each: Array
    scales: Array


def found(values: Array, channels: Channels) -> tuple[Array, Array] | None:
    """Real numbers, rising, and the place of each integer's among them; None where many would be needed.

    The fewest numbers that lie in given intervals are had by taking intervals in the order of their upper ends.

    Args:
        values: integers.
    """
    scales = channels.scales
    if not bool(np.all(np.isfinite(scales) & (scales > 0))):
        return None
    pairs, places = np.unique(
        channels.each.astype(np.int64) << 32 | values.astype(np.int64) + (1 << 31), return_inverse=True
    )
    step = scales[pairs >> 32].astype(np.float64)
    middle = ((pairs & 0xFFFFFFFF) - (1 << 31)) * step
    if len(np.unique(np.round(middle / step.max()))) > _TRIED:
        return None
    low, high = middle - 0.499 * step, middle + 0.499 * step
    numbers, group = _stabbed(low, high)
    if len(numbers) > MOST:
        return None
    index = group[places]
    if not np.array_equal(integers(numbers, index, channels, values.dtype), values):
        return None
    return numbers, index


def integers(numbers: Array, index: Array, channels: Channels, dtype: np.dtype[Any]) -> Array:
    """The integers that real numbers round to, each by the scale of its channel."""
    info = np.iinfo(dtype)
    with np.errstate(all="ignore"):
        rounded = np.rint(numbers.astype(np.float64)[index] / channels.scales.astype(np.float64)[channels.each])
    found: Array = np.clip(np.nan_to_num(rounded), info.min, info.max).astype(dtype)
    return found


def _stabbed(low: Array, high: Array) -> tuple[Array, Array]:
    """Numbers that lie in all intervals, and which of them lies in each."""
    group = np.zeros(len(low), np.int64)
    numbers: list[np.float32] = []
    floor = ceiling = -np.inf
    for place in np.argsort(high, kind="stable"):
        if not numbers or low[place] > ceiling:
            if len(numbers) > MOST:
                break
            floor, ceiling = low[place], high[place]
            numbers.append(np.float32(0))
        floor = max(floor, low[place])
        numbers[-1] = np.float32(0) if floor <= 0 <= ceiling else _short(floor, ceiling)
        group[place] = len(numbers) - 1
    return np.array(numbers, np.float32), group


def _short(low: float, high: float) -> np.float32:
    """Of the numbers between two, one of few digits."""
    for kept in range(4, 24, 4):
        bits = int(np.float32((low + high) / 2).view(np.int32))
        short = np.int32(bits >> 24 - kept << 24 - kept).view(np.float32)
        if low <= short <= high:
            return short
    return np.float32((low + high) / 2)
