"""Two shares of different samples: their difference.

Newcombe: Interval estimation for the difference between independent proportions: comparison of eleven methods,
Statistics in Medicine 17, 1998 (method 10, of Wilson's intervals).
"""

from __future__ import annotations

import math

from compressor.statistics import CONFIDENCE, Bounds, share


def interval(
    before: float, samples_before: int, after: float, samples_after: int, confidence: float = CONFIDENCE
) -> Bounds:
    """The interval of `before` - `after`, between -1 and 1."""
    old, new = share.interval(before, samples_before, confidence), share.interval(after, samples_after, confidence)
    lost = before - after
    low = lost - math.hypot(before - old.low, new.high - after)
    high = lost + math.hypot(old.high - before, after - new.low)
    return Bounds(max(-1.0, low), min(1.0, high))
