"""Verdicts on intervals: passed, failed, undecided, implausible; every limit on every row it is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor import api
from compressor.limits import Limits, Policy, TargetLimits
from compressor.report import layout, markdown
from compressor.report.gate import judge, trains
from compressor.report.schema import Judgement, Report, Row
from compressor.statistics import paired_shares, share
from compressor.statistics.paired_shares import Pairs

MakeRow = Callable[..., Row]


def paired(worse: int, better: int, samples: int, **changes: Any) -> dict[str, Any]:
    """The fields of a row whose answers came out so."""
    found = paired_shares.interval(Pairs(worse, better, samples))
    return {
        "drop": 100 * (worse - better) / samples,
        "drop_interval": {"low": 100 * found.low, "high": 100 * found.high},
        "drop_by": "McNemar's pairs",
        "outcomes": {"samples": samples, "worse": worse, "better": better},
        **changes,
    }


def resampled(drop: float, low: float, high: float, unit: str = "percent") -> dict[str, Any]:
    interval = {"low": low, "high": high}
    return {"drop": drop, "drop_interval": interval, "drop_unit": unit, "outcomes": {"samples": 100}}


def only(row: Row, limits: Limits, **told: Any) -> Judgement:
    (found,) = judge([row], limits, **told).judgements
    return found


@pytest.mark.parametrize(
    ("worse", "better", "samples", "verdict"),
    [(10, 9, 10_000, "passed"), (200, 50, 10_000, "failed"), (12, 8, 500, "undecided")],
)
def test_a_drop_is_decided_by_its_interval(worse: int, better: int, samples: int, verdict: str, row: MakeRow) -> None:
    made = row(**paired(worse, better, samples))
    found = only(made, Limits(max_accuracy_drop=1.0))
    assert (found.verdict, found.value, found.interval) == (verdict, made.drop, made.drop_interval)
    assert (found.more_samples is not None) == (verdict == "undecided")


def test_an_interval_that_ends_at_the_limit_keeps_it(row: MakeRow) -> None:
    made = row(**resampled(0.5, 0.2, 1.0))
    assert only(made, Limits(max_accuracy_drop=1.0)).verdict == "passed"
    assert only(made, Limits(max_accuracy_drop=0.2)).verdict == "undecided"
    assert only(made, Limits(max_accuracy_drop=0.19)).verdict == "failed"


def test_what_is_undecided_says_how_many_more_samples_would_decide(row: MakeRow) -> None:
    found = only(row(**paired(9, 1, 500)), Limits(max_accuracy_drop=0.5))
    assert found.more_samples is not None
    times = (500 + found.more_samples) / 500
    assert paired_shares.interval(Pairs(9 * times, 1 * times, 500 * times)).low >= 0.00499
    assert found.message.endswith(
        "max_accuracy_drop: expected at most 0.5 points, received 1.6 (95 %: 0.4592 to 3.21): undecided, about "
        f"{found.more_samples} more samples would decide it"
    )
    by_root = only(row(**resampled(0.5, 0.0, 1.0)), Limits(max_accuracy_drop=0.75))
    # Half the margin takes four times the samples.
    assert by_root.more_samples == 300
    assert only(row(**paired(5, 0, 500)), Limits(max_accuracy_drop=1.0)).more_samples is None


@pytest.mark.parametrize(("share_of", "least", "verdict"), [(1.0, 0.99, "passed"), (0.9, 0.95, "failed")])
def test_agreement_is_decided_by_its_interval(share_of: float, least: float, verdict: str, row: MakeRow) -> None:
    found = share.interval(share_of, 500)
    agreed = {"agreement": share_of, "agreement_interval": {"low": found.low, "high": found.high}}
    made = row(**agreed, outcomes={"samples": 500})
    assert only(made, Limits(min_agreement=least)).verdict == verdict
    near = only(made, Limits(min_agreement=(found.low + found.high) / 2 + 0.001))
    assert near.verdict == "undecided"
    assert near.more_samples is not None
    assert near.more_samples > 0


def test_undecided_passes_unless_it_is_to_fail(row: MakeRow) -> None:
    made, limits = row(**paired(12, 8, 500)), Limits(max_accuracy_drop=1.0)
    assert judge([made], limits).passed
    strict = judge([made], limits, Policy(undecided="fail"))
    assert (strict.passed, strict.undecided, [each.limit for each in strict.violations]) == (
        False,
        "fail",
        ["max_accuracy_drop"],
    )
    assert "undecided, about" in strict.violations[0].message


def test_a_gain_beyond_chance_is_implausible_unless_it_was_trained(row: MakeRow) -> None:
    made, limits = row(**paired(5, 40, 1000)), Limits(max_accuracy_drop=1.0)
    found = judge([made], limits)
    assert (found.passed, found.judgements[0].verdict) == (False, "implausible")
    assert "better than the float32 file by more than chance allows" in found.violations[0].message
    learned = judge([made], limits, trained=True)
    assert (learned.passed, learned.judgements[0].verdict) == (True, "passed")
    assert "training" in learned.judgements[0].message
    allowed = judge([made], limits, Policy(implausible="pass"))
    assert (allowed.passed, allowed.implausible, allowed.judgements[0].verdict) == (True, "pass", "implausible")


def test_a_gain_that_is_asked_for_and_too_small_is_no_gain(row: MakeRow) -> None:
    made = row(**paired(5, 40, 1000))
    assert only(made, Limits(max_accuracy_drop=-6.0), trained=True).verdict == "failed"
    assert only(made, Limits(max_accuracy_drop=-3.5), trained=True).verdict == "undecided"


def test_a_gain_is_judged_without_a_limit_too(row: MakeRow) -> None:
    assert [(each.limit, each.verdict) for each in judge([row(**paired(5, 40, 1000))], Limits()).judgements] == [
        ("plausible", "implausible")
    ]
    assert only(row(**paired(9, 12, 1000)), Limits()).verdict == "passed"


def test_the_gain_of_a_float_file_over_keras_is_only_a_drop_that_is_kept(row: MakeRow) -> None:
    made = row(**paired(5, 40, 1000), stage="float32", precision="float32")
    assert only(made, Limits(max_accuracy_drop=1.0)).verdict == "passed"
    assert judge([made], Limits()).judgements == []


@pytest.mark.parametrize(
    ("drop", "high", "limit", "verdict"),
    [
        (-9.0, -7.0, 5.0, "implausible"),
        (-9.0, -3.0, 5.0, "passed"),  # At 99.9 % the interval reaches beyond 0.
        (-4.0, -3.5, 5.0, "passed"),  # A gain that is smaller than what matters.
        (-3.0, -2.5, None, "implausible"),
        (-1.5, -1.2, None, "passed"),
    ],
)
def test_a_gain_of_a_mean_is_implausible_where_it_is_sure_and_matters(
    drop: float, high: float, limit: float | None, verdict: str, row: MakeRow
) -> None:
    made = row(**resampled(drop, 2 * drop - high, high))
    assert only(made, Limits(max_accuracy_drop=limit)).verdict == verdict


@pytest.mark.parametrize(
    ("low", "high", "noise", "verdict"),
    [
        (0.9, 1.0, 0.05, "passed"),
        (1.04, 1.2, 0.05, "undecided"),
        (1.06, 1.2, 0.05, "failed"),
        (0.9, 1.1, 0, "undecided"),
    ],
)
def test_latency_breaks_its_limit_beyond_the_noise_only(
    low: float, high: float, noise: float, verdict: str, row: MakeRow
) -> None:
    interval = {"low": low, "high": high}
    turns = {"ratio": (low + high) / 2, "interval": interval, "noise": noise, "rounds": 9, "threads": 1}
    baseline = row(stage="float32", precision="float32")
    # Both medians are the same: they alone would keep the limit.
    (found,) = judge([baseline, row(latency_ratio=turns)], Limits(max_latency_ratio=1.0)).judgements
    assert found.verdict == verdict


EXACT: dict[str, tuple[float, float, dict[str, Any]]] = {
    "max_abs_error": (0.25, 0.2499, {"max_abs_error": 0.25}),
    "min_sqnr_db": (30.0, 30.1, {"sqnr_db": 30.0}),
    "max_bytes": (250, 249, {}),
    "max_ram_bytes": (1000, 999, {"memory": {"ram_bytes": 1000, "over_baseline_bytes": 9}}),
    "max_flash_bytes": (2000, 1999, {"memory": {"flash_bytes": 2000}}),
    "min_accelerated_share": (
        0.75,
        0.76,
        {"placement": {"accelerator_ops": 3, "cpu_ops": 1, "accelerated_macs_share": 0.75, "reasons": []}},
    ),
}


@pytest.mark.parametrize("limit", EXACT)
def test_an_exact_limit_holds_at_its_value_and_breaks_beyond(limit: str, row: MakeRow) -> None:
    holds, breaks, fields = EXACT[limit]
    made = row(**fields)
    assert only(made, Limits(**{limit: holds})).verdict == "passed"
    assert only(made, Limits(**{limit: breaks})).verdict == "failed"


def test_the_deflated_ratio_is_of_both_files_deflated(row: MakeRow) -> None:
    baseline = row(stage="float32", precision="float32", bytes=1000, bytes_deflated=800)
    verdicts = [judge([baseline, row()], Limits(max_deflated_ratio=each)).passed for each in (0.25, 0.249)]
    assert verdicts == [True, False]


def test_memory_of_a_device_that_is_here_is_what_was_measured(row: MakeRow) -> None:
    made = row(memory={"over_baseline_bytes": 5000})
    assert only(made, Limits(max_ram_bytes=5000)).verdict == "passed"
    absent = row(provenance="skipped", reason="no such device here")
    verdict = judge([made, absent], Limits(max_ram_bytes=1))
    assert (verdict.judgements, verdict.not_judged) == ([], ["max_ram_bytes for host: not known of this device"])


def test_an_estimate_of_memory_is_judged(row: MakeRow) -> None:
    estimate = {
        **{"by": "vela", "cycles": 1, "clock_hz": 1, "inference_ms": 1.0, "inferences_per_second": 1.0},
        **{"sram_bytes": 700, "dram_bytes": 0, "flash_bytes": 900, "accelerated_ops_share": 1.0},
    }
    made = row(provenance="estimated", estimate=estimate, agreement=None, drop=None)
    found = judge([made], Limits(max_ram_bytes=699, max_flash_bytes=900)).judgements
    assert [(each.limit, each.verdict) for each in found] == [
        ("max_ram_bytes", "failed"),
        ("max_flash_bytes", "passed"),
    ]


def test_what_no_row_of_a_target_knows_is_told(row: MakeRow) -> None:
    verdict = judge([row()], Limits(min_accelerated_share=0.5, max_flash_bytes=1))
    assert verdict.not_judged == [
        "max_flash_bytes for host: not known of this device",
        "min_accelerated_share for host: not known of this device",
    ]


def test_a_target_has_limits_of_its_own(row: MakeRow) -> None:
    limits = Limits(max_bytes=100, targets={"coral": TargetLimits(max_bytes=300)})
    rows = [row(), row(target="coral"), row(target="coral-micro")]
    assert [each.verdict for each in judge(rows, limits).judgements] == ["failed", "passed", "failed"]


def test_a_later_source_of_limits_goes_before_an_earlier_one() -> None:
    recipe = Limits(max_error_rise=2.0, max_bytes=9, targets={"coral": TargetLimits(max_size_ratio=0.3, max_bytes=5)})
    file = Limits(max_accuracy_drop=0.5, targets={"host": TargetLimits(max_bytes=7)})
    both = recipe.overridden_by(file)
    assert both.stated == {"max_accuracy_drop": 0.5, "max_bytes": 9}
    assert both.of_target("coral").stated == {"max_accuracy_drop": 0.5, "max_bytes": 5, "max_size_ratio": 0.3}
    # Who states a limit for all means the single targets too.
    assert both.overridden_by(Limits(max_bytes=6)).of_target("host").max_bytes == 6


def test_a_report_of_version_1_0_is_judged_by_its_plain_values(golden: Any) -> None:
    report = Report.model_validate_json((golden / "passed.json").read_text())
    content = report.model_dump(mode="json")
    content["schema_version"] = "1.0"
    for field in ("judgements", "undecided", "implausible"):
        del content["verdict"][field]
    for row in content["rows"]:
        for field in ("drop_interval", "drop_by", "outcomes", "agreement_interval", "latency_ratio", "memory"):
            del row[field]
    old = api.gate(Report.model_validate(content), Limits(max_accuracy_drop=0.5))
    assert old.verdict.passed
    assert not api.gate(old, Limits(max_accuracy_drop=0.4)).verdict.passed


def test_a_judgement_points_at_its_row(report: Report) -> None:
    assert report.verdict.judgements
    for each in report.verdict.judgements:
        assert each.message.startswith(report.rows[each.row].title)


def test_doubts_are_told_once_and_the_limit_is_not_called_kept(row: MakeRow, golden: Any) -> None:
    report = Report.model_validate_json((golden / "passed.json").read_text())
    made = report.model_copy(update={"rows": [row(**paired(12, 8, 500))]})
    passed = api.gate(made, Limits(max_accuracy_drop=1.0, max_bytes=1000))
    assert layout.limits_kept(passed) == {"max_bytes": 1000}
    (doubt,) = layout.doubts(passed)
    assert markdown.render(passed).count(doubt) == 1
    strict = api.gate(passed, undecided="fail")
    assert (layout.doubts(strict), strict.verdict.passed) == ((), False)
    assert markdown.render(strict).count(doubt) == 1
    assert api.gate(strict).verdict.undecided == "fail"


def test_a_recipe_trains_where_a_step_has_epochs(report: Report) -> None:
    assert trains(report.recipe)
    assert not trains(report.recipe.model_copy(update={"steps": [], "steps_done": []}))


@given(st.integers(0, 60), st.integers(0, 60), st.integers(200, 5000), st.floats(0, 3), st.floats(0, 1))
def test_a_looser_limit_never_turns_a_drop_worse(
    row: MakeRow, worse: int, better: int, samples: int, limit: float, by: float
) -> None:
    made = row(**paired(worse, better, samples))
    tight, loose = (only(made, Limits(max_accuracy_drop=each), trained=True).verdict for each in (limit, limit + by))
    order = ["passed", "undecided", "failed"]
    assert order.index(loose) <= order.index(tight)
