"""Verdicts where nothing tells how sure a value is, or too few samples do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from compressor.limits import Limits
from compressor.report.gate import judge
from compressor.report.schema import Judgement, Row
from compressor.statistics import paired_shares
from compressor.statistics.paired_shares import Pairs

MakeRow = Callable[..., Row]


def resampled(row: MakeRow, drop: float, samples: int) -> Row:
    """The rise of an error, of which all draws tell the same."""
    interval = {"low": drop, "high": drop}
    return row(drop=drop, drop_interval=interval, drop_unit="percent", outcomes={"samples": samples})


def only(row: Row, limits: Limits) -> Judgement:
    (found,) = judge([row], limits).judgements
    return found


@pytest.mark.parametrize("samples", [1, 4, 5])
def test_fewer_than_five_samples_of_a_mean_decide_nothing(samples: int, row: MakeRow) -> None:
    few = samples < 5
    worse = resampled(row, 9.0, samples)
    found = only(worse, Limits(max_error_rise=5.0))
    assert (found.verdict, "do not tell how sure" in found.message) == ("undecided" if few else "failed", few)
    better = resampled(row, -9.0, samples)
    assert only(better, Limits()).verdict == ("passed" if few else "implausible")
    assert only(better, Limits(max_error_rise=0.0)).verdict == ("passed" if few else "implausible")


def test_few_right_and_wrong_answers_have_an_interval_that_is_honest(row: MakeRow) -> None:
    found = paired_shares.interval(Pairs(4, 0, 4))
    interval = {"low": 100 * found.low, "high": 100 * found.high}
    made = row(drop=100.0, drop_interval=interval, outcomes={"samples": 4, "worse": 4, "better": 0})
    assert only(made, Limits(max_accuracy_drop=0.0)).verdict == "failed"


def test_a_value_beyond_its_limit_is_open_where_nothing_tells_how_sure_it_is(row: MakeRow) -> None:
    beyond, limits = {"drop": 2.0, "agreement": 0.9}, Limits(max_accuracy_drop=1.0, min_agreement=0.95)
    new = judge([row(**beyond, outcomes={"samples": 100})], limits)
    assert [each.verdict for each in new.judgements] == ["undecided", "undecided"]
    assert new.passed
    assert [each.verdict for each in judge([row(**beyond)], limits).judgements] == ["failed", "failed"]
    kept = judge([row(drop=0.5, agreement=0.97, outcomes={"samples": 100})], limits)
    assert [each.verdict for each in kept.judgements] == ["passed", "passed"]
    lost = judge([row(drop=None, agreement=None, outcomes={"samples": 100})], limits)
    assert [each.verdict for each in lost.judgements] == ["failed", "failed"]


def test_medians_alone_break_no_limit_of_latency_in_a_new_report(row: MakeRow) -> None:
    times = {"p90": 9.0, "p99": 9.0, "threads": 1, "runs": 100}
    baseline = row(stage="float32", precision="float32", latency_ms={"p50": 1.0, **times})
    slow = {"latency_ms": {"p50": 1.5, **times}}
    for changes, verdict in (({"outcomes": {"samples": 100}}, "undecided"), ({}, "failed")):
        (found,) = judge([baseline, row(**slow, **changes)], Limits(max_latency_ratio=1.4)).judgements
        assert found.verdict == verdict
    (found,) = judge([baseline, row(**slow, outcomes={"samples": 100})], Limits(max_latency_ratio=1.5)).judgements
    assert found.verdict == "passed"
    (found,) = judge([baseline, row(latency_ms=None, outcomes={"samples": 9})], Limits(max_latency_ratio=9)).judgements
    assert found.verdict == "failed"
