"""A format that is made of another one's file: that file is written once, and its failure is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compressor.artifacts import Writing
from compressor.errors import CompressorError, Refused, StageFailed
from compressor.plan import Job
from compressor.values import Artifact, Failure, Precision, Stage

PREPARED = {"models": {"float32": "f", "compressed": "c", "simulated": "s"}, "inputs": [], "outputs": []}
TFLITE = [Job(Stage.FLOAT32, "tflite", Precision.FLOAT32), Job(Stage.COMPRESSED, "tflite", Precision.INT8)]
TFLM = [Job(job.stage, "tflm", job.precision) for job in TFLITE]


class Converter:
    """Stands in for the worker; fails for `format precision` as it is told."""

    def __init__(self, failures: dict[str, CompressorError]) -> None:
        self.failures = failures
        self.asked: list[tuple[str, str, str]] = []

    def call(self, stage: str, function: str, arguments: dict[str, Any], timeout: float) -> dict[str, Any]:
        wanted = f"{arguments['format_name']} {arguments['precision']}"
        self.asked.append((function.partition(":")[2], wanted, Path(arguments["source"]["model"]).name))
        if wanted in self.failures:
            raise self.failures[wanted]
        return {"bytes": 5, "bytes_deflated": 5, "sha256": "0", "notes": [f"of {wanted}"]}


def written(folder: Path, jobs: list[Job], **failures: CompressorError) -> tuple[dict[Job, Any], Converter]:
    converter = Converter({name.replace("_", " "): error for name, error in failures.items()})
    return Writing(converter, "m", PREPARED, folder, 100.0).all(jobs), converter  # type: ignore[arg-type]


@pytest.mark.parametrize("jobs", [TFLM, TFLITE + TFLM, TFLM + TFLITE])
def test_the_first_file_is_written_once_and_handed_on(jobs: list[Job], tmp_path: Path) -> None:
    made, converter = written(tmp_path, jobs)
    assert sorted(converter.asked) == [
        ("write", "tflite float32", "f"),
        ("write", "tflite int8", "c"),
        ("write", "tflm float32", "m_float32.tflite"),
        ("write", "tflm int8", "m_compressed_int8.tflite"),
    ]
    artifact = made[TFLM[1]]
    assert isinstance(artifact, Artifact)
    assert artifact.path == tmp_path / "artifacts" / "tflm" / "m_compressed_int8.cc"
    assert artifact.notes == ("of tflite int8", "of tflm int8")


def test_what_cannot_be_converted_is_told_with_what_can(tmp_path: Path) -> None:
    made, _ = written(tmp_path, TFLM, tflite_int8=Refused("no int8"))
    possible = (Precision.DYNAMIC_INT8, Precision.FLOAT16, Precision.INT16X8)
    assert made[TFLM[1]] == Failure("write", "no int8", possible)
    assert isinstance(made[TFLM[0]], Artifact)


def test_what_only_the_second_format_refuses_is_its_own_failure(tmp_path: Path) -> None:
    made, converter = written(tmp_path, TFLITE + TFLM, tflm_int8=StageFailed("no kernel"))
    assert made[TFLM[1]] == Failure("write", "no kernel")
    assert isinstance(made[TFLITE[1]], Artifact)
    assert {function for function, _, _ in converter.asked} == {"write"}
