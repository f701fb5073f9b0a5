"""A report against an earlier one: limits at their edges, paired samples, rows that come and go."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import compressor
from compressor.cli.compare import LIMITS
from compressor.regression_limits import RegressionLimits
from compressor.report import findings, schema
from compressor.report.change import Change
from compressor.report.comparison import Comparison
from compressor.report.schema import Report, Row

MakeRow = Callable[..., Row]
COUNT = 1000
RATIO = {"ratio": 0.5, "interval": {"low": 0.495, "high": 0.505}, "noise": 0.01, "rounds": 50, "threads": 1}


@pytest.fixture
def made(golden: Path) -> Callable[..., Report]:
    """The golden report with other rows; the same model, recipe and data unless changed."""
    report = schema.read(golden / "passed.json")
    data = report.data.model_copy(update={"evaluation": COUNT})
    return lambda *rows, **changes: report.model_copy(update={"rows": list(rows), "data": data, **changes})


@pytest.fixture
def base(row: MakeRow) -> Row:
    """The float32 file."""
    return row(stage="float32", precision="float32", bytes=1000, bytes_deflated=900, sha256="1" * 64, agreement=1.0)


def of(comparison: Comparison, figure: str) -> Change:
    (found,) = [each for each in comparison.changes if each.figure == figure and not each.artifact.startswith("base")]
    return found


def one(made: Any, before: Row, after: Row, base: Row, figure: str, **limits: float) -> Change:
    return of(compressor.compare(made(base, before), made(base, after), RegressionLimits(**limits)), figure)


def test_nothing_got_worse_than_itself(made: Any, base: Row, row: MakeRow) -> None:
    report = made(base, row(latency_ratio=RATIO))
    found = compressor.compare(report, report)
    assert (found.passed, found.exit_code, found.warnings, found.notes) == (True, 0, [], [])
    assert {each.value for each in found.changes if each.figure != "finished"} == {0.0}
    figures = ["finished", "accuracy", "agreement", "bytes", "deflated bytes", "latency / float32"]
    assert [each.figure for each in found.changes if not each.artifact.startswith("base")] == figures


@pytest.mark.parametrize(("size", "verdict"), [(101_000, "passed"), (101_001, "failed"), (90_000, "passed")])
@pytest.mark.parametrize(("field", "figure"), [("bytes", "bytes"), ("bytes_deflated", "deflated bytes")])
def test_size_may_grow_by_its_limit_and_no_more(
    size: int, verdict: str, field: str, figure: str, made: Any, base: Row, row: MakeRow
) -> None:
    found = one(made, row(**{field: 100_000}), row(**{field: size}), base, figure)
    assert (found.verdict, found.limit) == (verdict, "max_size_growth")


def test_a_change_says_where_what_was_expected_and_what_came(made: Any, base: Row, row: MakeRow) -> None:
    found = one(made, row(bytes=100_000), row(bytes=112_500), base, "bytes")
    assert found.message == (
        "host: onnx int8 on onnxruntime: bytes: expected at most +1 %, received +12.5 % (100,000 → 112,500)"
    )
    assert one(made, row(bytes=100_000), row(bytes=112_500), base, "bytes", max_size_growth=12.5).verdict == "passed"


def test_a_latency_breaks_only_beyond_the_noise_of_both_runs(made: Any, base: Row, row: MakeRow) -> None:
    def verdict(ratio: float, noise: float = 0.01) -> str:
        interval = {"low": ratio * 0.99, "high": ratio * 1.01}
        after = row(latency_ratio=RATIO | {"ratio": ratio, "interval": interval, "noise": noise})
        return one(made, row(latency_ratio=RATIO), after, base, "latency / float32").verdict

    assert [verdict(ratio) for ratio in (0.4, 0.53, 0.55, 0.57, 0.6)] == [
        *("passed", "passed", "undecided", "failed", "failed"),
    ]
    assert (verdict(0.6, noise=0.3), verdict(0.5, noise=0.3)) == ("undecided", "undecided")


def test_milliseconds_of_two_machines_are_never_compared(made: Any, base: Row, row: MakeRow) -> None:
    def latency(p50: float) -> dict[str, Any]:
        return {"p50": p50, "p90": p50, "p99": p50, "threads": 1, "runs": 100}

    slow = base.model_copy(update={"latency_ms": row(latency_ms=latency(10.0)).latency_ms})
    before, after = made(base, row(latency_ms=latency(0.25))), made(slow, row(latency_ms=latency(5.0)))
    found = of(compressor.compare(before, after), "latency / float32")
    assert (found.before, found.after, found.verdict) == (0.5, 0.5, "passed")
    slower = of(compressor.compare(before, made(slow, row(latency_ms=latency(9.0)))), "latency / float32")
    assert (slower.verdict, slower.value) == ("undecided", pytest.approx(80.0))
    assert "the noise of the machine is not known" in slower.message


def test_memory_is_compared_where_it_can_be(made: Any, base: Row, row: MakeRow) -> None:
    def found(before: dict[str, int], after: dict[str, int], **changes: Any) -> list[tuple[str, str]]:
        pair = row(memory=before), row(memory=after, **changes)
        changed = compressor.compare(made(base, pair[0]), made(base, pair[1])).changes
        return [(each.figure, each.verdict) for each in changed if each.limit == "max_memory_growth"]

    assert found({"ram_bytes": 100_000}, {"ram_bytes": 105_000}) == [("RAM", "passed")]
    assert found({"ram_bytes": 100_000}, {"ram_bytes": 105_001}) == [("RAM", "failed")]
    large = {"over_baseline_bytes": 50_000_000}
    assert found(large, {"over_baseline_bytes": 53_000_000}) == [("memory", "failed")]
    assert found(large, {"over_baseline_bytes": 53_000_000}, host="elsewhere") == []
    assert found({"over_baseline_bytes": 100_000}, {"over_baseline_bytes": 900_000}) == [("memory", "passed")]


def test_what_a_device_accelerates_may_not_fall(made: Any, base: Row, row: MakeRow) -> None:
    def placed(share: float) -> Row:
        value = {"accelerator_ops": 9, "cpu_ops": 1, "accelerated_macs_share": share, "reasons": []}
        return row(placement=value)

    assert one(made, placed(0.9), placed(0.9), base, "accelerated share").verdict == "passed"
    assert one(made, placed(0.9), placed(0.899), base, "accelerated share").verdict == "failed"


def test_rows_that_vanish_or_fail_are_failures_and_new_ones_are_noted(made: Any, base: Row, row: MakeRow) -> None:
    def told(before: list[Row], after: list[Row]) -> tuple[list[tuple[str, str]], list[str]]:
        found = compressor.compare(made(*before), made(*after))
        assert found.passed == (not any(each.verdict == "failed" for each in found.changes))
        return [(each.figure, each.artifact) for each in found.changes if each.verdict == "failed"], found.notes

    failed = row(provenance="skipped", failed_stage="write", reason="no", metric=None, agreement=None)
    name = "onnx int8 on onnxruntime"
    assert told([base, row()], [base]) == ([("row", name)], [])
    assert told([base, row()], [base, failed]) == ([("finished", name)], [])
    assert told([base, failed], [base, failed]) == ([], [f"host: {name}: failed before as well"])
    assert told([base, failed], [base, row()]) == ([], [f"host: {name}: failed before, and finished now"])
    assert told([base], [base, row()]) == ([], [f"host: {name}: new"])
    gone = row(metric=None, agreement=None)
    assert told([base, row()], [base, gone]) == ([("accuracy", name), ("agreement", name)], [])


def test_of_an_emulated_row_only_counts_that_it_is_there(made: Any, base: Row, row: MakeRow) -> None:
    core = {"provenance": "emulated", "host": "cortex-a72 by qemu 8.2", "latency_ms": None}
    before = made(base, row(**core))
    found = compressor.compare(before, made(base, row(**core | {"host": "cortex-a72 by qemu 9.0"}, bytes=9999)))
    (told,) = [each for each in found.changes if not each.artifact.startswith("base")]
    assert (told.figure, told.artifact, told.verdict) == (
        "finished",
        "onnx int8 on onnxruntime (cortex-a72)",
        "passed",
    )


def test_other_conditions_are_warned_of(made: Any, base: Row, golden: Path) -> None:
    other = schema.read(golden / "not_passed.json")
    found = compressor.compare(made(base), other.model_copy(update={"rows": [base]})).warnings
    for word in ("another model", "another recipe", "other data", "another seed", "other versions", "parameters"):
        assert any(each.startswith(word) or word in each for each in found), word


@pytest.mark.parametrize(
    ("metric", "unit", "values", "limit", "verdicts"),
    [
        ("mean_squared_error", "percent", (1.0, 1.01, 1.02), "max_error_growth", ("passed", "failed")),
        ("psnr", "dB", (30.0, 29.5, 29.4), "max_db_fall", ("passed", "failed")),
        ("r2", "points", (0.9, 0.898, 0.897), "max_accuracy_fall", ("passed", "failed")),
        ("accuracy", "points", (0.9, 0.901, 0.5), "max_accuracy_fall", ("undecided", "failed")),
    ],
)
def test_a_metric_is_judged_in_its_own_unit(
    metric: str, unit: str, values: Any, limit: str, verdicts: Any, made: Any, base: Row, row: MakeRow
) -> None:
    before, *after = (
        row(metric={"name": metric, "value": value}, drop_unit=unit, sha256=str(value)) for value in values
    )
    for each, verdict in zip(after, verdicts, strict=True):
        found = one(made, before, each, base, metric)
        assert (found.limit, found.verdict) == (limit, verdict), found.message
        assert "values alone" in found.message or "not paired" in found.message


def test_code_of_the_users_own_is_judged_by_its_drops(made: Any, base: Row, row: MakeRow) -> None:
    metric = {"name": "mine:metric", "value": 3.0}
    before, after = row(metric=metric, drop=1.0), row(metric={**metric, "value": 9.0}, drop=1.3)
    found = one(made, before, after, base, "mine:metric")
    assert (found.value, found.verdict) == (pytest.approx(0.3), "failed")


class Kept:
    """A run folder with outputs and labels: sample after sample right or wrong."""

    def __init__(self, folder: Path, made: Any, base: Row, row: MakeRow) -> None:
        self.folder, self.made, self.base, self.row = folder, made, base, row

    def leave(self, name: str, wrong: int, labels: int = COUNT, **changes: Any) -> Path:
        """A run whose compressed file is wrong on the first samples; the float32 file is always right."""
        folder = self.folder / name
        (folder / "outputs").mkdir(parents=True)
        truth = np.arange(labels) % 3
        answers = np.where(np.arange(labels) < wrong, (truth + 1) % 3, truth)
        np.savez(folder / "data.npz", y_evaluation=truth)
        np.savez(folder / "outputs" / "float32-onnx-float32-onnxruntime.npz", y=np.eye(3, dtype=np.float32)[truth])
        np.savez(folder / "outputs" / "compressed-onnx-int8-onnxruntime.npz", y=np.eye(3, dtype=np.float32)[answers])
        right = 1 - wrong / labels
        told = {"metric": {"name": "accuracy", "value": right}, "agreement": right, "sha256": f"{wrong:064}"}
        base = self.base.model_copy(update={"metric": self.row(metric={"name": "accuracy", "value": 1.0}).metric})
        schema.write(self.made(base, self.row(**told), **changes), folder / "report.json")
        return folder


@pytest.fixture
def kept(tmp_path: Path, made: Any, base: Row, row: MakeRow) -> Kept:
    return Kept(tmp_path, made, base, row)


def test_pairs_see_what_two_shares_cannot(kept: Kept) -> None:
    before, after = kept.leave("before", 20), kept.leave("after", 40)
    paired = of(compressor.compare(before, after), "accuracy")
    assert (paired.verdict, paired.value) == ("failed", pytest.approx(2.0))
    assert paired.interval is not None
    assert 1.0 < paired.interval.low < 2.0 < paired.interval.high < 3.5
    assert paired.how == "1000 pairs of samples"
    alone = of(compressor.compare(schema.read(before), after), "accuracy")
    assert alone.interval is not None
    assert (alone.verdict, alone.how) == ("failed", "not paired: as if of different samples")
    # Newcombe, by hand of Wilson's intervals of 980 and 960 of 1000: 0.49 to 3.56 points.
    assert (alone.interval.low, alone.interval.high) == (pytest.approx(0.474, abs=0.05), pytest.approx(3.57, abs=0.05))
    agreement = of(compressor.compare(before, after), "agreement")
    assert (agreement.verdict, agreement.how) == ("failed", "1000 pairs of samples")


def test_what_the_samples_cannot_decide_is_undecided(kept: Kept) -> None:
    before, after = kept.leave("before", 20), kept.leave("after", 22)
    found = compressor.compare(before, after)
    assert (of(found, "accuracy").verdict, found.passed, found.exit_code) == ("undecided", True, 0)
    strict = compressor.compare(before, after, undecided="fail")
    assert (strict.passed, strict.exit_code) == (False, 1)


def test_the_same_file_on_the_same_samples_is_beyond_doubt(kept: Kept) -> None:
    found = of(compressor.compare(kept.leave("before", 20), kept.leave("after", 20)), "accuracy")
    assert (found.verdict, found.interval, found.how) == ("passed", None, "the same file")


def test_samples_of_other_data_are_not_paired(kept: Kept) -> None:
    before = kept.leave("before", 20)
    data = schema.read(before).data.model_copy(update={"sha256": "a1" * 32})
    found = compressor.compare(before, kept.leave("after", 40, data=data))
    assert of(found, "accuracy").how == "not paired: as if of different samples"
    assert any(each.startswith("other data") for each in found.warnings)


@pytest.mark.parametrize("spoil", ["outputs", "labels", "length"])
def test_outputs_that_are_not_those_of_the_report_are_not_paired(spoil: str, kept: Kept) -> None:
    before, after = kept.leave("before", 20), kept.leave("after", 40)
    wrong = np.eye(3, dtype=np.float32)[np.zeros(500 if spoil == "length" else COUNT, np.int64)]
    if spoil == "labels":
        np.savez(after / "data.npz", y_evaluation=np.zeros(COUNT, np.int64))
    else:
        np.savez(after / "outputs" / "compressed-onnx-int8-onnxruntime.npz", y=wrong)
    assert of(compressor.compare(before, after), "accuracy").how == "not paired: as if of different samples"


def test_a_damaged_file_of_outputs_is_bad_input(kept: Kept) -> None:
    before, after = kept.leave("before", 20), kept.leave("after", 40)
    (after / "outputs" / "compressed-onnx-int8-onnxruntime.npz").write_bytes(b"PK")
    with pytest.raises(compressor.BadInput, match="cannot be read as"):
        compressor.compare(before, after)


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0, 5), st.floats(0, 5))
def test_a_wider_limit_never_fails_what_a_narrow_one_lets_pass(
    before: int, after: int, one: float, other: float
) -> None:
    from compressor.report.change import judged

    row = Row.model_validate_json(
        schema.read(Path(__file__).parents[1] / "golden" / "passed.json").rows[1].model_dump_json()
    )
    interval = schema.Interval(low=min(before, after) / 10, high=max(before, after) / 10)
    order = ["passed", "undecided", "failed"]
    places = [
        order.index(judged(row, "f", ("l", limit), 1.0, "%", before=1, after=2, interval=interval).verdict)
        for limit in sorted((one, other))
    ]
    assert places[0] >= places[1]


def test_the_command_leaves_what_ci_reads(kept: Kept, called: Any, tmp_path: Path) -> None:
    kept.leave("before", 20), kept.leave("after", 40)
    done: subprocess.CompletedProcess[str] = called(
        "compare", "before", "after", "--junit", "j.xml", "--summary", "s.md", "--github", cwd=tmp_path
    )
    assert done.returncode == 1
    assert "::error title=failed%3A host%3A accuracy%3A onnx int8 on onnxruntime::" in done.stdout
    assert "not passed\n" in done.stdout
    assert 'classname="compressor.pump.float16.compare.host"' in (tmp_path / "j.xml").read_text()
    summary = (tmp_path / "s.md").read_text()
    assert summary.startswith("### pump: float16, against an earlier run\n\n**Not passed: 2 of 11 checks failed")
    shown = json.loads(called("compare", "before", "after", "--json", cwd=tmp_path).stdout)
    assert (shown["passed"], shown["limits"]["max_accuracy_fall"]) == (False, 0.2)
    assert called("compare", "before", "before", cwd=tmp_path).returncode == 0
    loose = ("--max-accuracy-fall", "9", "--max-agreement-fall", "9")
    assert called("compare", "before", "after", *loose, cwd=tmp_path).returncode == 0
    assert called("compare", "before", "absent", cwd=tmp_path).returncode == 2
    wrong = called("compare", "before", "after", "--max-size-growth", "-1", cwd=tmp_path)
    assert (wrong.returncode, "max_size_growth: must be greater than or equal to 0" in wrong.stderr) == (2, True)


def test_junit_fails_where_the_verdict_does(kept: Kept) -> None:
    before, after = kept.leave("before", 20), kept.leave("after", 22)
    for undecided, count in (("pass", 0), ("fail", 2)):
        found = findings.of_comparison(compressor.compare(before, after, undecided=undecided))  # type: ignore[arg-type]
        assert (found.passed, sum(case.fails for case in found.cases)) == (not count, count)


def test_the_options_are_the_limits() -> None:
    assert {name: default for name, (default, _) in LIMITS.items()} == RegressionLimits().model_dump()
