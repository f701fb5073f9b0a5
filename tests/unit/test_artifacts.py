"""Files that cannot be written: what is told, and what is tried instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compressor import formats
from compressor.artifacts import Writing
from compressor.errors import BadInput, CompressorError, Crashed, Refused, StageFailed
from compressor.plan import Job
from compressor.values import Artifact, Failure, Precision, Stage

BASELINE = Job(Stage.FLOAT32, "tflite", Precision.FLOAT32)
INT8 = Job(Stage.COMPRESSED, "tflite", Precision.INT8)
PREPARED = {"models": {"float32": "f", "compressed": "c", "simulated": "s"}, "inputs": [], "outputs": []}


class Converter:
    """Stands in for the worker: fails as it is told, and notes what it was asked for."""

    def __init__(self, **failures: CompressorError) -> None:
        self.failures = {name.replace("_", "-"): error for name, error in failures.items()}
        self.asked: list[tuple[str, str]] = []

    def call(self, stage: str, function: str, arguments: dict[str, Any], timeout: float) -> dict[str, Any]:
        precision = arguments["precision"]
        self.asked.append((function.partition(":")[2], precision))
        path = Path(arguments["destination"])
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / f".{path.stem}-abc{path.suffix}").write_bytes(b"begun")
        if precision in self.failures:
            raise self.failures[precision]
        (path.parent / f".{path.stem}-abc{path.suffix}").rename(path)
        return {"bytes": 5, "bytes_deflated": 5, "sha256": "0", "notes": ["told"]}


def written(converter: Converter, folder: Path, *jobs: Job) -> dict[Job, Artifact | Failure]:
    return Writing(converter, "m", PREPARED, folder, 100.0).all(jobs)  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [Crashed("ended with SIGSEGV"), Refused("refused int8")])
def test_what_is_refused_or_crashes_is_impossible_and_others_are_tried_cheap_ones_first(
    error: CompressorError, tmp_path: Path
) -> None:
    converter = Converter(int8=error, int16x8=Refused("as well"))
    made = written(converter, tmp_path, BASELINE, INT8)
    assert made[INT8] == Failure("write", str(error), (Precision.DYNAMIC_INT8, Precision.FLOAT16))
    tried = [("check", precision) for precision in ("dynamic-int8", "float16", "int16x8")]
    assert converter.asked == [("write", "float32"), ("write", "int8"), *tried]


def test_neither_trials_nor_begun_files_are_left(tmp_path: Path) -> None:
    written(Converter(int8=Crashed("SIGSEGV"), int16x8=Crashed("SIGSEGV")), tmp_path, BASELINE, INT8)
    files = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [Path("artifacts/tflite/m_float32.tflite")]


@pytest.mark.parametrize("error", [StageFailed("did not finish within 1 s"), BadInput("the disk is full")])
def test_other_failures_say_nothing_of_what_is_possible(error: CompressorError, tmp_path: Path) -> None:
    converter = Converter(int8=error)
    assert written(converter, tmp_path, BASELINE, INT8)[INT8] == Failure("write", str(error), None)
    assert [function for function, _ in converter.asked] == ["write", "write"]


def test_a_model_that_cannot_be_written_at_all_is_a_failure(tmp_path: Path) -> None:
    converter = Converter(float32=Refused("no"), int8=Refused("no"))
    made = written(converter, tmp_path, BASELINE, INT8)
    assert list(made.values()) == [Failure("write", "no", None)] * 2
    assert [function for function, _ in converter.asked] == ["write", "write"]


def test_only_what_the_format_knows_is_tried(tmp_path: Path) -> None:
    jobs = [Job(job.stage, "onnx_tensorrt", job.precision) for job in (BASELINE, INT8)]
    made = written(Converter(int8=Refused("no")), tmp_path, *jobs)
    failure = made[jobs[1]]
    assert isinstance(failure, Failure)
    assert failure.possible == (Precision.FLOAT16,)
    assert Precision.DYNAMIC_INT8 not in formats.load("onnx_tensorrt").precisions


def test_trials_end_with_the_time_for_one_file(tmp_path: Path) -> None:
    converter = Converter(int8=Refused("no"))
    made = Writing(converter, "m", PREPARED, tmp_path, 0.5).all([BASELINE, INT8])  # type: ignore[arg-type]
    assert made[INT8] == Failure("write", "no", ())
    assert len(converter.asked) == 2
