"""The parity matrix: which cells there are, what they say, where a fault begins, and what the gate makes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_tflite import File

from compressor import measured_files, rows
from compressor.emulation import Emulated
from compressor.limits import Limits
from compressor.measuring_process import Asked
from compressor.parity import completing, further, matrix
from compressor.parity.cells import Comparing
from compressor.parity.divergences import IN_ORDER, Fault, FileKey, Naming
from compressor.parity.matrix import Matrix
from compressor.plan import Job, PlannedRow
from compressor.progress import silent
from compressor.report import gate, parity_limit, parity_table
from compressor.report.evidence import Divergence, LayersPart, LayerValue, ParityCell
from compressor.report.schema import Report, Row
from compressor.target import Route, Target
from compressor.values import Array, Artifact, Entry, Failure, Precision, Stage

STEP = 0.25
MODEL = np.linspace(-4, 4, 40, dtype=np.float32).reshape(10, 4)
FLOAT = Job(Stage.FLOAT32, "tflite", Precision.FLOAT32)
INT8 = Job(Stage.COMPRESSED, "tflite", Precision.INT8)
RUNTIMES = ("litert", "litert_reference")
HOST = Target("host", "here", (Route("tflite", tuple(Precision), "litert"),))


def rounded(values: Array) -> Array:
    return (np.round(values / STEP) * STEP).astype(np.float32)


class Written:
    """A float32 and an int8 file of one RELU, and what runtimes answered; any answer can be another one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.artifacts: dict[Job, Artifact | Failure] = {}
        for job, kind in ((FLOAT, "FLOAT32"), (INT8, "INT8")):
            file = File()
            scale = STEP if kind == "INT8" else 0.0
            file.add("RELU", [file.input((1, 4), kind, scale=scale)], [file.tensor((1, 4), kind, scale=scale)])
            path = folder / f"m_{job.stage}.tflite"
            path.write_bytes(file.content())
            self.artifacts[job] = Artifact(path, "tflite", job.precision, job.stage, 1, 1, "0" * 64)
        np.savez(folder / "reference.npz", y=MODEL)
        self.answers: dict[tuple[Job, str], rows.Measured | Failure] = {}
        for runtime in RUNTIMES:
            self.answer(FLOAT, runtime, MODEL)
            self.answer(INT8, runtime, rounded(MODEL))

    def answer(self, job: Job, runtime: str, values: Array, **told: Any) -> rows.Measured:
        path = self.folder / f"{job.stage}-{runtime}-{told.get('host', '')}.npz"
        np.savez(path, y=values)
        spec = {"name": "y", "shape": [1, 4], "dtype": "int8" if job is INT8 else "float32"}
        fixed = {
            "runtime": runtime,
            "host": "h",
            "samples": len(values),
            "metric": None,
            "inputs": [],
            "outputs": [spec],
        }
        found = rows.Measured(fixed | told, path)
        if not told.get("host"):
            self.answers[job, runtime] = found
        return found

    def matrix(self) -> Matrix:
        return Matrix(self.artifacts, self.answers, self.folder / "reference.npz", Comparing("mean_squared_error", "y"))

    def cells(self) -> list[ParityCell]:
        return self.matrix().cells()


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path)


def told(cell: ParityCell) -> tuple[str, str, str, str]:
    return cell.stage, cell.runtime, cell.against, cell.against_runtime


def test_every_file_on_every_runtime_is_held_against_model_float32_file_and_reference_kernels(written: Written) -> None:
    cells = written.cells()
    assert [told(cell) for cell in cells] == [
        ("float32", "litert", "keras", "keras"),
        ("float32", "litert", "same file", "litert_reference"),
        ("float32", "litert_reference", "keras", "keras"),
        ("compressed", "litert", "keras", "keras"),
        ("compressed", "litert", "float32", "litert"),
        ("compressed", "litert", "same file", "litert_reference"),
        ("compressed", "litert_reference", "keras", "keras"),
        ("compressed", "litert_reference", "float32", "litert_reference"),
    ]
    assert [cell.within for cell in cells] == [True, True, True, None, None, True, None, None]
    assert {cell.limit for cell in cells if cell.against == "float32"} == {None}
    for cell in cells:
        compressed = cell.stage == "compressed" and cell.against != "same file"
        error = np.abs(rounded(MODEL) - MODEL) if compressed else np.zeros(1)
        assert (cell.samples, cell.values) == (10, 40)
        assert cell.max_abs_error == pytest.approx(error.max(), abs=1e-7)
        assert cell.mean_abs_error == pytest.approx(error.mean(), abs=1e-7)
        assert cell.cosine == pytest.approx(1.0, abs=1e-2)


