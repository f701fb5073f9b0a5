"""95 % intervals of drop and agreement, from the answers to single samples.

Both files answer the same samples, so that what counts is where they differ. What belongs to one sample, such as the
positions of a sequence, is drawn together.
"""

from __future__ import annotations

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
# Where a metric is computed anew for each draw: so many draws, as long as they read no more numbers than `_READ`.
_MOST, _FEWEST, _READ = 1_000, 100, 20_000_000
# With the fewest draws, no more numbers than these are read; a metric of more has no interval.
_READ_AT_MOST = 500_000_000
# A metric of the user's own may take long for each draw.
_OWN = 100
# Where fewer samples than these have changed, resampling cannot tell how much one that was not seen would change.
_FEW_CHANGED = 5

_Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DropInterval:
    """Of a drop in its metric's unit: the interval, and how it was had.

    Attributes:
        bounds: None where samples are too few or too large for the bootstrap, or the metric is not defined for them.
        pairs: samples that are right for one file alone; None where a sample is not simply right or wrong.
    """

    bounds: Bounds | None
    by: str
    samples: int
    pairs: Pairs | None = None


def of_drop(metric: Metric, labels: Array, outputs: Array, reference: Array) -> DropInterval:
    """How far the drop of a metric against the reference can be from what the samples tell.

    McNemar's pairs where each sample is right or wrong, or where few shares of right answers changed; else the
    bootstrap: of the samples' scores where the metric is a mean of such, of the samples themselves where it is none.
    Files whose outputs are the same to the bit do not differ.
    """
    samples = len(outputs)
    if not samples:
        return DropInterval(None, BY_BOOTSTRAP, samples)
    if metric.scores is None:
        return DropInterval(_of_any(metric, labels, outputs, reference), BY_BOOTSTRAP, samples)
    ours, theirs = metric.scores(labels, outputs), metric.scores(labels, reference)
    if metric.right_or_wrong:
        return _of_answers(metric, ours, theirs, outputs, reference)
    if samples < bootstrap.FEWEST_SAMPLES:
        return DropInterval(None, BY_BOOTSTRAP, samples)

    def drop(means: _Float) -> _Float:
        values = metric.of_mean(means)
        return metric.drops(values[..., 0], values[..., 1])

    return DropInterval(_known(bootstrap.of_means(np.stack([ours, theirs], 1), drop)), BY_BOOTSTRAP, samples)


def of_agreement(metric: str, outputs: Array, reference: Array, trusted: bool = False) -> Bounds:
    """How far the share of equal answers can be from what the samples tell: Wilson's interval.

    Where a sample has several answers, that of the shares of the samples, by the bootstrap where enough of them differ.
    Files whose outputs are the same to the bit do not differ.

    Args:
        metric: says what an answer is; "" takes the one that the reference looks like.
    """
    if not len(outputs):
        return Bounds(0.0, 1.0)
    if _same_to_the_bit(outputs, reference):
        return Bounds(1.0, 1.0)
    name = metric or metrics.choose(None, reference).name
    same = metrics.load(name, trusted).same(outputs, reference).reshape(len(outputs), -1)
    shares = answers.shares(same)
    if np.sum(shares < 1) < _FEW_CHANGED or set(np.unique(shares)) <= {0.0, 1.0}:
        unit = _largest_change(1 - shares, same.shape[1])
        found = share.interval(1 - float((1 - shares).mean()) / unit, len(shares))
        return Bounds(max(0.0, 1 - unit * (1 - found.low)), 1 - unit * (1 - found.high))
    found = bootstrap.of_means(shares[:, None], lambda means: means[..., 0])
    return Bounds(max(0.0, found.low), min(1.0, found.high))


def _of_answers(metric: Metric, ours: _Float, theirs: _Float, outputs: Array, reference: Array) -> DropInterval:
    """Of shares of right answers, one share a sample."""
    samples, lost = len(ours), theirs - ours
    pairs = Pairs(int(np.sum(lost > 0)), int(np.sum(lost < 0)), samples)
    known = pairs if set(np.unique((ours, theirs))) <= {0.0, 1.0} else None
    if _same_to_the_bit(outputs, reference):
        return DropInterval(Bounds(0.0, 0.0), BY_PAIRS, samples, known)
    if known is None and pairs.worse + pairs.better >= _FEW_CHANGED:
        found = bootstrap.of_means(lost[:, None], lambda means: means[..., 0])
        return DropInterval(Bounds(100 * found.low, 100 * found.high), BY_BOOTSTRAP, samples)
    unit = _largest_change(lost, metric.same(outputs, reference).size // samples)
    worse, better = (float(np.maximum(each, 0).sum()) / unit for each in (lost, -lost))
    found = paired_shares.interval(Pairs(worse, better, samples))
    return DropInterval(Bounds(100 * unit * found.low, 100 * unit * found.high), BY_PAIRS, samples, known)


def _largest_change(changes: _Float, answers_each: int) -> float:
    """By how much a sample can plausibly change: as one that did, or by one of its answers where none did.

    Counted in it, the changes vary no less than they do, so that an interval of pairs is wide enough.
    """
    return float(np.abs(changes).max()) or 1 / answers_each


def _same_to_the_bit(outputs: Array, reference: Array) -> bool:
    """Whole numbers may be answers already, and equal answers leave the doubt that few samples leave."""
    return bool(np.array_equal(outputs, reference)) and not np.array_equal(outputs, np.round(outputs))


def _known(bounds: Bounds) -> Bounds | None:
    return bounds if np.isfinite((bounds.low, bounds.high)).all() else None


def _of_any(metric: Metric, labels: Array, outputs: Array, reference: Array) -> Bounds | None:
    """By drawing samples, how often is told by counts alone, so that the same run has the same interval anywhere."""
    numbers = outputs.size + reference.size
    if len(outputs) < bootstrap.FEWEST_SAMPLES or numbers * _FEWEST > _READ_AT_MOST:
        return None
    resamples = _OWN if metric.own else min(_MOST, max(_FEWEST, _READ // numbers))
    return bootstrap.of_rows(len(outputs), _drawn(metric, labels, outputs, reference), resamples)


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
