"""Latency of one sample: warm-up, then timed runs with a stated number of threads on pinned cores."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from compressor.runtimes import Session
from compressor.values import Array, Latency

_WARM_UP_S = 0.3
_TIMED_S = 1.5
_LONGEST_S = 20.0
_MIN_WARM_UP, _MIN_RUNS, _MAX_RUNS = 3, 30, 2000


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
    _repeat(session, sample, _WARM_UP_S, _MIN_WARM_UP)
    times = np.array(_repeat(session, sample, _TIMED_S, _MIN_RUNS)) * 1e3
    p50, p90, p99 = (round(float(value), 5) for value in np.percentile(times, (50, 90, 99)))
    return Latency(p50, p90, p99, threads, len(times))


def _repeat(session: Session, sample: Mapping[str, Array], seconds: float, least: int) -> list[float]:
    """Durations in seconds: at least `least` runs and `seconds`, but never much longer than the longest allowed."""
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < _MAX_RUNS:
        session.load(sample)
        before = time.perf_counter()
        session.invoke()
        after = time.perf_counter()
        times.append(after - before)
        elapsed = after - started
        if (len(times) >= least and elapsed > seconds) or elapsed > _LONGEST_S:
            break
    return times
