"""What one artifact lost against an earlier run: size, latency, memory and what of it is accelerated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from compressor.regression_limits import RegressionLimits
from compressor.report.change import Change, judged
from compressor.report.figures import Interval
from compressor.report.judging import baseline_of, stood_in_for
from compressor.report.latency_limit import latency_ratio
from compressor.report.schema import Row

# Of resident memory: that much comes and goes with the system's own pages.
_PAGES = 1 << 20
_UNKNOWN_NOISE = "the noise of the machine is not known: measure both runs with this version"


def changes(
    old: Row, new: Row, old_rows: Sequence[Row], new_rows: Sequence[Row], limits: RegressionLimits
) -> Iterator[Change]:
    """All figures that both rows have, but for accuracy and agreement.

    Args:
        old_rows, new_rows: where the float32 rows are.
    """
    yield from _size(old, new, limits)
    yield from _latency(old, new, old_rows, new_rows, limits)
    yield from _memory(old, new, limits)
    yield from _accelerated(old, new, limits)


def _size(old: Row, new: Row, limits: RegressionLimits) -> Iterator[Change]:
    limit = ("max_size_growth", limits.max_size_growth)
    for figure, before, after in (
        ("bytes", old.bytes, new.bytes),
        ("deflated bytes", old.bytes_deflated, new.bytes_deflated),
        ("packed bytes", old.bytes_packed, new.bytes_packed),
    ):
        if before and after is not None:
            yield _growth(new, figure, limit, before, after)


def _growth(row: Row, figure: str, limit: tuple[str, float], before: float, after: float) -> Change:
    lost = 100 * (after - before) / before
    return judged(row, figure, limit, lost, "%", before=before, after=after, shown="{:,.0f}")


def _latency(
    old: Row, new: Row, old_rows: Sequence[Row], new_rows: Sequence[Row], limits: RegressionLimits
) -> Iterator[Change]:
    """Ratios of each run are compared, never milliseconds: another machine, or another hour, would be judged by those.

    What a vendor's compiler expects is cycles, the same on every machine.
    """
    limit = ("max_latency_growth", limits.max_latency_growth)
    if old.estimate is not None and new.estimate is not None and old.estimate.cycles:
        yield _growth(new, "cycles", limit, old.estimate.cycles, new.estimate.cycles)
        return
    # What a stand-in on this host takes says nothing of the device.
    if new.stage != "compressed" or new.target in stood_in_for(new_rows):
        return
    if old.latency_ratio is not None and new.latency_ratio is not None:
        before, after = old.latency_ratio.ratio, new.latency_ratio.ratio
        interval = _ratio_interval(old, new)
        yield _ratios(new, limit, before, after, interval, "noise of both runs taken in")
        return
    plain = [latency_ratio(row, baseline_of(row, rows)) for row, rows in ((old, old_rows), (new, new_rows))]
    if plain[0] and plain[1] is not None:
        made = _ratios(new, limit, plain[0], plain[1], None, _UNKNOWN_NOISE)
        # Two medians without noise cannot break a limit.
        yield made.model_copy(update={"verdict": "undecided"}) if made.verdict == "failed" else made


def _ratios(
    row: Row, limit: tuple[str, float], before: float, after: float, interval: Interval | None, how: str
) -> Change:
    lost = 100 * (after / before - 1)
    figure = "latency / float32"
    return judged(row, figure, limit, lost, "%", before=before, after=after, shown="{:.3f}", interval=interval, how=how)


def _ratio_interval(old: Row, new: Row) -> Interval:
    """Of new ratio / old ratio - 1, in percent: errors of independent ratios add up as squares of their logarithms.

    The noise of each run, which its interval over the rounds does not see, is an error of its own.
    """
    assert old.latency_ratio is not None
    assert new.latency_ratio is not None
    down = up = 0.0
    for ratio, outer, inner in (
        (new.latency_ratio, new.latency_ratio.interval.high, new.latency_ratio.interval.low),
        (old.latency_ratio, old.latency_ratio.interval.low, old.latency_ratio.interval.high),
    ):
        noise = math.log1p(ratio.noise) ** 2
        up += _far(outer, ratio.ratio) ** 2 + noise
        down += _far(inner, ratio.ratio) ** 2 + noise
    middle = new.latency_ratio.ratio / old.latency_ratio.ratio
    ends = (middle * math.exp(-math.sqrt(down)), middle * math.exp(math.sqrt(up)))
    return Interval(low=100 * (ends[0] - 1), high=100 * (ends[1] - 1))


def _far(end: float, ratio: float) -> float:
    """How far an end of an interval is, as a logarithm; an interval down to zero is very wide, and no more."""
    return math.log(max(end, 1e-3 * ratio) / ratio)


def _memory(old: Row, new: Row, limits: RegressionLimits) -> Iterator[Change]:
    limit = ("max_memory_growth", limits.max_memory_growth)
    if old.memory is None or new.memory is None:
        if old.host == new.host and old.peak_rss_bytes and new.peak_rss_bytes:
            yield _resident(new, "peak memory", limit, old.peak_rss_bytes, new.peak_rss_bytes)
        return
    exact = (
        ("RAM", old.memory.ram_bytes, new.memory.ram_bytes),
        ("flash", old.memory.flash_bytes, new.memory.flash_bytes),
        ("arena", old.memory.arena_bytes, new.memory.arena_bytes),
    )
    for figure, before, after in exact:
        if before and after is not None:
            yield _growth(new, figure, limit, before, after)
    over = old.memory.over_baseline_bytes, new.memory.over_baseline_bytes
    if old.host == new.host and over[0] and over[1] is not None:
        yield _resident(new, "memory", limit, over[0], over[1])


def _resident(row: Row, figure: str, limit: tuple[str, float], before: int, after: int) -> Change:
    made = _growth(row, figure, limit, before, after)
    if made.verdict == "failed" and after - before < _PAGES:
        return made.model_copy(update={"verdict": "passed", "how": "less than 1 MiB more, which is none"})
    return made


def _accelerated(old: Row, new: Row, limits: RegressionLimits) -> Iterator[Change]:
    if old.placement is None or new.placement is None or new.stage != "compressed":
        return
    before, after = old.placement.accelerated_macs_share, new.placement.accelerated_macs_share
    limit = ("max_accelerated_share_fall", limits.max_accelerated_share_fall)
    lost = 100 * (before - after)
    yield judged(new, "accelerated share", limit, lost, "points", before=before, after=after, shown="{:.2%}")
