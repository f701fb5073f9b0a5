"""Rows of a device that is not here and whose compiler is: estimated, never measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vela_stand_in import NOTHING, absent, leaving, one_left, two_operators, vendor

from compressor import api, estimate, names
from compressor.limits import Limits
from compressor.report import gate, layout, markdown, schema, terminal
from compressor.report.figures import EstimateValue
from compressor.report.schema import Report, Row
from compressor.rows import Table
from compressor.several_networks import combined
from compressor.values import Artifact, Stage

# Fixtures.
__all__ = ["absent", "vendor"]
(U55,) = names.load_targets(["ethos_u55-128"])
VALUE = EstimateValue(
    by="Vela 5.2.0",
    cycles=77_828,
    clock_hz=500_000_000,
    inference_ms=0.155656,
    inferences_per_second=6424.4,
    sram_bytes=16_048,
    dram_bytes=0,
    flash_bytes=53_984,
    accelerated_ops_share=9 / 11,
    compiled_path="artifacts/tflite/m_compiled.tflite",
)
LINE = (
    "onnx int8 on ethos_u: 77,828 cycles, 0.156 ms at 500 MHz; 15.7 KiB of SRAM, 52.7 KiB of flash; 81.8% of the "
    "operators accelerated (estimated by Vela 5.2.0, not measured)"
)


def device_row(folder: Path, content: bytes) -> Row:
    """What a report tells of the device for a file of the run folder."""
    planned = next(row for row in api.check("int8", [U55.name]).rows if row.job.stage is Stage.COMPRESSED)
    (folder / "artifacts").mkdir(exist_ok=True)
    path = folder / "artifacts" / "m.tflite"
    path.write_bytes(content)
    artifact = Artifact(path, "tflite", planned.job.precision, planned.job.stage, len(content), 1, "0" * 64)
    return Table(folder, {}, {planned.job: artifact}, None).device_row(U55, planned)


def test_the_row_of_the_device_has_the_estimate_and_the_compiled_file(vendor: Any, tmp_path: Path) -> None:
    vendor(leaving(tmp_path, one_left()))
    row = device_row(tmp_path, two_operators())
    assert (row.provenance, row.runtime, row.failed_stage, row.latency_ms) == ("estimated", "ethos_u", None, None)
    assert row.estimate is not None
    assert (row.estimate.cycles, row.estimate.by, row.estimate.accelerated_ops_share) == (77_828, "Vela 9.8.7", 0.5)
    kept = tmp_path / str(row.estimate.compiled_path)
    assert kept.name == "m_ethos_u55-128_vela.tflite"
    assert kept.read_bytes() == one_left()
    assert row.estimate.compiled_bytes == len(one_left())
    assert row.placement is not None
    assert (row.placement.accelerator_ops, row.placement.cpu_ops) == (1, 1)


def test_a_row_of_full_fallback_has_no_estimate(vendor: Any, tmp_path: Path) -> None:
    vendor(leaving(tmp_path, two_operators(), NOTHING))
    row = device_row(tmp_path, two_operators())
    assert (row.provenance, row.estimate, row.failed_stage) == ("skipped", None, None)
    assert row.reason == "vela leaves all 2 operators to the CPU"
    assert row.notes == ["vela puts operator 0 (LOGISTIC model/a/Sigmoid) on the cpu; the rules here say accelerator"]
    assert not list((tmp_path / "artifacts").glob("*vela*"))


def test_a_row_without_a_working_vela_says_why(vendor: Any, tmp_path: Path) -> None:
    vendor("echo broken >&2; exit 3")
    row = device_row(tmp_path, two_operators())
    assert (row.provenance, row.reason) == ("skipped", "vela refused m.tflite: broken")
    assert row.placement is not None
    assert row.placement.accelerator_ops == 1


@pytest.mark.usefixtures("absent")
def test_a_row_without_vela_says_how_to_install_it(tmp_path: Path) -> None:
    row = device_row(tmp_path, two_operators())
    assert row.provenance == "skipped"
    assert row.reason is not None
    assert row.reason.startswith("no Ethos-U here;")
    assert "pip install 'compressor[ethos-u]'" in row.reason
    assert row.placement is not None
    assert row.placement.accelerator_ops == 1


def test_only_targets_whose_compiler_estimates_wait_for_one() -> None:
    offered = [name for name, target in names.all_targets().items() if estimate.offered(target)]
    assert offered[0] == "ethos_u"
    assert len(offered) == 12
    assert all(name.startswith("ethos_u") for name in offered)


@pytest.fixture
def estimated(row: Callable[..., Row]) -> Row:
    """An estimated row as a run leaves it."""
    figures = dict.fromkeys(("metric", "drop", "drop_unit", "agreement", "latency_ms", "host"))
    return row(target="ethos_u55-128", runtime="ethos_u", provenance="estimated", estimate=VALUE, **figures)


def test_an_estimate_is_one_line_of_both_reports_and_no_row_of_their_tables(
    estimated: Row, golden: Path, capsys: Any
) -> None:
    report = schema.read(golden / "passed.json")
    with_it = report.model_copy(update={"rows": [*report.rows, estimated]})
    assert f"- {LINE}\n" in markdown.render(with_it)
    tables = [line for line in markdown.render(with_it).splitlines() if line.startswith("| onnx")]
    assert tables == [line for line in markdown.render(report).splitlines() if line.startswith("| onnx")]
    terminal.show(with_it, None, terminal.console())
    shown = capsys.readouterr().out
    assert f"ethos_u55-128: {LINE}\n" in shown
    assert layout.estimates(report.rows) == ()


def test_an_estimate_breaks_no_limit_and_keeps_its_target_a_stand_in(estimated: Row, row: Callable[..., Row]) -> None:
    limits = Limits(max_accuracy_drop=1.0, max_latency_ratio=0.001, min_agreement=0.5, max_size_ratio=0.3)
    stood_in = row(target="ethos_u55-128", drop=0.5)
    baseline = row(target="ethos_u55-128", stage="float32", bytes=1000, drop=0.0)
    verdict = gate.judge([baseline, stood_in, estimated], limits)
    assert verdict.violations == []
    assert verdict.not_judged == ["max_latency_ratio for ethos_u55-128: not measured on the device itself"]


def test_the_compiled_file_of_one_of_several_networks_is_in_its_folder(estimated: Row, golden: Path) -> None:
    report: Report = schema.read(golden / "passed.json")
    one = report.model_copy(update={"rows": [estimated]})
    (joined,) = combined("both", {"left": one}).rows
    assert joined.estimate is not None
    assert joined.estimate.compiled_path == "left/artifacts/tflite/m_compiled.tflite"
    assert joined.path == f"left/{estimated.path}"
