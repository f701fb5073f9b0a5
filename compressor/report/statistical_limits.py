"""Limits on what samples tell: drop and agreement, decided by 95 % intervals, and whether a gain can be chance."""

from __future__ import annotations

import math
from collections.abc import Iterator

from compressor.limits import TargetLimits
from compressor.report.figures import Interval
from compressor.report.judging import Judged, lacks_labels, received, undecided
from compressor.report.schema import Answer, Judgement, Row
from compressor.statistics import Bounds, paired_shares, quantile, share
from compressor.statistics.paired_shares import Pairs

PLAUSIBLE = "plausible"
# A gain so unlikely between equally good files is none of chance; an interval of 99.9 % says the same of a mean.
_P_OF_GAIN, _CONFIDENCE_OF_GAIN = 0.001, 0.999
# Without a limit to tell what matters, so large a gain does.
_LARGE = {"points": 1.0, "percent": 2.0, "dB": 1.0}


def judge(judged: Judged, limits: TargetLimits) -> Iterator[Judgement]:
    """Drop, where there are labels, and agreement."""
    row = judged.row
    if not lacks_labels(row):
        limit, allowed = limits.of_drop(row.drop_unit)
        if allowed is not None:
            yield _drop(judged, limit, allowed)
        elif row.stage == "compressed" and row.drop is not None and row.drop_interval is not None:
            yield _plausible(judged, row.drop, row.drop_interval)
    if limits.min_agreement is not None:
        yield _agreement(judged, limits.min_agreement)


def _drop(judged: Judged, limit: str, allowed: float) -> Judgement:
    row = judged.row
    expected = f"at most {allowed:g} {row.drop_unit or 'points'}"
    if row.drop is None:
        return judged.judged(limit, "failed", expected, "not known: it could not be measured")
    verdict = _at_most(row.drop, row.drop_interval, allowed)
    more, aside = None, ""
    if verdict == "undecided":
        more = _more(row, allowed)
        aside = undecided(more)
    # A limit below 0 asks for a gain, which may be too small for it.
    if verdict == "passed" and _gained(row, allowed):
        verdict, aside = ("passed", _LEARNED) if judged.trained else ("implausible", _IMPLAUSIBLE)
    told = received(row.drop, row.drop_interval)
    interval = row.drop_interval
    return judged.judged(
        limit, verdict, expected, told, value=row.drop, interval=interval, more_samples=more, aside=aside
    )


_LEARNED = "better than chance allows, which the training of the recipe explains"
_IMPLAUSIBLE = "implausible, better than the float32 file by more than chance allows: see that both got the same data"


def _plausible(judged: Judged, drop: float, interval: Interval) -> Judgement:
    verdict: Answer = "passed"
    aside = ""
    if _gained(judged.row, None):
        verdict, aside = ("passed", _LEARNED) if judged.trained else ("implausible", _IMPLAUSIBLE)
    expected, told = "no gain beyond chance", f"a drop of {received(drop, interval)}"
    return judged.judged(PLAUSIBLE, verdict, expected, told, value=drop, interval=interval, aside=aside)


def _agreement(judged: Judged, least: float) -> Judgement:
    row, expected = judged.row, f"at least {least:g}"
    if row.agreement is None:
        return judged.judged("min_agreement", "failed", expected, "not known")
    interval = row.agreement_interval
    verdict: Answer = "passed" if row.agreement >= least else "failed"
    more = None
    if interval is not None:
        verdict = "passed" if interval.low >= least else "failed" if interval.high < least else "undecided"
    if verdict == "undecided" and interval is not None and row.outcomes is not None:
        bounds, samples = Bounds(interval.low, interval.high), row.outcomes.samples
        more = _beyond(share.samples_to_decide(row.agreement, bounds, samples, least), samples)
    told = received(row.agreement, interval)
    aside = undecided(more) if verdict == "undecided" else ""
    return judged.judged(
        "min_agreement", verdict, expected, told, value=row.agreement, interval=interval, more_samples=more, aside=aside
    )


def _at_most(value: float, interval: Interval | None, allowed: float) -> Answer:
    if interval is None:
        return "passed" if value <= allowed else "failed"
    if interval.high <= allowed:
        return "passed"
    return "failed" if interval.low > allowed else "undecided"


def _pairs(row: Row) -> Pairs | None:
    found = row.outcomes
    if found is None or found.worse is None or found.better is None:
        return None
    return Pairs(found.worse, found.better, found.samples)


def _more(row: Row, allowed: float) -> int | None:
    """How many samples beyond those there are would decide the limit of a drop."""
    if row.outcomes is None or row.drop is None or row.drop_interval is None:
        return None
    pairs, samples = _pairs(row), row.outcomes.samples
    if pairs is not None:
        return _beyond(paired_shares.samples_to_decide(pairs, allowed / 100), samples)
    margin = abs(row.drop - allowed)
    half = row.drop - row.drop_interval.low if row.drop > allowed else row.drop_interval.high - row.drop
    # The half-width of a mean's interval goes with the root of the number of samples.
    return _beyond(samples * (half / margin) ** 2 if margin else None, samples)


def _beyond(needed: float | None, samples: int) -> int | None:
    return None if needed is None else max(1, math.ceil(needed) - samples)


def _gained(row: Row, allowed: float | None) -> bool:
    """A compressed file that is better than its float32 file by more than chance allows."""
    if row.stage != "compressed" or row.drop is None or row.drop_interval is None or row.drop >= 0:
        return False
    pairs = _pairs(row)
    if pairs is not None:
        return paired_shares.p_of_gain(pairs) < _P_OF_GAIN
    wider = quantile(_CONFIDENCE_OF_GAIN) / quantile()
    high = row.drop + wider * (row.drop_interval.high - row.drop)
    matters = _LARGE[row.drop_unit or "points"] if allowed is None else abs(allowed)
    return high < 0 and -row.drop > matters
