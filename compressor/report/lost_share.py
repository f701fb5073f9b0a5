"""How sure a loss against an earlier run is, and how many more samples would decide its limit.

Samples are paired by the outputs of both runs, or by the float32 file: where both compressed files were compared with
the same float32 answers, no sample differs between them that does not differ from the float32 file in one of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from compressor.report.figures import Interval
from compressor.report.kept_answers import Kept
from compressor.statistics import Bounds, paired_shares, unpaired_shares
from compressor.statistics.paired_shares import Pairs

NOT_PAIRED = "not paired: as if of different samples"
BY_FLOAT32 = "paired by the float32 file"
# So many times the samples is no help to anyone.
_MOST = 2.0**40


@dataclass(frozen=True, slots=True)
class Sure:
    """An interval and how it was had.

    Attributes:
        interval: None where the loss is exact, or not known.
        more_samples: how many beyond those there are would decide a limit; None where that is not known.
    """

    interval: Interval | None
    how: str
    more_samples: Callable[[float], int | None] | None = None


def of_pairs(pairs: Pairs, how: str) -> Sure:
    """Of samples that are right or wrong in both runs, in points."""
    return Sure(
        _points(paired_shares.interval(pairs)),
        how,
        lambda limit: _beyond(paired_shares.samples_to_decide(pairs, limit / 100), pairs.samples),
    )


def by_float32(old: Kept, new: Kept, before: float, after: float) -> Sure | None:
    """Of two shares of right answers to the same samples, each with its outcomes against the same float32 file.

    The outcomes bound how many samples can differ between the runs; the loss itself is that of the values. None where
    the float32 files are not the same one, or outcomes are not known.
    """
    one, other = old.float32(), new.float32()
    if one is None or other is None or one.sha256 is None or one.sha256 != other.sha256:
        return None
    counted = [_differing(each) for each in (old, new)]
    if counted[0] is None or counted[1] is None or counted[0][1] != counted[1][1]:
        return None
    samples = counted[0][1]
    lost = (before - after) * samples
    # Outcomes that lag behind the values are those of a report that contradicts itself.
    differing = max(counted[0][0] + counted[1][0], abs(lost))
    return of_pairs(Pairs((differing + lost) / 2, (differing - lost) / 2, samples), BY_FLOAT32)


def unpaired(old: Kept, new: Kept, before: float, after: float) -> Sure:
    """Of two shares, as if each was of samples of its own."""
    first, second = (max(1, each.run.data(each.row).evaluation) for each in (old, new))

    def interval(times: float) -> Interval:
        counts = round(first * times), round(second * times)
        return _points(unpaired_shares.interval(before, counts[0], after, counts[1]))

    def more_samples(limit: float) -> int | None:
        times = None if abs(100 * (before - after) - limit) < 1e-9 else _times_to_decide(interval, limit)
        return _beyond(None if times is None else times * second, second)

    return Sure(interval(1), NOT_PAIRED, more_samples)


def _differing(kept: Kept) -> tuple[int, int] | None:
    """How many samples can differ from the float32 file, and of how many."""
    found = kept.row.outcomes
    if found is None or found.worse is None or found.better is None:
        return None
    return found.worse + found.better, found.samples


def _times_to_decide(interval: Callable[[float], Interval], limit: float) -> float | None:
    """How many times the samples move the interval to one side of the limit, where both shares stay."""

    def decided(times: float) -> bool:
        found = interval(times)
        return found.high <= limit or found.low > limit

    few, many = 1.0, 2.0
    while not decided(many):
        few, many = many, 2 * many
        if many > _MOST:
            return None
    while many - few > 1e-3 * few:
        middle = (few + many) / 2
        few, many = (few, middle) if decided(middle) else (middle, many)
    return many


def _points(bounds: Bounds) -> Interval:
    return Interval(low=100 * bounds.low, high=100 * bounds.high)


def _beyond(needed: float | None, samples: float) -> int | None:
    return None if needed is None else max(1, math.ceil(needed - samples))
