"""What an artifact lost of its accuracy and its agreement against an earlier run, and how sure that is.

Where both runs evaluated the same samples and their outputs are at hand, samples are paired, and only those whose
answers changed count; else two shares are compared as those of different samples, which is less sure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compressor import answers, intervals, metrics
from compressor.metrics import Metric
from compressor.regression_limits import RegressionLimits
from compressor.report.change import Change, change, judged
from compressor.report.figures import Interval
from compressor.report.gate import baseline_of
from compressor.report.kept_run import Run
from compressor.report.schema import Row
from compressor.statistics import Bounds, paired_shares, unpaired_shares
from compressor.values import Array

# Metrics that are shares of right answers.
_SHARES = ("accuracy", "binary_accuracy", "top_5_accuracy")
_UNITS = {"percent": "%"}
_SAME_FILE = "the same file"
_NOT_PAIRED = "not paired: as if of different samples"


@dataclass(frozen=True, slots=True)
class _Kept:
    """One row with what its run has kept of it."""

    run: Run
    row: Row

    def outputs(self) -> Array | None:
        return self.run.outputs(self.row)


def changes(old: Run, new: Run, before: Row, after: Row, limits: RegressionLimits) -> Iterator[Change]:
    """The change of the metric and of the agreement, where the earlier row has them."""
    one, other = _Kept(old, before), _Kept(new, after)
    if before.metric is not None:
        yield _metric(one, other, limits)
    if before.agreement is not None:
        yield _agreement(one, other, limits)


def _metric(old: _Kept, new: _Kept, limits: RegressionLimits) -> Change:
    before, after = old.row.metric, new.row.metric
    assert before is not None
    if after is None or after.name != before.name:
        received = "not known any more" if after is None else f"another metric, {after.name}"
        return change(new.row, before.name, "max_accuracy_fall", "failed", f"{before.name}, as before", received)
    if ":" in before.name:
        return _by_drops(old.row, new.row, limits)
    metric = metrics.load(before.name)
    interval, how = _metric_interval(old, new, metric)
    return judged(
        new.row,
        before.name,
        limits.of_metric(metric.unit),
        metric.drop(after.value, before.value),
        _UNITS.get(metric.unit, metric.unit),
        before=before.value,
        after=after.value,
        shown="{:.2%}" if before.name in _SHARES else "{:.5g}",
        interval=interval,
        how=how,
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


def _metric_interval(old: _Kept, new: _Kept, metric: Metric) -> tuple[Interval | None, str]:
    assert old.row.metric is not None
    assert new.row.metric is not None
    if _same_file(old, new) and old.row.metric == new.row.metric:
        return None, _SAME_FILE
    labels = new.run.labels(new.row) if _same_data(old, new) else None
    outputs = old.outputs(), new.outputs()
    if labels is not None and outputs[0] is not None and outputs[1] is not None:
        pair = outputs[0], outputs[1]
        told = [_of(metric, labels, each) for each in pair]
        if np.allclose(told, [old.row.metric.value, new.row.metric.value], rtol=1e-6, atol=1e-9):
            return _paired(metric, labels, *pair), f"{len(labels)} pairs of samples"
    if old.row.metric.name in _SHARES:
        shares = old.row.metric.value, new.row.metric.value
        return _unpaired(old, new, *shares), _NOT_PAIRED
    return None, "by the values alone: no outputs of both runs on the same samples"


def _of(metric: Metric, labels: Array, outputs: Array) -> float:
    """The value, or NaN where these labels are not those of the outputs."""
    try:
        return metric.value(labels, outputs) if len(labels) == len(outputs) else float("nan")
    except ValueError:
        return float("nan")


def _paired(metric: Metric, labels: Array, old: Array, new: Array) -> Interval | None:
    bounds = intervals.of_drop(metric, labels, new, old).bounds
    return None if bounds is None else Interval(low=bounds.low, high=bounds.high)


def _pairs(old: NDArray[np.float64], new: NDArray[np.float64]) -> Bounds:
    pairs = paired_shares.Pairs(float((new < old).sum()), float((new > old).sum()), float(len(old)))
    return paired_shares.interval(pairs)


def _agreement(old: _Kept, new: _Kept, limits: RegressionLimits) -> Change:
    before, after = old.row.agreement, new.row.agreement
    assert before is not None
    if after is None:
        expected = "an agreement, as before"
        return change(new.row, "agreement", "max_agreement_fall", "failed", expected, "not known any more")
    interval, how = _agreement_interval(old, new, before, after)
    return judged(
        new.row,
        "agreement",
        ("max_agreement_fall", limits.max_agreement_fall),
        100 * (before - after),
        "points",
        before=before,
        after=after,
        shown="{:.2%}",
        interval=interval,
        how=how,
    )


def _agreement_interval(old: _Kept, new: _Kept, before: float, after: float) -> tuple[Interval | None, str]:
    if _same_file(old, new) and before == after:
        return None, _SAME_FILE
    one, other = (_equal_answers(each) if _same_data(old, new) else None for each in (old, new))
    if one is not None and other is not None and len(one) == len(other):
        whole = np.isin(np.concatenate([one, other]), (0.0, 1.0)).all()
        if whole and np.allclose([one.mean(), other.mean()], [before, after], atol=1e-9):
            return _points(_pairs(one, other)), f"{len(one)} pairs of samples"
    return _unpaired(old, new, before, after), _NOT_PAIRED


def _equal_answers(kept: _Kept) -> NDArray[np.float64] | None:
    """Of each sample, whether the file answers as the float32 file on the same runtime does."""
    row, rows = kept.row, kept.run.report.rows
    if row.stage != "compressed" or row.metric is None or ":" in row.metric.name:
        return None
    like = {"target": row.target, "network": row.network, "format": row.format, "runtime": row.runtime}
    same = (
        each for each in rows if each.stage == "float32" and like.items() <= each.model_dump(include=set(like)).items()
    )
    baseline = next(same, None) or baseline_of(row, rows)
    ours, theirs = kept.outputs(), None if baseline is None else kept.run.outputs(baseline)
    if ours is None or theirs is None or ours.shape != theirs.shape:
        return None
    equal = metrics.load(row.metric.name).same(ours, theirs)
    return answers.shares(equal.reshape(len(ours), -1))


def _unpaired(old: _Kept, new: _Kept, before: float, after: float) -> Interval:
    counts = old.run.data(old.row).evaluation, new.run.data(new.row).evaluation
    return _points(unpaired_shares.interval(before, max(1, counts[0]), after, max(1, counts[1])))


def _points(bounds: Bounds) -> Interval:
    return Interval(low=100 * bounds.low, high=100 * bounds.high)


def _same_file(old: _Kept, new: _Kept) -> bool:
    return _same_data(old, new) and old.row.sha256 is not None and old.row.sha256 == new.row.sha256


def _same_data(old: _Kept, new: _Kept) -> bool:
    return old.run.data(old.row).sha256 == new.run.data(new.row).sha256
