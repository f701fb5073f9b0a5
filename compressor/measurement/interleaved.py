"""Latency of one file against another's, turn about in one process, with the noise of the machine stated.

Two measurements one after the other differ by whatever else the machine did meanwhile. Turn about, both files meet the
same disturbances, and what a file is from itself, measured the same way, says which differences mean nothing
(A/A test). Order is shuffled in each round, so that no file always runs on the caches that another left.

Source: A. Abedi and T. Brecht, Conducting Repeatable Experiments in Highly Variable Cloud Computing Environments,
ICPE 2017 (randomized multiple interleaved trials).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compressor.measurement import latency
from compressor.runtimes import Session
from compressor.values import Array, Interval

SEED = 0
# Three warm-ups come on top: about four seconds for a pair.
_TIMED_S, _LONGEST_S = 2.8, 20.0
_ROUNDS, _LEAST_ROUNDS = 60, 6
_MOST_RUNS = 500
_RESAMPLED = 2000
_TAILS = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class LatencyRatio:
    """How long a file takes against another; see `compressor.report.figures.LatencyRatioValue`."""

    ratio: float
    interval: Interval
    noise: float
    rounds: int
    threads: int


@dataclass(frozen=True, slots=True)
class Turn:
    """A session and the sample that it is timed on."""

    session: Session
    sample: Mapping[str, Array]


def ratio(file: Turn, other: Turn, again: Turn, threads: int, seed: int = SEED) -> LatencyRatio:
    """Median over rounds of the file's duration / the other's, with intervals by bootstrap over rounds.

    Args:
        again: a second session of the other file, for the noise.
        threads: of all sessions.
        seed: of the order in each round, and of the bootstrap.
    """
    durations = timed((file, other, again), seed)
    b, a, a_again = durations.T
    random = np.random.default_rng(seed)
    chosen = random.integers(0, len(durations), (_RESAMPLED, len(durations)))
    found, same = b / a, a_again / a
    low, high = _interval(found, chosen)
    return LatencyRatio(
        ratio=round(float(np.median(found)), 5),
        interval=Interval(round(low, 5), round(high, 5)),
        noise=round(noise(same, chosen), 5),
        rounds=len(durations),
        threads=threads,
    )


def noise(same: Array, chosen: Array) -> float:
    """How far a file is from itself: the upper end of the interval of |ratio - 1|, at least half its width.

    Args:
        same: ratios of a file to itself, one per round.
        chosen: rounds of each resample.
    """
    low, high = _interval(same, chosen)
    off = np.abs(np.median(same[chosen], axis=1) - 1)
    return max(float(np.percentile(off, _TAILS[1])), (high - low) / 2)


def timed(turns: Sequence[Turn], seed: int) -> Array:
    """Seconds of one run, (rounds, sessions): medians of short bursts, whose order is another one in each round."""
    usual = [latency.warm_up(turn.session, turn.sample) for turn in turns]
    burst = _TIMED_S / _ROUNDS / len(turns)
    runs = [int(np.clip(round(burst / max(each, 1e-9)), 1, _MOST_RUNS)) for each in usual]
    random, rounds = np.random.default_rng(seed), list[list[float]]()
    started = time.perf_counter()
    while len(rounds) < _ROUNDS:
        row = [0.0] * len(turns)
        for place in random.permutation(len(turns)):
            turn = turns[place]
            row[place] = float(np.median([latency.once(turn.session, turn.sample) for _ in range(runs[place])]))
        rounds.append(row)
        elapsed = time.perf_counter() - started
        if elapsed > _LONGEST_S or (elapsed > _TIMED_S and len(rounds) >= _LEAST_ROUNDS):
            break
    return np.array(rounds)


def _interval(values: Array, chosen: Array) -> tuple[float, float]:
    """Percentile bootstrap of the median (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13)."""
    low, high = np.percentile(np.median(values[chosen], axis=1), _TAILS)
    return float(low), float(high)