@pytest.mark.parametrize(("steps", "within"), [(1, True), (2, False)])
def test_integer_answers_of_other_kernels_are_counted_in_steps(steps: int, within: bool, written: Written) -> None:
    values = rounded(MODEL)
    values[3, 2] += steps * STEP
    values[7, 0] -= STEP
    written.answer(INT8, "litert", values)
    (cell,) = [each for each in written.cells() if told(each)[:3] == ("compressed", "litert", "same file")]
    assert (cell.differing, cell.values, cell.max_lsb, cell.limit, cell.limit_unit) == (2, 40, steps, 1.0, "lsb")
    assert cell.within is within


@pytest.mark.parametrize(("difference", "within"), [(3.9e-5, True), (4.2e-5, False)])
def test_a_float32_file_is_to_give_the_answers_of_the_model(difference: float, within: bool, written: Written) -> None:
    values = MODEL.astype(np.float64)
    values[0, 0] += difference
    written.answer(FLOAT, "litert", values)
    # The largest answer is 4, of which 1e-5 is the tolerance.
    cell = written.cells()[0]
    assert (cell.within, cell.max_lsb, cell.differing) == (within, None, None)
    assert cell.limit == pytest.approx(4e-5)


def test_a_runtime_that_answered_fewer_samples_is_compared_on_those(written: Written) -> None:
    written.answer(INT8, "litert_reference", rounded(MODEL)[:6])
    assert [cell.samples for cell in written.cells() if cell.stage == "compressed"] == [10, 10, 6, 6, 6]


def test_a_runtime_that_failed_is_a_cell_with_its_reason_and_no_oracle(written: Written) -> None:
    written.answers[INT8, "litert_reference"] = Failure("measure", "LiteRT\n  died")
    cells = [cell for cell in written.cells() if cell.stage == "compressed"]
    assert [(told(cell), cell.reason) for cell in cells] == [
        (("compressed", "litert", "keras", "keras"), None),
        (("compressed", "litert", "float32", "litert"), None),
        (("compressed", "litert_reference", "keras", "keras"), "LiteRT died"),
    ]


def test_without_a_float32_file_on_the_same_runtime_its_other_answers_are_the_baseline(written: Written) -> None:
    del written.answers[FLOAT, "litert_reference"]
    baselines = [told(cell) for cell in written.cells() if cell.against == "float32"]
    assert [(runtime, other) for _, runtime, _, other in baselines] == [
        ("litert", "litert"),
        ("litert_reference", "litert"),
    ]


def test_a_file_that_others_are_only_made_of_has_no_cells(written: Written) -> None:
    written.answers = {key: found for key, found in written.answers.items() if key[0] != INT8}
    assert {cell.stage for cell in written.cells()} == {"float32"}


def test_an_emulated_core_is_held_against_this_machine_and_reference_kernels_exactly(written: Written) -> None:
    there = rounded(MODEL)[:5].copy()
    there[1, 1] += STEP
    host = "emulated on cortex-a76 by QEMU 8"
    emulated = [
        Emulated(PlannedRow(HOST, INT8, runtime), written.answer(INT8, runtime, there, host=host))
        for runtime in (*RUNTIMES, "litert")
    ]
    cells = written.matrix().emulated(emulated)
    assert [(each.stage, each.runtime, each.host, each.samples, each.limit, each.within) for each in cells] == [
        ("emulated", "litert", host, 5, 1.0, True),
        ("emulated", "litert_reference", host, 5, 0.0, False),
    ]
    assert parity_table.line(cells[0])[:3] == (
        "emulated int8",
        "litert, emulated on cortex-a76",
        "same file on litert",
    )


class Located:
    """Stands in for the search for a layer, which takes seconds."""

    def __init__(self, layer: str | None = "dense") -> None:
        self.layer = layer
        self.asked: list[tuple[FileKey, Fault, str]] = []

    def __call__(self, key: FileKey, fault: Fault, runtime: str) -> Divergence | None:
        self.asked.append((key, fault, runtime))
        return None if self.layer is None else Divergence(stage=fault, layer=self.layer, told=f"{self.layer} is off")


def spoiled(written: Written, *runtimes: str) -> list[ParityCell]:
    for runtime in runtimes:
        written.answer(FLOAT, runtime, MODEL + 0.5)
    return written.cells()


def test_where_all_kernels_leave_the_model_the_file_was_converted_wrongly_and_is_searched_once(
    written: Written,
) -> None:
    locate = Located()
    cells = Naming(locate).named(spoiled(written, *RUNTIMES))
    found = [each for each in cells if each.diverges is not None]
    assert {(told(each)[0], each.against) for each in found} == {("float32", "keras")}
    assert {each.diverges.stage for each in found if each.diverges} == {"conversion"}
    assert locate.asked == [(FileKey("float32", "tflite", "float32"), "conversion", "litert")]


