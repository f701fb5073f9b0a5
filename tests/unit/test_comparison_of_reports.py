"""Reports without outputs against each other: what pairs, what contradicts, what has no counterpart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import compressor
from compressor.report import findings, junit, schema
from compressor.report.change import Change
from compressor.report.comparison import Comparison
from compressor.report.schema import Report, Row

MakeRow = Callable[..., Row]
COUNT = 500


@pytest.fixture
def report(golden: Path, row: MakeRow) -> Callable[..., Report]:
    """A report of a float32 file that is right on all samples, and of a compressed one."""
    whole = schema.read(golden / "passed.json")
    data = whole.data.model_copy(update={"evaluation": COUNT})
    base = row(stage="float32", precision="float32", sha256="1" * 64, metric={"name": "accuracy", "value": 1.0})

    def make(*rows: Row, float32: str | None = "1" * 64) -> Report:
        return whole.model_copy(update={"data": data, "rows": [base.model_copy(update={"sha256": float32}), *rows]})

    return make


@pytest.fixture
def counted(row: MakeRow) -> Callable[..., Row]:
    """A compressed row with as many worse and better answers than the float32 file; `value` where it says another."""

    def make(worse: int, better: int = 0, value: float | None = None, **changes: Any) -> Row:
        share = 0.9 - (worse - better) / COUNT if value is None else value
        told = {"outcomes": {"samples": COUNT, "worse": worse, "better": better}, "sha256": f"{worse:032}{better:032}"}
        return row(**told | {"metric": {"name": "accuracy", "value": share}} | changes)

    return make


def accuracy(found: Comparison) -> Change:
    (told,) = [each for each in found.changes if each.figure == "accuracy" and not each.artifact.startswith("base")]
    return told


@pytest.mark.parametrize(("lost", "verdict"), [(0, "passed"), (5, "failed"), (10, "failed"), (15, "failed")])
def test_a_fall_is_paired_by_the_float32_file(lost: int, verdict: str, report: Any, counted: Any) -> None:
    found = accuracy(compressor.compare(report(counted(0)), report(counted(lost))))
    assert (found.verdict, found.value) == (verdict, pytest.approx(100 * lost / COUNT))
    if lost:
        assert found.how == "paired by the float32 file"
        assert "paired by the float32 file" in found.message


def test_the_bound_is_what_can_differ_at_most(report: Any, counted: Any) -> None:
    from compressor.statistics.paired_shares import Pairs, interval

    found = accuracy(compressor.compare(report(counted(1, 2)), report(counted(7, 1))))
    # At most 7 + 2 samples worse than before, and 1 + 1 better.
    bounds = interval(Pairs(9, 2, COUNT))
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((100 * bounds.low, 100 * bounds.high), abs=1e-6)


@pytest.mark.parametrize("spoil", ["float32", "no float32", "no outcomes", "data", "samples"])
def test_what_is_not_of_the_same_float32_answers_is_not_paired(spoil: str, report: Any, counted: Any) -> None:
    after = counted(5)
    if spoil in ("no outcomes", "samples"):
        outcomes = None if spoil == "no outcomes" else after.outcomes.model_copy(update={"samples": COUNT - 1})
        after = after.model_copy(update={"outcomes": outcomes})
    shas = {"float32": "2" * 64, "no float32": None}
    new = report(after, float32=shas.get(spoil, "1" * 64))
    if spoil == "data":
        new = new.model_copy(update={"data": new.data.model_copy(update={"sha256": "a1" * 32})})
    found = accuracy(compressor.compare(report(counted(0)), new))
    assert (found.verdict, found.how) == ("undecided", "not paired: as if of different samples")


def test_a_report_that_was_edited_fails_even_where_its_file_is_the_same(report: Any, counted: Any) -> None:
    before, after = report(counted(1, 1)), report(counted(1, 1, value=0.89))
    found = accuracy(compressor.compare(before, after))
    assert (found.verdict, found.how) == ("failed", "paired by the float32 file")


def test_what_would_decide_is_told_and_decides(report: Any, counted: Any) -> None:
    """Both kinds of pairs: the samples that are told to be missing do decide."""
    for changes in ({}, {"outcomes": None}):
        before, after = counted(3, **changes), counted(6, **changes)
        found = compressor.compare(report(before), report(after))
        told = accuracy(found)
        assert (told.verdict, found.exit_code) == ("undecided", 0)
        assert told.more_samples is not None
        assert told.message.endswith(f": undecided, about {told.more_samples:,} more samples would decide it")
        strict = compressor.compare(report(before), report(after), undecided="fail")
        assert strict.exit_code == 1
        for share, verdict in ((0.9, "undecided"), (1.01, "failed")):
            times = 1 + share * told.more_samples / COUNT
            assert accuracy(compressor.compare(*(more(report(each), times) for each in (before, after)))).verdict == (
                verdict
            )


def more(report: Report, times: float) -> Report:
    """The same shares of so many times the samples."""
    count = round(times * COUNT)
    data = report.data.model_copy(update={"evaluation": count})
    rows = []
    for row in report.rows:
        found = row.outcomes
        if found is not None and found.worse is not None:
            found = found.model_copy(update={"samples": count, "worse": round(found.worse * times)})
        rows.append(row.model_copy(update={"outcomes": found}))
    return report.model_copy(update={"data": data, "rows": rows})


def leave(folder: Path, report: Report, wrong: int) -> Path:
    """A run folder whose compressed file is wrong on so many samples, whatever the report says."""
    (folder / "outputs").mkdir(parents=True)
    truth = np.arange(COUNT) % 3
    answers = np.where(np.arange(COUNT) < wrong, (truth + 1) % 3, truth)
    np.savez(folder / "data.npz", y_evaluation=truth)
    for name, each in (("float32-onnx-float32", truth), ("compressed-onnx-int8", answers)):
        np.savez(folder / "outputs" / f"{name}-onnxruntime.npz", y=np.eye(3, dtype=np.float32)[each])
    schema.write(report, folder / "report.json")
    return folder


def test_outputs_that_contradict_their_report_are_warned_of(tmp_path: Path, report: Any, counted: Any) -> None:
    honest = {"value": 0.98, "agreement": 0.98}
    old = leave(tmp_path / "old", report(counted(10, **honest)), wrong=10)
    same = leave(tmp_path / "same", report(counted(10, **honest)), wrong=10)
    edited = leave(tmp_path / "edited", report(counted(10, value=0.93, agreement=0.93)), wrong=10)
    assert compressor.compare(old, same).warnings == []
    found = compressor.compare(old, edited)
    assert (accuracy(found).verdict, found.exit_code) == ("failed", 1)
    where = "the outputs beside the new report contradict it, and its values are judged: host: onnx int8 on onnxruntime"
    assert found.warnings == [
        f"{where}: accuracy is 0.98 by them, 0.93 by the report",
        f"{where}: agreement is 0.98 by them, 0.93 by the report",
    ]
    assert [each.replace("new", "earlier") for each in found.warnings] == compressor.compare(edited, old).warnings


def test_a_new_row_that_failed_is_a_failure(report: Any, counted: Any, row: MakeRow) -> None:
    failed = row(provenance="skipped", failed_stage="write", reason="no", metric=None, agreement=None)
    found = compressor.compare(report(), report(failed))
    (told,) = [each for each in found.changes if each.verdict != "passed"]
    assert (told.figure, told.received, found.exit_code) == ("finished", "write: no", 1)
    absent = row(provenance="skipped", reason="no such device", metric=None, agreement=None)
    assert compressor.compare(report(), report(absent)).exit_code == 0
    # An emulated core's failure has the name of the measured row.
    assert compressor.compare(report(counted(1)), report(counted(1), failed)).exit_code == 1


def test_where_nothing_is_compared_nothing_has_passed(report: Any, counted: Any, row: MakeRow) -> None:
    failed = row(provenance="skipped", failed_stage="write", reason="no", metric=None, agreement=None)

    def only(*rows: Row) -> Report:
        made: Report = report().model_copy(update={"rows": list(rows)})
        return made

    for before, after in ((only(), only()), (only(), only(counted(1))), (only(failed), only(failed))):
        found = compressor.compare(before, after)
        (told,) = found.changes
        assert (told.verdict, told.limit, found.exit_code) == ("failed", "comparable", 1)
        assert told.message.startswith("nothing was compared: expected a row that finished in both runs, received none")
        left = findings.of_comparison(found)
        written = junit.render(left.cases, left.properties, left.name)
        assert '<testsuite name="run" tests="1" failures="1"' in written
        assert "what to do: compare reports of the same model" in written
    mended = compressor.compare(only(failed), only(counted(1)))
    assert (mended.exit_code, [each.figure for each in mended.changes]) == (0, ["finished"])
