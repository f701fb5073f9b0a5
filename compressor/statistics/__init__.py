"""How sure a number is: intervals of shares, of their paired differences, and of anything else by resampling."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Bounds:
    """The ends of a confidence interval."""

    low: float
    high: float


def quantile(confidence: float = CONFIDENCE) -> float:
    """Of the standard normal distribution: what lies within ± this has the probability `confidence`."""
    return NormalDist().inv_cdf((1 + confidence) / 2)
