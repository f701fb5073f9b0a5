"""The gate: a limit holds at exactly its value and breaks just beyond it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor import api
from compressor.errors import BadInput
from compressor.limits import Limits
from compressor.report.gate import judge
from compressor.report.schema import Report, Row

MakeRow = Callable[..., Row]
ALL = {"max_accuracy_drop": 1.0, "min_agreement": 0.98, "max_size_ratio": 0.25, "max_latency_ratio": 0.5}


def latency(p50: float) -> dict[str, Any]:
    return {"p50": p50, "p90": 2 * p50 + 1, "p99": 3 * p50 + 1, "threads": 1, "runs": 100}


@pytest.fixture
def baseline(row: MakeRow) -> Row:
    """The float32 file: 1 000 bytes, 1 ms, equal to Keras."""
    return row(stage="float32", precision="float32", bytes=1000, drop=0.0, agreement=1.0, latency_ms=latency(1.0))


def broken(rows: list[Row], **limits: float) -> list[str]:
    verdict = judge(rows, Limits(**limits))
    assert verdict.passed == (not verdict.violations)
    return [violation.limit for violation in verdict.violations]


@pytest.mark.parametrize("limit", ALL)
def test_a_limit_holds_at_exactly_its_value(limit: str, row: MakeRow, baseline: Row) -> None:
    assert broken([baseline, row()], **{limit: ALL[limit]}) == []


BEYOND: dict[str, dict[str, Any]] = {
    "max_accuracy_drop": {"drop": math.nextafter(1.0, 2)},
    "min_agreement": {"agreement": math.nextafter(0.98, 0)},
    "max_size_ratio": {"bytes": 251},
    "max_latency_ratio": {"latency_ms": latency(math.nextafter(0.5, 1))},
}


@pytest.mark.parametrize("limit", BEYOND)
def test_a_limit_breaks_just_beyond_its_value_and_alone(limit: str, row: MakeRow, baseline: Row) -> None:
    assert broken([baseline, row(**BEYOND[limit])], **ALL) == [limit]


def test_without_limits_everything_measured_passes(row: MakeRow) -> None:
    assert broken([row(drop=99.0, agreement=0.0, bytes=10**9)]) == []


def test_a_violation_says_where_what_was_expected_and_what_came(row: MakeRow, baseline: Row) -> None:
    (violation,) = judge([baseline, row(drop=2.5)], Limits(max_accuracy_drop=1.0)).violations
    assert violation.message == (
        "host: compressed onnx int8 on onnxruntime: max_accuracy_drop: expected at most 1 points, received 2.5"
    )
    assert (violation.target, violation.format, violation.runtime) == ("host", "onnx", "onnxruntime")


@pytest.mark.parametrize("unit", ["percent", "dB"])
def test_a_limit_of_the_drop_is_told_in_the_drops_unit(unit: str, row: MakeRow) -> None:
    (violation,) = judge([row(drop=7.0, drop_unit=unit)], Limits(max_accuracy_drop=5)).violations
    assert violation.expected == f"at most 5 {unit}"


def test_the_rise_of_an_error_has_a_limit_of_its_own(row: MakeRow) -> None:
    error = row(drop=1.5, drop_unit="percent")
    assert broken([error], max_accuracy_drop=1.0, max_error_rise=1.5) == []
    assert broken([error], max_accuracy_drop=9.0, max_error_rise=1.0) == ["max_error_rise"]
    assert broken([row(drop=math.nextafter(1.5, 2), drop_unit="percent")], max_error_rise=1.5) == ["max_error_rise"]
    (violation,) = judge([error], Limits(max_error_rise=1.0)).violations
    assert violation.expected == "at most 1 percent"


@pytest.mark.parametrize("unit", ["points", "dB"])
def test_the_limit_of_errors_says_nothing_of_shares_and_decibels(unit: str, row: MakeRow) -> None:
    assert broken([row(drop=5.0, drop_unit=unit)], max_error_rise=0.1) == []
    assert broken([row(drop=5.0, drop_unit=unit)], max_error_rise=9.0, max_accuracy_drop=1.0) == ["max_accuracy_drop"]


def test_without_a_limit_of_its_own_an_error_is_judged_by_the_drop(row: MakeRow) -> None:
    assert broken([row(drop=1.5, drop_unit="percent")], max_accuracy_drop=1.0) == ["max_accuracy_drop"]
    assert broken([row(drop=0.5, drop_unit="percent")], max_accuracy_drop=1.0) == []


def test_a_drop_that_is_stated_alone_replaces_the_recipes_limit_of_errors(row: MakeRow) -> None:
    recipe = Limits(max_accuracy_drop=1.0, max_error_rise=2.0)
    error = row(drop=1.5, drop_unit="percent")
    strict = recipe.overridden_by(Limits(max_accuracy_drop=0.5))
    assert [each.limit for each in judge([error], strict).violations] == ["max_accuracy_drop"]
    both = recipe.overridden_by(Limits(max_accuracy_drop=0.5, max_error_rise=3.0))
    assert judge([error], both).passed
    assert judge([error], recipe.overridden_by(Limits(min_agreement=0.1))).passed


def test_drop_and_agreement_of_the_baseline_count_too(row: MakeRow) -> None:
    wrong = row(stage="float32", precision="float32", drop=2.0, agreement=0.5)
    assert broken([wrong], **ALL) == ["max_accuracy_drop", "min_agreement"]


def test_a_negative_drop_limit_asks_for_a_gain(row: MakeRow) -> None:
    assert broken([row(drop=-0.5)], max_accuracy_drop=-0.5) == []
    assert broken([row(drop=0.0)], max_accuracy_drop=-0.5) == ["max_accuracy_drop"]


def test_a_row_that_failed_is_a_violation_even_without_limits(row: MakeRow) -> None:
    failed = row(provenance="skipped", failed_stage="write", reason="the converter refused int8", drop=None)
    (violation,) = judge([failed], Limits()).violations
    assert (violation.limit, violation.received) == ("finished", "the converter refused int8")


def test_an_impossible_precision_is_a_violation_that_says_so(row: MakeRow) -> None:
    failed = row(provenance="skipped", failed_stage="write", reason="refused", possible_precisions=[], drop=None)
    (violation,) = judge([failed], Limits()).violations
    assert (violation.limit, violation.received) == ("finished", "impossible: refused")


def test_a_row_that_was_never_to_be_had_is_not_judged(row: MakeRow) -> None:
    absent = row(provenance="skipped", reason="no such device here", drop=None, agreement=None, latency_ms=None)
    assert broken([absent], **ALL) == []


def test_what_could_not_be_measured_breaks_its_limit(row: MakeRow, baseline: Row) -> None:
    unknown = row(drop=None, agreement=None, bytes=None, latency_ms=None)
    assert broken([baseline, unknown], **ALL) == list(ALL)
    assert "not known" in judge([baseline, unknown], Limits(**ALL)).violations[0].received


def test_without_a_baseline_ratios_are_not_known(row: MakeRow) -> None:
    assert broken([row()], **ALL) == ["max_size_ratio", "max_latency_ratio"]


@pytest.mark.parametrize("other", [{"target": "coral"}, {"format": "tflite"}, {"bytes": None}])
def test_the_baseline_of_another_row_is_no_baseline(other: dict[str, Any], row: MakeRow, baseline: Row) -> None:
    assert broken([baseline.model_copy(update=other), row()], max_size_ratio=1.0) == ["max_size_ratio"]


def test_latency_of_a_stand_in_is_not_judged_and_the_verdict_says_so(row: MakeRow, baseline: Row) -> None:
    device = row(runtime="edgetpu", provenance="skipped", reason="no such device here", latency_ms=None)
    slow = row(runtime="litert_reference", latency_ms=latency(50.0))
    verdict = judge([baseline, slow, device], Limits(max_latency_ratio=0.5))
    assert (verdict.passed, verdict.not_judged) == (
        True,
        ["max_latency_ratio for host: not measured on the device itself"],
    )
    assert broken([baseline, slow, device], max_size_ratio=0.2) == ["max_size_ratio"]
    assert judge([baseline, slow, device], Limits(max_size_ratio=0.2)).not_judged == []


def test_a_drop_without_labels_is_not_judged_and_the_verdict_says_so_once(row: MakeRow) -> None:
    unlabelled = [row(target=target, metric=None, drop=None, drop_unit=None) for target in ("host", "coral")]
    verdict = judge(unlabelled, Limits(max_accuracy_drop=1.0, min_agreement=0.5))
    assert (verdict.passed, verdict.not_judged) == (True, ["max_accuracy_drop: the evaluation set has no labels"])
    assert judge(unlabelled, Limits(min_agreement=0.5)).not_judged == []
    assert broken(unlabelled, max_accuracy_drop=1.0, min_agreement=0.99) == ["min_agreement", "min_agreement"]


def test_a_row_that_failed_says_nothing_of_labels(row: MakeRow) -> None:
    failed = row(provenance="skipped", failed_stage="write", reason="refused", metric=None, drop=None)
    assert judge([failed], Limits(max_accuracy_drop=1.0)).not_judged == []


def test_latency_of_other_targets_is_judged_beside_a_stand_in(row: MakeRow, baseline: Row) -> None:
    device = row(target="coral", provenance="skipped", reason="no such device here", latency_ms=None)
    assert broken([baseline, row(latency_ms=latency(0.6)), device], max_latency_ratio=0.5) == ["max_latency_ratio"]


def test_a_failed_row_does_not_excuse_the_latency_of_its_target(row: MakeRow, baseline: Row) -> None:
    failed = row(format="tflite", provenance="skipped", failed_stage="write", reason="refused", latency_ms=None)
    found = broken([baseline, row(latency_ms=latency(0.6)), failed], max_latency_ratio=0.5)
    assert found == ["max_latency_ratio", "finished"]


def test_a_baseline_of_no_time_is_no_reason_to_crash(row: MakeRow, baseline: Row) -> None:
    instant = baseline.model_copy(update={"latency_ms": baseline.latency_ms.model_copy(update={"p50": 0.0})})
    assert broken([instant, row()], max_latency_ratio=2.0) == ["max_latency_ratio"]


@pytest.mark.parametrize("limit", ALL)
def test_limits_are_overridden_one_by_one(limit: str) -> None:
    combined = Limits(**ALL).overridden_by(Limits(**{limit: 0.75}))
    assert combined.model_dump(exclude_none=True) == {**ALL, limit: 0.75}


def test_an_absent_limit_overrides_nothing() -> None:
    assert Limits(**ALL).overridden_by(Limits()) == Limits(**ALL)
    assert Limits().overridden_by(Limits(**ALL)) == Limits(**ALL)


def test_an_old_report_is_judged_again_by_its_own_and_by_given_limits(report: Report) -> None:
    assert api.gate(report).verdict == report.verdict
    stricter = api.gate(report, Limits(min_agreement=1.0))
    assert stricter.recipe.limits == report.recipe.limits.overridden_by(Limits(min_agreement=1.0))
    assert len(stricter.verdict.violations) > len(report.verdict.violations)
    looser = api.gate(stricter, Limits(min_agreement=0.0)).verdict
    assert looser.violations == report.verdict.violations
    assert [each for each in looser.judgements if each.limit != "min_agreement"] == report.verdict.judgements


def test_what_is_no_report_cannot_be_gated(tmp_path: Any) -> None:
    with pytest.raises(BadInput, match="cannot read the report"):
        api.gate(tmp_path / "report.json")


MAYBE = st.none() | st.floats(0, 2)
FIELDS = st.fixed_dictionaries(
    {
        "stage": st.sampled_from(["float32", "compressed"]),
        "target": st.sampled_from(["host", "coral"]),
        "runtime": st.sampled_from(["litert", "onnxruntime"]),
        "provenance": st.sampled_from(["measured", "skipped"]),
        "failed_stage": st.sampled_from([None, None, "write"]),
        "bytes": st.none() | st.integers(1, 1000),
        "latency_ms": st.none() | st.floats(0.001, 2).map(latency),
        "drop": st.none() | st.floats(-5, 5),
        "drop_unit": st.sampled_from(["points", "percent"]),
        "agreement": MAYBE,
    }
)
# By how much; the limit of errors is never taken away, because another one would take its place.
LOOSER = {"max_accuracy_drop": 1, "max_error_rise": 1, "min_agreement": -1, "max_size_ratio": 1, "max_latency_ratio": 1}


@given(
    st.lists(FIELDS, max_size=6),
    st.fixed_dictionaries({}, optional=dict.fromkeys(LOOSER, st.floats(0.01, 1))),
    st.fixed_dictionaries(dict.fromkeys(LOOSER, st.none() | st.floats(0, 0.5)) | {"max_error_rise": st.floats(0, 0.5)}),
)
def test_loosening_a_limit_never_adds_a_violation(
    row: MakeRow, rows: list[dict[str, Any]], limits: dict[str, float], by: dict[str, float | None]
) -> None:
    made = [row(**fields) for fields in rows]
    looser = {
        name: max(0.0, value + step * LOOSER[name]) for name, value in limits.items() if (step := by[name]) is not None
    }
    tight, loose = judge(made, Limits(**limits)).violations, judge(made, Limits(**looser)).violations

    def places(violations: list[Any]) -> set[tuple[str, str, str, str]]:
        return {(each.limit, each.target, each.runtime, each.received) for each in violations}

    assert places(loose) <= places(tight)
