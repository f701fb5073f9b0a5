"""What does not pay is told in a sentence, and what pays is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from compressor.limits import Limits
from compressor.report import gate, layout
from compressor.report.exact_limits import packed_ratio
from compressor.report.schema import Row
from compressor.report.unpaid import sentences

MakeRow = Callable[..., Row]


def told(made: MakeRow, steps: tuple[str, ...] = (), **changes: Any) -> tuple[str, ...]:
    baseline = made(stage="float32", precision="float32", bytes=1000, bytes_deflated=800, bytes_packed=700)
    return sentences([baseline, made(**{"bytes_packed": 190, **changes})], steps, "int8")


def test_a_file_that_pays_is_not_told(row: MakeRow) -> None:
    assert told(row, ("quantize_aware",)) == ()


def test_a_larger_file_names_the_steps_and_by_how_much(row: MakeRow) -> None:
    (found,) = told(row, ("quantize_aware",), bytes=1360)
    assert found == "quantize_aware, int8: the onnx file is 1.36 times the bytes of float32 (1,000 to 1,360)"


def test_a_file_that_is_larger_once_packed_is_told(row: MakeRow) -> None:
    (found,) = told(row, bytes=1000, bytes_packed=701)
    assert found == "int8: the packed onnx file is 1.001 times the bytes of float32 (700 to 701)"


@pytest.mark.parametrize(
    ("low", "ratio", "noise", "slower"),
    [(1.01, 1.2, 0.1, True), (1.0, 1.2, 0.1, False), (1.01, 1.05, 0.1, False), (0.5, 0.6, 0.0, False)],
)
def test_a_slower_file_is_told_beyond_chance_and_noise(
    low: float, ratio: float, noise: float, slower: bool, row: MakeRow
) -> None:
    measured = {"ratio": ratio, "interval": {"low": low, "high": 2}, "noise": noise, "rounds": 9, "threads": 1}
    found = told(row, latency_ratio=measured)
    assert found == (("int8: the onnx file takes 1.20 times as long as float32 on onnxruntime",) if slower else ())


def test_what_a_stand_in_takes_says_nothing_of_the_device(row: MakeRow) -> None:
    measured = {"ratio": 2, "interval": {"low": 1.9, "high": 2.1}, "noise": 0, "rounds": 9, "threads": 1}
    baseline = row(stage="float32", precision="float32", bytes=1000, bytes_deflated=800)
    absent = row(provenance="skipped", reason="not here")
    assert sentences([baseline, row(latency_ratio=measured), absent], (), "int8") == ()


def test_pruning_and_clustering_pay_when_stored_alone(row: MakeRow) -> None:
    (found,) = told(row, ("prune", "fine_tune", "cluster"), bytes_deflated=160, bytes_packed=84)
    assert found == (
        "prune, cluster: no raw byte of the onnx file is saved by it (0.25 of float32); "
        "it pays only when stored deflated (0.20) or packed (0.12)"
    )
    (found,) = told(row, ("prune",), bytes_packed=None)
    assert found == "prune: no raw byte of the onnx file is saved by it (0.25 of float32), nor when stored"


def test_what_was_not_measured_or_has_no_baseline_is_not_told(row: MakeRow) -> None:
    assert sentences([row(bytes=10**9)], ("prune",), "int8") == ()
    assert told(row, ("prune",), provenance="skipped", reason="broken", bytes=10**9) == ()


def test_the_packed_ratio_is_of_both_files_packed(row: MakeRow) -> None:
    baseline = row(stage="float32", precision="float32", bytes=1000, bytes_packed=800)
    rows = [baseline, row(bytes_packed=200)]
    verdicts = [gate.judge(rows, Limits(max_packed_ratio=each)).passed for each in (0.25, 0.249)]
    assert verdicts == [True, False]
    assert packed_ratio(row(), baseline) is None
    assert not gate.judge([baseline, row()], Limits(max_packed_ratio=9)).passed


def test_packed_bytes_are_a_column_of_every_table(row: MakeRow) -> None:
    column = layout.HEADERS.index("packed KB")
    assert layout.cells(row(bytes_packed=12_340))[column] == "12.3"
    assert layout.cells(row())[column] == layout.ABSENT