def test_where_other_kernels_give_the_answers_of_the_model_the_runtime_is_at_fault(written: Written) -> None:
    locate = Located()
    cells = Naming(locate).named(spoiled(written, "litert"))
    found = [each for each in cells if each.diverges is not None]
    assert {(each.runtime, each.diverges.stage, each.diverges.layer) for each in found if each.diverges} == {
        ("litert", "runtime", "dense")
    }
    assert [each.against for each in found] == ["keras", "same file"]
    assert len(locate.asked) == 1


def test_a_fault_whose_layer_nobody_finds_is_told_all_the_same(written: Written) -> None:
    (first, *_) = Naming(Located(None)).named(spoiled(written, *RUNTIMES))
    assert first.diverges is not None
    assert (first.diverges.stage, first.diverges.layer) == ("conversion", None)
    assert "not those of the model that the file was made of" in first.diverges.told


def test_answers_that_hang_on_the_samples_before_are_state_and_no_layer_is_searched(written: Written) -> None:
    locate = Located()
    key = FileKey("float32", "tflite", "float32")
    cells = Naming(locate, frozenset([(key, "litert")])).named(spoiled(written, "litert"))
    found = [each for each in cells if each.diverges is not None]
    assert {(each.stage, each.runtime) for each in found} == {("float32", "litert")}
    assert {each.diverges.stage for each in found if each.diverges} == {"state"}
    assert locate.asked == []


@pytest.mark.parametrize(("located", "noise", "within"), [(IN_ORDER, 3, None), (IN_ORDER, 90, False), (None, 3, False)])
def test_roundings_that_grew_are_no_fault_where_every_layer_is_in_order_and_the_answers_are_near(
    written: Written, located: Any, noise: int, within: bool | None
) -> None:
    (cell, *_) = (each for each in written.cells() if told(each)[0] == "compressed" and each.limit_unit == "lsb")
    far = {"within": False, "max_lsb": noise, "limit": 1.0, "sqnr_db": 45.0 if noise == 3 else 5.0}
    (found,) = Naming(lambda *_: located).named([cell.model_copy(update=far)])
    assert found.within is within
    assert (found.diverges is None) == (within is None)


def test_a_runtime_that_is_in_order_says_nothing_of_another_one(written: Written) -> None:
    (cell, *_) = (each for each in written.cells() if told(each)[0] == "compressed" and each.limit_unit == "lsb")
    off = [cell.model_copy(update={"within": False, "sqnr_db": 45.0, "runtime": name}) for name in ("first", "second")]
    fault = Divergence(stage="runtime", layer="dense", told="off")
    named = Naming(lambda _, __, runtime: fault if runtime == "second" else IN_ORDER).named(off)
    assert [each.diverges for each in named] == [None, fault]


def part(*faults: str) -> LayersPart:
    layers = [
        LayerValue(index=place, layer=name, op="CONV_2D", tensor=name, bits=8, error=0.0, sqnr_db=40.0, max_abs_error=0)
        for place, name in enumerate(("conv", "dense"))
    ]
    fixed = {"format": "tflite", "precision": "int8", "runtime": "litert", "samples": 16}
    return LayersPart(**fixed, layers=layers, faults=list(faults))


def test_a_fault_of_a_layer_stands_at_the_compressed_file_against_the_float32_one(written: Written) -> None:
    cells = Naming(Located(), layers=[part("the scale of `dense` is 2 % off", "another")]).named(written.cells())
    found = [each for each in cells if each.diverges is not None]
    assert {told(each)[::2] for each in found} == {("compressed", "float32")}
    assert {each.diverges for each in found} == {
        Divergence(stage="compression", layer="dense", told="the scale of `dense` is 2 % off; another")
    }
    assert [each for each in Naming(Located(), layers=[part()]).named(written.cells()) if each.diverges] == []


def of_row(row: Callable[..., Row], **changes: Any) -> Row:
    fixed = {"format": "tflite", "runtime": "litert", "stage": "float32", "precision": "float32"}
    return row(**fixed | changes)


