"""Rows: measurements joined with what they are compared with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_tflite import File

from compressor import api, metrics, names, rows
from compressor.errors import BadInput
from compressor.plan import Job, PlannedRow
from compressor.report.schema import Row
from compressor.statistics import paired_shares, share
from compressor.values import Artifact, Failure, Precision, Stage

ANSWERS = np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 0, 1, 2, 3]]


def shifted(*samples: int) -> Any:
    """The answers, with those of some samples moved to the next class."""
    changed = ANSWERS.copy()
    changed[list(samples)] = np.roll(changed[list(samples)], 1, axis=1)
    return changed


class Run:
    """A run folder as the earlier stages leave it; outputs are arrays, or a failure."""

    def __init__(self, folder: Path, target: str = "host", labels: Any = None, metric: str = "accuracy") -> None:
        self.folder = folder
        self.plan = api.check("int8", [target])
        self.measurements: dict[tuple[Job, str], rows.Measured | Failure] = {}
        self.artifacts: dict[Job, Artifact | Failure] = {}
        labelled = {} if labels is None else {"y_evaluation": labels}
        np.savez(folder / "data.npz", x_evaluation=np.ones((8, 1)), **labelled)
        np.savez(folder / "reference.npz", answer=ANSWERS)
        self.labels = labels
        self.metric = metric

    def planned(self, stage: Stage, runtime: str = "") -> PlannedRow:
        found = next(row for row in self.plan.rows if row.job.stage is stage and row.job.format == "tflite")
        return replace(found, runtime=runtime or found.runtime)

    def add(self, stage: Stage, outputs: Any, runtime: str = "") -> None:
        planned = self.planned(stage, runtime)
        job = planned.job
        path = self.folder / "artifacts" / f"{stage}.tflite"
        self.artifacts[job] = Artifact(path, job.format, job.precision, stage, 1000, 900, "f" * 64, ("a note",))
        if isinstance(outputs, Failure):
            self.measurements[job, planned.runtime] = outputs
            return
        kept = self.folder / f"{stage}-{planned.runtime}.npz"
        np.savez(kept, answer=outputs)
        metric = None
        if self.labels is not None:
            value = metrics.load(self.metric, trusted=True).value(self.labels, outputs)
            metric = {"name": self.metric, "value": value}
        latency = {"p50": 1.0, "p90": 2.0, "p99": 3.0, "threads": 1, "runs": 50}
        answer = {"host": "here", "metric": metric, "latency_ms": latency, "peak_rss_bytes": 7}
        self.measurements[job, planned.runtime] = rows.Measured(answer, kept)

    def row(self, stage: Stage, runtime: str = "") -> Row:
        return self.table.row(self.planned(stage, runtime))

    @property
    def table(self) -> rows.Table:
        metric = None if self.labels is None else self.metric
        return rows.Table(self.folder, self.measurements, self.artifacts, metric, trusted=True)


LABELS = ANSWERS.argmax(1)


@pytest.mark.parametrize("target", ["host", "coral"])
def test_the_baseline_is_compared_with_keras_and_the_rest_with_the_baseline(target: str, tmp_path: Path) -> None:
    run = Run(tmp_path, target, labels=LABELS)
    run.add(Stage.FLOAT32, shifted(0))
    run.add(Stage.COMPRESSED, shifted(0, 1, 2))
    baseline, compressed = run.row(Stage.FLOAT32), run.row(Stage.COMPRESSED)
    assert (baseline.drop, baseline.agreement, baseline.drop_unit) == (12.5, 0.875, "points")
    assert (compressed.drop, compressed.agreement, compressed.max_abs_error) == (25.0, 0.75, 1.0)
    assert compressed.metric is not None
    assert compressed.metric.value == 0.625


def test_drop_and_agreement_say_how_sure_they_are(tmp_path: Path) -> None:
    run = Run(tmp_path, labels=LABELS)
    run.add(Stage.FLOAT32, shifted(0, 1))
    run.add(Stage.COMPRESSED, shifted(0, 2, 3))
    found = run.row(Stage.COMPRESSED)
    assert found.outcomes is not None
    assert (found.outcomes.samples, found.outcomes.worse, found.outcomes.better) == (8, 2, 1)
    expected = paired_shares.interval(paired_shares.Pairs(2, 1, 8))
    assert found.drop_interval is not None
    assert (found.drop_interval.low, found.drop_interval.high) == (100 * expected.low, 100 * expected.high)
    assert found.drop_by == "McNemar's pairs"
    agreeing = share.interval(5 / 8, 8)
    assert found.agreement_interval is not None
    assert (found.agreement_interval.low, found.agreement_interval.high) == (agreeing.low, agreeing.high)
    against_keras = run.row(Stage.FLOAT32).outcomes
    assert against_keras is not None
    assert (against_keras.worse, against_keras.better) == (2, 0)


def test_a_mean_of_scores_is_resampled(tmp_path: Path) -> None:
    run = Run(tmp_path, labels=LABELS, metric="perplexity")
    run.add(Stage.FLOAT32, shifted(0))
    run.add(Stage.COMPRESSED, shifted(0, 1))
    found = run.row(Stage.COMPRESSED)
    assert (found.drop_by, found.drop_interval is not None) == ("bootstrap", True)
    assert found.outcomes is not None
    assert (found.outcomes.samples, found.outcomes.worse) == (8, None)


def test_the_baseline_on_the_rows_own_runtime_goes_first(tmp_path: Path) -> None:
    run = Run(tmp_path, labels=LABELS)
    run.add(Stage.FLOAT32, ANSWERS)
    run.add(Stage.FLOAT32, shifted(0), "litert_reference")
    run.add(Stage.COMPRESSED, shifted(0), "litert_reference")
    assert run.row(Stage.COMPRESSED, "litert_reference").agreement == 1.0


def test_a_row_carries_the_record_of_its_file_and_where_it_was_measured(tmp_path: Path) -> None:
    run = Run(tmp_path, labels=LABELS)
    run.add(Stage.FLOAT32, ANSWERS)
    found = run.row(Stage.FLOAT32)
    assert (found.path, found.bytes, found.bytes_deflated) == ("artifacts/float32.tflite", 1000, 900)
    assert (found.provenance, found.host, found.notes) == ("measured", "here", ["a note"])
    assert (found.drop, found.agreement, found.sqnr_db) == (0.0, 1.0, 200.0)


def test_a_row_says_how_long_it_takes_against_its_baseline_and_why(tmp_path: Path) -> None:
    run = Run(tmp_path, labels=LABELS)
    run.add(Stage.FLOAT32, ANSWERS)
    run.add(Stage.COMPRESSED, ANSWERS)
    planned = run.planned(Stage.COMPRESSED)
    found = run.measurements[planned.job, planned.runtime]
    assert isinstance(found, rows.Measured)
    ratio = {"ratio": 1.5, "interval": {"low": 1.4, "high": 1.6}, "noise": 0.01, "rounds": 60, "threads": 1}
    operator = {"op": "QLinearConv", "name": "n", "layer": "conv", "ms": 0.1, "share": 0.7}
    found.answer.update(latency_ratio=ratio, operator_times=[operator], memory={"arena_bytes": 9}, notes=["slower"])
    row = run.row(Stage.COMPRESSED)
    assert row.latency_ratio is not None
    assert (row.latency_ratio.ratio, row.latency_ratio.interval.high) == (1.5, 1.6)
    assert (row.operator_times[0].layer, row.notes) == ("conv", ["a note", "slower"])
    assert row.memory is not None
    assert row.memory.arena_bytes == 9


def test_without_labels_there_is_parity_and_no_drop(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.add(Stage.FLOAT32, shifted(0))
    found = run.row(Stage.FLOAT32)
    assert (found.metric, found.drop, found.drop_unit, found.agreement) == (None, None, None, 0.875)
    assert (found.drop_interval, found.agreement_interval is not None) == (None, True)
    assert run.table.keras_metric() is None


def test_keras_is_judged_on_its_own_outputs(tmp_path: Path) -> None:
    labels = LABELS.copy()
    labels[0] = 3
    metric = Run(tmp_path, labels=labels).table.keras_metric()
    assert metric is not None
    assert (metric.name, metric.value) == ("accuracy", 0.875)


def test_a_drop_has_the_unit_of_the_named_metric(tmp_path: Path) -> None:
    run = Run(tmp_path, labels=LABELS, metric="perplexity")
    run.add(Stage.FLOAT32, shifted(0))
    run.add(Stage.COMPRESSED, shifted(0, 1))
    found = run.row(Stage.COMPRESSED)
    assert found.metric is not None
    assert (found.metric.name, found.drop_unit) == ("perplexity", "percent")
    # 1/8 more of the samples ruled out, at 2^-23 instead of 1.
    assert found.drop == pytest.approx(100 * (2 ** (23 / 8) - 1))


def test_a_metric_of_the_users_own_is_used_when_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_of_rows.py").write_text(
        "def right(labels, outputs):\n    return sum(outputs.argmax(1) == labels)\n"
    )
    run = Run(tmp_path, labels=LABELS, metric="own_of_rows:right")
    run.add(Stage.FLOAT32, shifted(0))
    found = run.row(Stage.FLOAT32)
    assert found.metric is not None
    assert (found.metric.value, found.drop, found.drop_unit, found.agreement) == (7, 12.5, "percent", 0.875)
    with pytest.raises(BadInput, match="--trust"):
        rows.Table(tmp_path, run.measurements, run.artifacts, "own_of_rows:right").keras_metric()


def test_a_failure_is_a_row_with_its_stage_and_reason(tmp_path: Path) -> None:
    run = Run(tmp_path, labels=LABELS)
    run.add(Stage.COMPRESSED, Failure("measure", "the process died"))
    found = run.row(Stage.COMPRESSED)
    assert (found.provenance, found.failed_stage, found.reason) == ("skipped", "measure", "the process died")
    assert (found.metric, found.latency_ms, found.bytes) == (None, None, 1000)


@pytest.mark.parametrize(
    ("target", "possible", "told"),
    [
        ("host", ["float16", "dynamic-int8"], "use a recipe with precision float16 or dynamic-int8"),
        ("coral", [], "no other precision that coral takes"),
    ],
)
def test_an_impossible_precision_names_the_others_that_the_target_takes(
    target: str, possible: list[str], told: str, tmp_path: Path
) -> None:
    run = Run(tmp_path, target, labels=LABELS)
    run.add(Stage.COMPRESSED, Failure("write", "refused", (Precision.FLOAT16, Precision.DYNAMIC_INT8)))
    found = run.row(Stage.COMPRESSED)
    assert (found.provenance, found.failed_stage, found.possible_precisions) == ("skipped", "write", possible)
    assert (found.reason or "").startswith("refused\n")
    assert told in (found.reason or "")
    assert found.impossible


def test_a_file_that_was_never_written_has_no_bytes(tmp_path: Path) -> None:
    run = Run(tmp_path, labels=LABELS)
    run.add(Stage.COMPRESSED, Failure("write", "refused"))
    run.artifacts[run.planned(Stage.COMPRESSED).job] = Failure("write", "refused")
    found = run.row(Stage.COMPRESSED)
    assert (found.path, found.bytes, found.sha256, found.notes) == (None, None, None, [])


def test_without_a_baseline_a_row_says_that_it_was_not_compared(tmp_path: Path) -> None:
    run = Run(tmp_path, labels=LABELS)
    run.add(Stage.FLOAT32, Failure("write", "refused"))
    run.add(Stage.COMPRESSED, ANSWERS)
    found = run.row(Stage.COMPRESSED)
    assert (found.provenance, found.drop, found.agreement) == ("measured", None, None)
    assert found.notes == ["a note", "not compared: the float32 file failed (write)"]


def test_outputs_of_another_shape_are_a_failed_row(tmp_path: Path) -> None:
    run = Run(tmp_path, labels=LABELS)
    run.add(Stage.FLOAT32, ANSWERS[:, :3])
    found = run.row(Stage.FLOAT32)
    assert (found.provenance, found.failed_stage) == ("skipped", "compare")
    assert "(8, 3)" in (found.reason or "")


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_outputs_that_are_no_numbers_are_a_failed_row_and_no_crash(broken: float, tmp_path: Path) -> None:
    run = Run(tmp_path, labels=LABELS)
    outputs = ANSWERS.copy()
    outputs[3, 1] = broken
    run.add(Stage.FLOAT32, outputs)
    found = run.row(Stage.FLOAT32)
    assert (found.provenance, found.failed_stage) == ("skipped", "compare")


def test_the_device_itself_is_stated_with_the_way_to_get_it(tmp_path: Path) -> None:
    run = Run(tmp_path, "coral", labels=LABELS)
    run.add(Stage.COMPRESSED, ANSWERS)
    (coral,) = names.load_targets(["coral"])
    found = run.table.device_row(coral, run.planned(Stage.COMPRESSED))
    assert (found.runtime, found.provenance, found.failed_stage, found.bytes) == ("edgetpu", "skipped", None, 1000)
    assert "edgetpu_compiler" in (found.reason or "")


def relu_file(kind: str) -> bytes:
    file = File()
    made = file.tensor((1, 4), kind)
    file.add("RELU", [file.input((1, 4), kind)], [made])
    file.add("ARG_MAX", [made], [file.tensor((1,), kind)])
    return file.content()


def test_a_target_with_rules_says_what_it_would_accelerate(tmp_path: Path) -> None:
    run = Run(tmp_path, "coral", labels=LABELS)
    (coral,) = names.load_targets(["coral"])
    (tmp_path / "artifacts").mkdir()
    for stage, kind in ((Stage.FLOAT32, "FLOAT32"), (Stage.COMPRESSED, "INT8")):
        run.add(stage, ANSWERS)
        (tmp_path / "artifacts" / f"{stage}.tflite").write_bytes(relu_file(kind))
    baseline, compressed = run.row(Stage.FLOAT32).placement, run.row(Stage.COMPRESSED).placement
    assert baseline is not None
    assert (baseline.accelerator_ops, baseline.cpu_ops, baseline.accelerated_macs_share) == (0, 2, 0.0)
    assert "computes in float32" in baseline.reasons[0]
    assert compressed is not None
    assert (compressed.accelerator_ops, compressed.cpu_ops, compressed.accelerated_macs_share) == (1, 1, 0.5)
    assert "does not compute ARG_MAX" in compressed.reasons[0]
    assert run.table.device_row(coral, run.planned(Stage.COMPRESSED)).placement == compressed


def test_a_target_without_rules_says_nothing_of_placement(tmp_path: Path) -> None:
    run = Run(tmp_path, labels=LABELS)
    run.add(Stage.COMPRESSED, ANSWERS)
    run.add(Stage.FLOAT32, ANSWERS)
    assert run.row(Stage.COMPRESSED).placement is None
