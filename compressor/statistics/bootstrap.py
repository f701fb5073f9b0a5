"""Intervals of any number by resampling: samples are drawn with replacement, the same ones for both files.

Efron: Better bootstrap confidence intervals, Journal of the American Statistical Association 82, 1987. Where a number
follows from means over samples, its interval is bias-corrected and accelerated (BCa); else it is what lies between the
percentiles. All draws come of a stated seed.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from compressor.statistics import CONFIDENCE, Bounds, quantile

_Float = NDArray[np.float64]
_SEED = 0
# Draws that are held at a time: 8 MiB of positions.
_AT_A_TIME = 1 << 20
_MOST, _FEWEST, _ALL_DRAWS = 10_000, 2_000, 50_000_000


def of_means(scores: _Float, number: Callable[[_Float], _Float], confidence: float = CONFIDENCE) -> Bounds:
    """The BCa interval of a number that follows from means over samples.

    Args:
        scores: one row per sample, one column per mean.
        number: of the means, in the last axis, for any number of rows at once.
    """
    told = float(number(scores.mean(0)))
    drawn = number(_means(scores))
    left_out = number((scores.sum(0) - scores) / (len(scores) - 1)) if len(scores) > 1 else np.zeros(1)
    return _corrected(told, np.sort(drawn), left_out, confidence)


def of_rows(
    count: int, number: Callable[[NDArray[np.int64]], float | None], resamples: int, confidence: float = CONFIDENCE
) -> Bounds | None:
    """The percentile interval of any number of the drawn samples.

    Args:
        count: of the samples.
        number: of the positions that were drawn; None where it is not defined for them.

    Returns:
        None where the number was not defined for more than every tenth draw.
    """
    rng = np.random.default_rng(_SEED)
    found = (number(rng.integers(0, count, count)) for _ in range(resamples))
    drawn = np.array([each for each in found if each is not None])
    if len(drawn) < 0.9 * resamples:
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail))
    return Bounds(float(low), float(high))


def _means(scores: _Float) -> _Float:
    """Of each resample, its means."""
    count = len(scores)
    resamples = min(_MOST, max(_FEWEST, _ALL_DRAWS // count))
    rng = np.random.default_rng(_SEED)
    block = max(1, _AT_A_TIME // count)
    means = np.empty((resamples, scores.shape[1]))
    columns = [np.ascontiguousarray(column) for column in scores.T]
    for start in range(0, resamples, block):
        some = means[start : start + block]
        positions = rng.integers(0, count, (len(some), count), dtype=np.int32)
        for place, column in enumerate(columns):
            some[:, place] = column[positions].mean(1)
    return means


def _corrected(told: float, drawn: _Float, left_out: _Float, confidence: float) -> Bounds:
    """BCa: percentiles moved by the bias of the draws and by how the spread changes with the number itself."""
    if drawn[0] == drawn[-1]:
        return Bounds(told, told)
    normal = NormalDist()
    below = (np.sum(drawn < told) + np.sum(drawn <= told)) / 2
    bias = normal.inv_cdf(float(np.clip(below, 0.5, len(drawn) - 0.5)) / len(drawn))
    far = left_out.mean() - left_out
    spread = float(np.square(far).sum())
    acceleration = float((far**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    ends = []
    for z in (-quantile(confidence), quantile(confidence)):
        moved = bias + (bias + z) / max(1 - acceleration * (bias + z), 1e-3)
        ends.append(float(np.quantile(drawn, normal.cdf(moved))))
    return Bounds(min(ends[0], told), max(ends[1], told))
