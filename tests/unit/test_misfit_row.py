"""A model that does not fit the board: a failed row with the numbers, and exit code 1."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tflite_files import relu_chain

from compressor import api, names, rows
from compressor.limits import Limits
from compressor.report import gate
from compressor.report.schema import Row
from compressor.target import Fact
from compressor.tflm import c_array
from compressor.values import Artifact, Stage


def device_row(folder: Path, flash: int) -> Row:
    plan = api.check("int8", ["cortex_m4"])
    planned = next(row for row in plan.rows if row.job.stage is Stage.COMPRESSED)
    path = folder / "m.cc"
    path.write_text(c_array.source(relu_chain(100, 100)))
    artifact = Artifact(path, "tflm", planned.job.precision, planned.job.stage, 1, 1, "0" * 64)
    (target,) = names.load_targets(["cortex_m4"])
    small = replace(target, facts={**target.facts, "flash_bytes": Fact(flash, "here")})
    return rows.Table(folder, {}, {planned.job: artifact}, None).device_row(small, planned)


def test_a_board_with_too_little_flash_is_a_failed_row(tmp_path: Path) -> None:
    size = len(relu_chain(100, 100))
    row = device_row(tmp_path, size + 65535)
    assert (row.provenance, row.failed_stage, row.runtime) == ("skipped", "fit", "tflm")
    assert row.reason is not None
    assert f"about {size + 65536} bytes needed (model {size}, code 65536 estimated), {size + 65535} there" in row.reason
    verdict = gate.judge([row], Limits())
    assert not verdict.passed
    assert "the model does not fit cortex_m4 (STM32F407)" in verdict.violations[0].message


def test_a_byte_more_is_enough(tmp_path: Path) -> None:
    row = device_row(tmp_path, len(relu_chain(100, 100)) + 65536)
    assert row.failed_stage is None
    assert gate.judge([row], Limits()).passed
