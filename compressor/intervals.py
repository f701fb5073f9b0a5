"""95 % intervals of drop and agreement, from the answers to single samples.

Both files answer the same samples, so that what counts is where they differ. What belongs to one sample, such as the
positions of a sequence, is drawn together.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compressor import answers, metrics
from compressor.errors import BadInput
from compressor.metrics import Metric
from compressor.statistics import Bounds, bootstrap, paired_shares, share
from compressor.statistics.paired_shares import Pairs
from compressor.values import Array

BY_PAIRS, BY_BOOTSTRAP = "McNemar's pairs", "bootstrap"
# Where a metric is computed anew for each draw: numbers that are read in all, and how many draws that may be.
_READ, _FEWEST, _MOST = 20_000_000, 100, 1_000
# A metric of the user's own may take long; the run must not.
_LONGEST_S = 120.0

_Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DropInterval:
    """Of a drop in its metric's unit: the interval, and how it was had.

    Attributes:
        bounds: None where the metric takes too long, or is not defined for most draws.
        pairs: samples that are right for one file alone; None where a sample is not simply right or wrong.
    """

    bounds: Bounds | None
    by: str
    samples: int
    pairs: Pairs | None = None


def of_drop(metric: Metric, labels: Array, outputs: Array, reference: Array) -> DropInterval:
    """How far the drop of a metric against the reference can be from what the samples tell.

    McNemar's pairs where each sample is right or wrong, or where all score the same; else the bootstrap: of the
    samples' scores where the metric is a mean of such, of the samples themselves where it is none.
    """
    samples = len(outputs)
    if metric.scores is None:
        return DropInterval(_of_any(metric, labels, outputs, reference), BY_BOOTSTRAP, samples)
    ours, theirs = metric.scores(labels, outputs), metric.scores(labels, reference)
    if metric.unit == "points" and (_right_or_wrong(ours, theirs) or np.array_equal(ours, theirs)):
        worse, better = int(np.sum(ours < theirs)), int(np.sum(ours > theirs))
        pairs = Pairs(worse, better, samples)
        bounds = paired_shares.interval(pairs)
        return DropInterval(Bounds(100 * bounds.low, 100 * bounds.high), BY_PAIRS, samples, pairs)

    def drop(means: _Float) -> _Float:
        values = metric.of_mean(means)
        return metric.drops(values[..., 0], values[..., 1])

    return DropInterval(bootstrap.of_means(np.stack([ours, theirs], 1), drop), BY_BOOTSTRAP, samples)


def of_agreement(metric: str, outputs: Array, reference: Array, trusted: bool = False) -> Bounds:
    """How far the share of equal answers can be from what the samples tell: Wilson's interval.

    Where a sample has several answers, that of the shares of the samples, by the bootstrap.

    Args:
        metric: says what an answer is; "" takes the one that the reference looks like.
    """
    name = metric or metrics.choose(None, reference).name
    same = metrics.load(name, trusted).same(outputs, reference)
    shares = answers.shares(same.reshape(len(outputs), -1))
    if set(np.unique(shares)) <= {0.0, 1.0}:
        return share.interval(float(shares.mean()), len(shares))
    found = bootstrap.of_means(shares[:, None], lambda means: means[..., 0])
    return Bounds(max(0.0, found.low), min(1.0, found.high))


def _right_or_wrong(*scores: _Float) -> bool:
    return all(set(np.unique(each)) <= {0.0, 1.0} for each in scores)


def _of_any(metric: Metric, labels: Array, outputs: Array, reference: Array) -> Bounds | None:
    """By drawing samples; none where the first draws tell that all would take too long."""
    drawn = _drawn(metric, labels, outputs, reference)
    resamples = min(_MOST, max(_FEWEST, _READ // (outputs.size + reference.size)))
    started, tried = time.monotonic(), 3
    rng = np.random.default_rng(0)
    first = [drawn(rng.integers(0, len(outputs), len(outputs))) for _ in range(tried)]
    too_long = (time.monotonic() - started) / tried * resamples > _LONGEST_S
    if too_long or all(each is None for each in first):
        return None
    return bootstrap.of_rows(len(outputs), drawn, resamples)


def _drawn(
    metric: Metric, labels: Array, outputs: Array, reference: Array
) -> Callable[[NDArray[np.int64]], float | None]:
    def drop(rows: NDArray[np.int64]) -> float | None:
        try:
            values = (metric.value(labels[rows], each[rows]) for each in (outputs, reference))
            found = metric.drop(*values)
        except BadInput:
            # Such a draw may hold one class alone, of which some metrics say nothing.
            return None
        return found if np.isfinite(found) else None

    return drop
