"""What an artifact lost of its accuracy and its agreement against an earlier run, and how sure that is.

Where both runs evaluated the same samples, these are paired, and only those whose answers changed count: by the outputs
of both, or by what is known of each against the same float32 file. Else two shares are compared as those of different
samples, which is less sure.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from compressor import intervals, metrics
from compressor.metrics import Metric
from compressor.regression_limits import RegressionLimits
from compressor.report.change import Change, change, judged
from compressor.report.figures import Interval
from compressor.report.kept_answers import Kept, value_of
from compressor.report.kept_run import Run
from compressor.report.lost_share import Sure, by_float32, of_pairs, unpaired
from compressor.report.schema import Row
from compressor.statistics.paired_shares import Pairs

# Metrics that are shares of right answers.
_SHARES = ("accuracy", "binary_accuracy", "top_5_accuracy")
_UNITS = {"percent": "%"}
_SAME_FILE = "the same file"


def changes(old: Run, new: Run, before: Row, after: Row, limits: RegressionLimits) -> Iterator[Change]:
    """The change of the metric and of the agreement, where the earlier row has them."""
    one, other = Kept(old, before), Kept(new, after)
    if before.metric is not None:
        yield _metric(one, other, limits)
    if before.agreement is not None:
        yield _agreement(one, other, limits)


def _metric(old: Kept, new: Kept, limits: RegressionLimits) -> Change:
    before, after = old.row.metric, new.row.metric
    assert before is not None
    if after is None or after.name != before.name:
        received = "not known any more" if after is None else f"another metric, {after.name}"
        return change(new.row, before.name, "max_accuracy_fall", "failed", f"{before.name}, as before", received)
    if ":" in before.name:
        return _by_drops(old.row, new.row, limits)
    metric = metrics.load(before.name)
    sure = _metric_sure(old, new, metric)
    return judged(
        new.row,
        before.name,
        limits.of_metric(metric.unit),
        metric.drop(after.value, before.value),
        _UNITS.get(metric.unit, metric.unit),
        before=before.value,
        after=after.value,
        shown="{:.2%}" if before.name in _SHARES else "{:.5g}",
        interval=sure.interval,
        how=sure.how,
        more_samples=sure.more_samples,
    )


def _by_drops(old: Row, new: Row, limits: RegressionLimits) -> Change:
    """Of a metric that is code of the user's own, only its drops against float32 say which way is worse."""
    name = new.metric.name if new.metric else ""
    unit = new.drop_unit or "points"
    if old.drop is None or new.drop is None:
        return change(new, name, limits.of_metric(unit)[0], "undecided", "a drop in both runs", "none")
    lost, how = new.drop - old.drop, "drops against float32, by the values alone"
    limit, shown = limits.of_metric(unit), _UNITS.get(unit, unit)
    return judged(new, name, limit, lost, shown, before=old.drop, after=new.drop, shown="{:+.3g}", how=how)


def _metric_sure(old: Kept, new: Kept, metric: Metric) -> Sure:
    assert old.row.metric is not None
    assert new.row.metric is not None
    if _same_file(old, new) and old.row.metric == new.row.metric:
        return Sure(None, _SAME_FILE)
    values = old.row.metric.value, new.row.metric.value
    same_data, share = _same_data(old, new), old.row.metric.name in _SHARES
    found = _by_outputs(old, new, metric, values) if same_data else None
    if found is None and same_data and share:
        found = by_float32(old, new, *values)
    if found is None and share:
        found = unpaired(old, new, *values)
    return found or Sure(None, "by the values alone: no outputs of both runs on the same samples")


def _by_outputs(old: Kept, new: Kept, metric: Metric, values: tuple[float, float]) -> Sure | None:
    """By pairs of samples; None where outputs are not there, or are not those of the values."""
    labels, one, other = new.run.labels(new.row), old.outputs(), new.outputs()
    if labels is None or one is None or other is None:
        return None
    told = [value_of(metric, labels, each) for each in (one, other)]
    if not np.allclose(told, values, rtol=1e-6, atol=1e-9):
        return None
    found, how = intervals.of_drop(metric, labels, other, one), f"{len(labels)} pairs of samples"
    if found.pairs is not None:
        return of_pairs(found.pairs, how)
    bounds = found.bounds
    return Sure(None if bounds is None else Interval(low=bounds.low, high=bounds.high), how)


def _agreement(old: Kept, new: Kept, limits: RegressionLimits) -> Change:
    before, after = old.row.agreement, new.row.agreement
    assert before is not None
    if after is None:
        expected = "an agreement, as before"
        return change(new.row, "agreement", "max_agreement_fall", "failed", expected, "not known any more")
    sure = _agreement_sure(old, new, before, after)
    return judged(
        new.row,
        "agreement",
        ("max_agreement_fall", limits.max_agreement_fall),
        100 * (before - after),
        "points",
        before=before,
        after=after,
        shown="{:.2%}",
        interval=sure.interval,
        how=sure.how,
        more_samples=sure.more_samples,
    )


def _agreement_sure(old: Kept, new: Kept, before: float, after: float) -> Sure:
    if _same_file(old, new) and before == after:
        return Sure(None, _SAME_FILE)
    one, other = (each.equal_answers() if _same_data(old, new) else None for each in (old, new))
    if one is not None and other is not None and len(one) == len(other):
        whole = np.isin(np.concatenate([one, other]), (0.0, 1.0)).all()
        if whole and np.allclose([one.mean(), other.mean()], [before, after], atol=1e-9):
            return of_pairs(_pairs(one, other), f"{len(one)} pairs of samples")
    return unpaired(old, new, before, after)


def _pairs(old: NDArray[np.float64], new: NDArray[np.float64]) -> Pairs:
    return Pairs(float((new < old).sum()), float((new > old).sum()), float(len(old)))


def _same_file(old: Kept, new: Kept) -> bool:
    return _same_data(old, new) and old.row.sha256 is not None and old.row.sha256 == new.row.sha256


def _same_data(old: Kept, new: Kept) -> bool:
    return old.run.data(old.row).sha256 == new.run.data(new.row).sha256
