"""The limit on latency: beyond it only where neither chance nor the machine's own noise explains it."""

from __future__ import annotations

from collections.abc import Iterator

from compressor.limits import TargetLimits
from compressor.report.figures import LatencyRatioValue
from compressor.report.judging import Judged, received
from compressor.report.schema import Answer, Judgement, Row

_LIMIT = "max_latency_ratio"


def judge(judged: Judged, limits: TargetLimits) -> Iterator[Judgement]:
    """The ratio of both files run turn about, with its interval; without it that of their medians, as it is.

    What a stand-in on this host takes says nothing of the device, and is not judged.
    """
    allowed, row = limits.max_latency_ratio, judged.row
    if allowed is None or judged.stood_in_for:
        return
    expected = f"at most {allowed:g} of the float32 p50"
    turns = row.latency_ratio
    if turns is not None:
        yield _by_turns(judged, turns, allowed, expected)
        return
    ratio = latency_ratio(row, judged.baseline)
    verdict: Answer = "passed" if ratio is not None and ratio <= allowed else "failed"
    told = "not known: it could not be measured" if ratio is None else f"{ratio:.6g}"
    yield judged.judged(_LIMIT, verdict, expected, told, value=ratio)


def latency_ratio(row: Row, baseline: Row | None) -> float | None:
    """Compressed p50 / float32 p50, both of the same run."""
    if baseline is None or baseline.latency_ms is None or row.latency_ms is None or not baseline.latency_ms.p50:
        return None
    return row.latency_ms.p50 / baseline.latency_ms.p50


def _by_turns(judged: Judged, turns: LatencyRatioValue, allowed: float, expected: str) -> Judgement:
    verdict: Answer = "undecided"
    if turns.interval.low / (1 + turns.noise) > allowed:
        verdict = "failed"
    elif turns.interval.high <= allowed:
        verdict = "passed"
    told = f"{received(turns.ratio, turns.interval)}, where a file differs from itself by up to {turns.noise:.1%}"
    aside = "undecided, time it on an idle machine" if verdict == "undecided" else ""
    return judged.judged(_LIMIT, verdict, expected, told, value=turns.ratio, interval=turns.interval, aside=aside)