def test_a_fault_breaks_the_gate_for_every_row_of_that_file_and_runtime_once(
    written: Written, row: Callable[..., Row]
) -> None:
    cells = Naming(Located()).named(spoiled(written, *RUNTIMES))
    table = [of_row(row), of_row(row, target="coral"), of_row(row, runtime="litert_reference"), row()]
    judged = gate.judge(table, Limits())
    assert judged.passed
    found = parity_limit.combined(judged, cells, table)
    assert not found.passed
    assert [(each.limit, each.target, each.runtime) for each in found.violations] == [
        ("parity", "host", "litert"),
        ("parity", "coral", "litert"),
        ("parity", "host", "litert_reference"),
    ]
    message = found.violations[0].message
    assert message.startswith(
        "host: float32 tflite float32 on litert: parity: float32 tflite on litert against keras: "
    )
    assert message.endswith("expected at most 4.0e-05, received 5.0e-01: dense is off")


def test_a_fault_of_compression_or_of_a_runtime_that_no_row_asked_for_breaks_no_gate(
    written: Written, row: Callable[..., Row]
) -> None:
    compression = Naming(Located(), layers=[part("conv")]).named(written.cells())
    assert list(parity_limit.violations(compression, [of_row(row, stage="compressed", precision="int8")])) == []
    cells = Naming(Located()).named(spoiled(written, "litert"))
    assert list(parity_limit.violations(cells, [of_row(row, runtime="litert_reference")])) == []


def test_what_is_missing_is_measured_on_few_samples_without_latency(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Job, str, int | None]] = []

    def here(question: Asked, artifact: Artifact, runtime: str, timed: bool = True) -> rows.Measured | Failure:
        assert not timed
        asked.append((FLOAT if artifact.stage is Stage.FLOAT32 else INT8, runtime, question.samples))
        return Failure("measure", runtime)

    monkeypatch.setattr(measured_files, "here", here)
    question = Asked(written.folder, "data.npz", outputs=written.folder, timeout=1800.0)
    del written.answers[FLOAT, "litert_reference"]
    made = further.measured(written.artifacts, written.answers, question, silent)
    assert all((job, runtime) not in written.answers for job, runtime in made)
    assert (FLOAT, "litert_reference") in made
    assert len(asked) == len(made)
    assert set(asked) == {(job, runtime, further.MOST_SAMPLES) for job, runtime in made}


def test_a_large_file_is_asked_fewer_samples_and_a_slow_runtime_fewer_still(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = written.artifacts[FLOAT]
    assert isinstance(artifact, Artifact)
    monkeypatch.setattr("compressor.roundings.work", lambda path: 20_000_000)
    assert [further.samples(artifact, name) for name in RUNTIMES] == [400, 60]
    monkeypatch.setattr("compressor.roundings.work", lambda path: 2_000_000_000)
    assert [further.samples(artifact, name) for name in RUNTIMES] == [8, 8]


def test_a_report_is_completed_by_cells_notes_warnings_and_violations(
    written: Written, report: Report, row: Callable[..., Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoiled(written, *RUNTIMES)
    monkeypatch.setattr("compressor.parity.further.measured", lambda *_: {})
    monkeypatch.setattr("compressor.parity.locating.Locator.layers", lambda *_: ([part()], ["not looked at"]))
    monkeypatch.setattr("compressor.parity.locating.Locator.locate", Located())
    table = [of_row(row), row()]
    plain = report.model_copy(update={"rows": table, "verdict": gate.judge(table, Limits()), "warnings": ["w"]})
    asked = Asked(written.folder, "data.npz", metric="mean_squared_error", judged="y", outputs=written.folder)
    run = completing.Run(written.folder, asked, Entry.GRAPH, written.artifacts, written.answers)
    found = completing.complete(plain, run, silent)
    assert found.layers == [part()]
    assert {cell.against_runtime for cell in found.parity if cell.against == "keras"} == {"tensorflow"}
    assert found.warnings == ["w", "not looked at", "float32 tflite on litert: conversion: dense is off"]
    assert [each.notes for each in found.rows] == [["parity: dense is off"], []]
    assert [each.limit for each in found.verdict.violations] == ["parity"]
    assert Report.model_validate_json(found.model_dump_json()) == found


def test_what_a_compiler_made_is_a_cell_that_says_why_it_has_no_numbers(row: Callable[..., Row]) -> None:
    estimate = {
        **{"by": "vela 4", "cycles": 1, "clock_hz": 1, "inference_ms": 1.0, "inferences_per_second": 1.0},
        **{"sram_bytes": 1, "dram_bytes": 0, "flash_bytes": 1, "accelerated_ops_share": 1.0},
        "compiled_path": "artifacts/tflite/m_vela.tflite",
    }
    made = row(format="tflite", runtime="ethos_u", provenance="estimated", estimate=estimate, latency_ms=None)
    (cell,) = matrix.compiled([made, made, row()])
    assert (cell.stage, cell.runtime, cell.samples) == ("compiled", "ethos_u", 0)
    assert cell.reason == "m_vela.tflite runs on the device alone"
