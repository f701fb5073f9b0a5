"""Evidence of a run folder: every compressed file once, every runtime, and faults that are warnings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from tflite_files import KINDS, TfliteFile

from compressor import evidence
from compressor.data.spec import DataSpec
from compressor.evidence import Evidence, Judging
from compressor.plan import Job
from compressor.rows import Measured
from compressor.values import Array, Artifact, Failure, Precision, Stage

FLOAT, INT8 = (Stage.FLOAT32, Precision.FLOAT32), (Stage.COMPRESSED, Precision.INT8)
ANSWERS = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
JUDGING = Judging("accuracy", "answer", (), DataSpec(source="x"), False)


def dense(weights: Array, kind: int) -> bytes:
    made = TfliteFile()
    x, y = made.tensor("x", 1, 4, kind=KINDS.FLOAT32), made.tensor("m/dense/BiasAdd", 1, 3, kind=KINDS.FLOAT32)
    made.operator("FULLY_CONNECTED", [x, made.tensor("m/dense/MatMul", 3, 4, kind=kind, values=weights)], [y])
    return made.content([x], [y])


class Run:
    """A run folder of one TFLite model, its int8 file on two runtimes, and the same file as a C array."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.artifacts: dict[Job, Artifact | Failure] = {}
        self.measurements: dict[tuple[Job, str], Measured | Failure] = {}
        np.savez(folder / "data.npz", x_evaluation=np.ones((4, 4, 4, 1), np.uint8), y_evaluation=[0, 1, 2, 0])
        self.file("tflite", *FLOAT, dense(np.ones((3, 4), np.float32), KINDS.FLOAT32))
        self.file("tflite", *INT8, dense(np.ones((3, 4), np.int8), KINDS.INT8))
        self.file("tflm", *INT8, b"int main;", ".cc")
        self.measured("tflite", *FLOAT, "litert", ANSWERS)
        self.measured("tflite", *INT8, "litert", ANSWERS)
        self.measured("tflite", *INT8, "litert_reference", ANSWERS[[1, 1, 2, 0]])

    def file(self, kind: str, stage: Stage, precision: Precision, content: bytes, suffix: str = ".tflite") -> None:
        path = self.folder / f"{stage}{suffix}"
        path.write_bytes(content)
        self.artifacts[Job(stage, kind, precision)] = Artifact(path, kind, precision, stage, 1, 1, "f" * 64)

    def measured(self, kind: str, stage: Stage, precision: Precision, runtime: str, outputs: Array) -> None:
        path = self.folder / f"{stage}-{runtime}.npz"
        np.savez(path, answer=outputs)
        self.measurements[Job(stage, kind, precision), runtime] = Measured({}, path)

    def evidence(self, judging: Judging = JUDGING) -> Evidence:
        return evidence.gather(self.folder, self.artifacts, self.measurements, judging)


def test_weights_are_told_once_a_file_and_answers_once_a_runtime(tmp_path: Path) -> None:
    found = Run(tmp_path).evidence()
    assert found.warnings == []
    assert [(each.format, each.layer, each.shape, each.bits) for each in found.weights] == [
        ("tflite", "dense", [3, 4], 8)
    ]
    assert [(each.runtime, each.evaluated, each.disagreeing, each.worse) for each in found.answers] == [
        ("litert", 4, 0, 0),
        ("litert_reference", 4, 1, 1),
    ]
    (sample,) = found.answers[1].samples
    assert (sample.index, sample.label, sample.compressed) == (0, "0", "1")
    assert (sample.image or "").startswith("data:image/png;base64,")


def test_a_spoiled_file_is_a_warning_and_costs_its_own_figure_alone(tmp_path: Path) -> None:
    run = Run(tmp_path)
    (tmp_path / "compressed.tflite").write_bytes(b"no model")
    (tmp_path / "compressed-litert_reference.npz").write_bytes(b"no answers")
    found = run.evidence()
    assert found.weights == []
    assert [each.runtime for each in found.answers] == ["litert"]
    assert len(found.warnings) == 2
    assert "the weights of compressed.tflite cannot be shown: " in found.warnings[0]
    assert "answers of tflite int8 on litert_reference cannot be shown" in found.warnings[1]


def test_outputs_of_another_shape_are_a_warning(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.measured("tflite", *INT8, "litert", ANSWERS[:, :2])
    assert run.evidence().warnings == [
        "answers of tflite int8 on litert cannot be shown: outputs of shapes (4, 2) and (4, 3)"
    ]


def test_a_vocabulary_that_is_gone_costs_texts_alone(tmp_path: Path) -> None:
    run = Run(tmp_path)
    np.savez(tmp_path / "data.npz", x_evaluation=np.ones((4, 4), np.int32), y_evaluation=[0, 1, 2, 0])
    found = run.evidence(replace(JUDGING, spec=DataSpec(source="x", vocabulary=str(tmp_path / "gone.txt"))))
    assert [len(each.samples) for each in found.answers] == [0, 1]
    assert len(found.warnings) == 1
    assert "the samples that differ cannot be shown" in found.warnings[0]


def test_without_a_baseline_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    run = Run(tmp_path)
    job = Job(Stage.FLOAT32, "tflite", Precision.FLOAT32)
    run.artifacts[job] = Failure("write", "crashed")
    run.measurements[job, "litert"] = Failure("write", "crashed")
    found = run.evidence()
    assert (found.weights, found.answers, found.warnings) == ([], [], [])
