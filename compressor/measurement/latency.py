"""Latency of one sample: warm-up, then timed runs with a stated number of threads on pinned cores."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from compressor.runtimes import Session
from compressor.values import Array, Interval, Latency

_WARM_UP_S = 0.3
_TIMED_S = 1.5
_LONGEST_S = 20.0
_MIN_WARM_UP, _MIN_RUNS, _MAX_RUNS = 3, 30, 2000
# 2.5 % is one in so many.
_ONE_SIDE = 40
_QUANTILES = 41


@contextmanager
def pinned(threads: int) -> Iterator[None]:
    """Keep this process, and the threads a runtime starts meanwhile, on the first `threads` cores."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:threads])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def time_session(session: Session, sample: Mapping[str, Array], threads: int) -> Latency:
    """Median and tail of `invoke`, in milliseconds; loading the sample is not timed."""
    warm_up(session, sample)
    times = np.array(repeated(session, sample, _TIMED_S, _MIN_RUNS)) * 1e3
    p50, p90, p99 = _rounded(np.percentile(times, (50, 90, 99)))
    spread = _rounded(np.percentile(times, np.linspace(0, 100, _QUANTILES)))
    return Latency(p50, p90, p99, threads, len(times), median_interval(times), spread)


def warm_up(session: Session, sample: Mapping[str, Array]) -> float:
    """Run until caches and clocks have settled; the median duration in seconds."""
    return float(np.median(repeated(session, sample, _WARM_UP_S, _MIN_WARM_UP)))


def median_interval(values: Array) -> Interval:
    """A 95 % interval of the median from the order of the values alone, whatever their distribution.

    The number of values below the median is binomial, so that the median lies between the k-th smallest and the k-th
    largest value, for the largest k that leaves 2.5 % on either side. Few values leave no such k: then between all.

    Source: W. J. Conover, Practical Nonparametric Statistics, 3rd edition, 1999, section 3.2.
    """
    ordered = np.sort(values)
    rank = _rank(len(ordered))
    return Interval(*_rounded((ordered[rank], ordered[-1 - rank])))


def _rank(count: int) -> int:
    """How many values are cut off at either end."""
    whole, ways, below, rank = 2**count, 1, 1, 0
    # P(at most `rank` of `count` fair coins show heads) ≤ 2.5 %, in whole numbers.
    while below * _ONE_SIDE <= whole:
        ways = ways * (count - rank) // (rank + 1)
        below += ways
        rank += 1
    return max(rank - 1, 0)


def _rounded(values: Sequence[float] | Array) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in values)


def repeated(session: Session, sample: Mapping[str, Array], seconds: float, least: int) -> list[float]:
    """Durations in seconds: at least `least` runs and `seconds`, but never much longer than the longest allowed."""
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < _MAX_RUNS:
        times.append(once(session, sample))
        elapsed = time.perf_counter() - started
        if (len(times) >= least and elapsed > seconds) or elapsed > _LONGEST_S:
            break
    return times


def once(session: Session, sample: Mapping[str, Array]) -> float:
    """Seconds of one run; loading the sample is not timed."""
    session.load(sample)
    before = time.perf_counter()
    session.invoke()
    return time.perf_counter() - before
