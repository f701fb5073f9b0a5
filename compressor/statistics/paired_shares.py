"""Two shares of the same samples, such as the accuracies of two files: their difference, and whether it is chance.

Only samples with different outcomes tell anything. The interval inverts the score form of McNemar's test: Tango,
Equivalence test and confidence interval for the difference in proportions for the paired-sample design, Statistics in
Medicine 17, 1998. It holds its promise for few samples too, and where no outcome differs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from compressor.statistics import CONFIDENCE, Bounds, quantile

_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Pairs:
    """Of `samples`, how many came out worse than in the reference, and how many better; all others the same."""

    worse: float
    better: float
    samples: float

    @property
    def drop(self) -> float:
        """The share that was lost, negative for a gain."""
        return (self.worse - self.better) / self.samples


def interval(pairs: Pairs, confidence: float = CONFIDENCE) -> Bounds:
    """Tango's score interval of the drop, between -1 and 1."""
    z = quantile(confidence)
    return Bounds(_end(pairs, -1.0, z), _end(pairs, 1.0, z))


def p_value(pairs: Pairs) -> float:
    """Of McNemar's exact test on two sides: how likely outcomes so uneven are where both files are equally good."""
    return min(1.0, 2 * min(_at_least(pairs.worse, pairs), _at_least(pairs.better, pairs)))


def p_of_gain(pairs: Pairs) -> float:
    """Of McNemar's exact test on one side: how likely so many better outcomes are where both are equally good."""
    return _at_least(pairs.better, pairs)


def samples_to_decide(pairs: Pairs, limit: float, confidence: float = CONFIDENCE) -> float | None:
    """How many samples in all move the interval to one side of the limit, where worse and better stay as frequent.

    None where the drop is the limit itself: no number does.
    """
    margin = pairs.drop - limit
    if abs(margin) < 1e-12:
        return None
    return float(quantile(confidence) ** 2 * _variance(pairs, limit) / margin**2)


def _variance(pairs: Pairs, drop: float) -> float:
    """Of one sample's outcome, with the likeliest frequencies among those whose difference is `drop`."""
    worse, better = pairs.worse / pairs.samples, pairs.better / pairs.samples
    b = (2 - worse + better) * drop - worse - better
    root = math.sqrt(max(0.0, b * b + 8 * better * drop * (1 - drop)))
    return max(0.0, (root - b) / 2 + drop * (1 - drop))


def _end(pairs: Pairs, outermost: float, z: float) -> float:
    """Where the drop stops to be compatible with the pairs, on the way to -1 or 1."""
    inner, outer = pairs.drop, outermost
    for _ in range(_HALVINGS):
        middle = (inner + outer) / 2
        compatible = pairs.samples * (pairs.drop - middle) ** 2 <= z * z * _variance(pairs, middle)
        inner, outer = (middle, outer) if compatible else (inner, middle)
    return inner


def _at_least(count: float, pairs: Pairs) -> float:
    """How likely a fair coin falls `count` times or more on one side."""
    differing, least = round(pairs.worse + pairs.better), round(count)
    logs = (
        math.lgamma(differing + 1) - math.lgamma(each + 1) - math.lgamma(differing - each + 1) - differing * math.log(2)
        for each in range(least, differing + 1)
    )
    return min(1.0, math.fsum(math.exp(each) for each in logs))
