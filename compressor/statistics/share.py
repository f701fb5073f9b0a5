"""A share, such as that of equal answers. Wilson: Probable inference, the law of succession, and statistical
inference, Journal of the American Statistical Association 22, 1927."""

from __future__ import annotations

import math

from compressor.statistics import CONFIDENCE, Bounds, quantile


def interval(share: float, samples: float, confidence: float = CONFIDENCE) -> Bounds:
    """Wilson's score interval of a share of `samples`, between 0 and 1."""
    square = quantile(confidence) ** 2
    middle = (share + square / (2 * samples)) / (1 + square / samples)
    half = math.sqrt(square * (share * (1 - share) / samples + square / (4 * samples**2))) / (1 + square / samples)
    # At a share of 0 and of 1 one end is the share itself, but for rounding.
    return Bounds(max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def samples_to_decide(
    share: float, bounds: Bounds, samples: int, limit: float, confidence: float = CONFIDENCE
) -> float | None:
    """How many samples in all move the interval to one side of the limit, where the share stays.

    Where several answers belong to one sample, `bounds` are wider than those of as many independent answers; as many
    times more samples it takes. None where the share is the limit itself: no number does.
    """
    if share == limit:
        return None
    end = bounds.low if share > limit else bounds.high
    square = quantile(confidence) ** 2
    if end == share:
        return None
    worth = square * end * (1 - end) / (share - end) ** 2
    needed = square * limit * (1 - limit) / (share - limit) ** 2
    return samples * needed / worth if worth else None
