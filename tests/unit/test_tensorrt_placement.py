"""`compressor inspect FILE.onnx`, rows of TensorRT's targets, and trtexec where it is on PATH."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_onnx import FIRST, LAST, saved

from compressor import api, names, onnx_view, rows
from compressor.errors import MissingTool, StageFailed
from compressor.inspection import inspect
from compressor.limits import Limits
from compressor.plan import PlannedRow
from compressor.report import gate
from compressor.report.schema import Row
from compressor.target import Target
from compressor.tensorrt import trtexec
from compressor.values import Artifact, Stage

Cli = Callable[..., subprocess.CompletedProcess[str]]


def target(name: str) -> Target:
    (found,) = names.load_targets([name])
    return found


def test_json_has_every_operator_in_order_with_layers_and_products(tmp_path: Path, called: Cli) -> None:
    done = called("inspect", saved(tmp_path), "--target", "jetson_orin_nano", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert [
        (each["index"], each["op"], each["output"], each["where"], each["layer"]) for each in told["operators"]
    ] == [
        (0, "Conv", "c", "accelerator", "net/first"),
        (1, "Relu", "r", "accelerator", "net/first"),
        (2, "GlobalAveragePool", "g", "accelerator", "net/pool"),
        (3, "Reshape", "f", "accelerator", "net/flat"),
        (4, "Gemm", "d", "accelerator", "net/last"),
        (5, "Softmax", "y", "accelerator", "net/soft"),
    ]
    assert [each["macs"] for each in told["operators"]] == [FIRST, 0, 0, 0, LAST, 0]
    assert told["summary"]["accelerated_macs_share"] == 1.0
    assert told["operators"][0]["reason"] == "TensorRT computes it on the GPU"


def test_an_unsupported_operator_is_told_and_takes_the_whole_file_with_it(tmp_path: Path, called: Cli) -> None:
    done = called("inspect", saved(tmp_path, activation="Unique"), "--target", "gpu_server", "--json", cwd=tmp_path)
    assert done.returncode == 2
    assert "T10 error: /net/first/Relu: TensorRT has no Unique" in done.stderr
    assert [each["where"] for each in json.loads(done.stdout)["operators"]] == [
        "accelerator",
        "unsupported",
        *["accelerator"] * 4,
    ]


def test_on_a_dla_the_share_that_goes_to_the_gpu_is_predicted(tmp_path: Path, called: Cli) -> None:
    path = saved(tmp_path)
    told = json.loads(called("inspect", path, "--target", "jetson_agx_orin_dla", "--json", cwd=tmp_path).stdout)
    reasons = {each["op"]: each["reason"] for each in told["operators"]}
    assert reasons["Conv"] == "the DLA computes it"
    assert "the GPU computes it, not the DLA: D7, the DLA has no Reshape" in reasons["Reshape"]
    assert (told["summary"]["gpu_fallback_ops"], told["summary"]["gpu_fallback_macs_share"]) == (1, 0.0)
    wide = saved(tmp_path, activation="Erf")
    told = json.loads(called("inspect", wide, "--target", "jetson_xavier_dla", "--json", cwd=tmp_path).stdout)
    assert {each["op"] for each in told["operators"] if "the GPU computes it" in each["reason"]} == {
        "Erf",
        "Reshape",
        "Softmax",
    }


def test_products_on_the_gpu_count_for_the_share(tmp_path: Path) -> None:
    found = inspect(saved(tmp_path, stride=9), target("jetson_agx_orin_dla"))
    products = 8 * 27
    assert found.memory["gpu_fallback_macs"] == products == found.operators[0].macs
    assert found.memory["gpu_fallback_macs_share"] == pytest.approx(products / (products + LAST))
    assert "GPU fallback: 87.1% of multiply-accumulates leave the DLA" in found.warnings
    assert "D4, stride 9 is outside of 1 to 8" in found.reasons[0]


def test_a_file_can_be_fine_for_one_release_and_refused_by_another(tmp_path: Path) -> None:
    path = saved(tmp_path, opset=18)
    assert inspect(path, target("jetson_orin_nano")).mistakes == ()
    (told,) = inspect(path, target("jetson_xavier")).mistakes
    assert told.startswith("T1 error: opset_import: TensorRT 8 does not read this opset; expected 9 to 17, received 18")


def test_a_file_that_is_refused_as_a_whole_is_not_accelerated(tmp_path: Path) -> None:
    found = inspect(saved(tmp_path, opset=18, activation="Unique"), target("jetson_xavier"))
    assert {each.where for each in found.operators} == {"unsupported"}
    assert found.accelerated_macs_share == 0.0
    first, second = found.operators[0].reason, found.operators[1].reason
    assert first.startswith("the file is refused: T1 opset_import: TensorRT 8 does not read this opset")
    assert second.startswith("T10: TensorRT has no Unique")
    assert inspect(saved(tmp_path, opset=17), target("jetson_xavier")).accelerated_macs_share == 1.0


def test_sizes_that_are_not_known_are_told(tmp_path: Path) -> None:
    (told,) = inspect(saved(tmp_path, activation="NonZero"), target("gpu_server")).warnings
    assert told == (
        "the sizes of 1 of 2 layers are not known: /net/last/Gemm; their multiply-accumulates are counted too low"
    )
    assert inspect(saved(tmp_path), target("gpu_server")).warnings == ()


def test_a_free_batch_has_a_profile_and_another_free_size_has_none(tmp_path: Path) -> None:
    assert inspect(saved(tmp_path, batch="N"), target("gpu_server")).mistakes == ()
    path = saved(tmp_path, size="H")
    (told,) = inspect(path, target("gpu_server")).mistakes
    assert told.startswith("T9 error: x: the input is dynamic")


def test_bad_files_end_with_2(tmp_path: Path, called: Cli) -> None:
    (tmp_path / "m.onnx").write_bytes(b"PK\3\4 nothing")
    done = called("inspect", "m.onnx", "--target", "jetson", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "m.onnx is no ONNX model that can be read" in done.stderr


def test_it_works_without_onnx_and_tensorflow(tmp_path: Path, trap: Path, cli: Cli) -> None:
    (trap / "onnx.py").write_text("raise ImportError('no onnx here')\n")
    done = cli("inspect", saved(tmp_path), "--target", "jetson_orin_nx", cwd=tmp_path, path=trap)
    assert done.returncode == 0, done.stderr
    assert not (trap / "imported").exists()


def device_row(path: Path, name: str, precision: str = "int8", timeout: float = 20.0) -> Row:
    planned: PlannedRow = next(row for row in api.check(precision, [name]).rows if row.job.stage is Stage.COMPRESSED)
    artifact = Artifact(path, "onnx_tensorrt", planned.job.precision, planned.job.stage, 1, 1, "0" * 64)
    return rows.Table(path.parent, {}, {planned.job: artifact}, None, timeout=timeout).device_row(target(name), planned)


def test_the_row_of_a_target_that_refuses_the_file_is_failed_with_the_rule(tmp_path: Path) -> None:
    path = saved(tmp_path, opset=18)
    fine, refused = device_row(path, "jetson_orin_nano"), device_row(path, "jetson_xavier")
    assert (fine.provenance, fine.failed_stage) == ("skipped", None)
    assert (refused.provenance, refused.failed_stage) == ("skipped", "lint")
    assert refused.reason is not None
    assert "TensorRT of jetson_xavier would refuse the file, 1 rules broken:\n  T1 opset_import" in refused.reason
    assert fine.placement is not None
    assert fine.placement.accelerated_macs_share == 1.0
    assert not gate.judge([refused], Limits()).passed


def test_tensorrt_11_refuses_a_precision_that_is_not_in_the_file(tmp_path: Path) -> None:
    row = device_row(saved(tmp_path), "gpu_server_trt11", "float16")
    assert row.failed_stage == "lint"
    assert "T12 precision: TensorRT 11 has no flag for this precision" in str(row.reason)
    assert device_row(saved(tmp_path), "gpu_server", "float16").failed_stage is None


LOG = """&&&& RUNNING TensorRT.trtexec [TensorRT v{version}] # trtexec --onnx=m.onnx
[11/21/2026-10:00:00] [I] === Device Information ===
[11/21/2026-10:00:00] [I] Selected Device: {device}
[11/21/2026-10:00:00] [I] Compute Capability: {capability}
[11/21/2026-10:00:00] [I] SMs: 8
[11/21/2026-10:00:10] [I] Engine built in 9.1 sec.
[11/21/2026-10:00:13] [I] === Performance summary ===
[11/21/2026-10:00:13] [I] Throughput: 4035.27 qps
[11/21/2026-10:00:13] [I] Latency: min = 0.252 ms, max = 0.971 ms, mean = 0.262 ms, median = 0.259 ms, \
percentile(90%) = 0.271 ms, percentile(95%) = 0.275 ms, percentile(99%) = 0.291 ms
[11/21/2026-10:00:13] [I] Enqueue Time: min = 0.1 ms, max = 0.2 ms, mean = 0.1 ms, median = 0.1 ms, \
percentile(90%) = 0.1 ms, percentile(95%) = 0.1 ms, percentile(99%) = 0.1 ms
[11/21/2026-10:00:13] [I] Timing trace has 12109 queries over 3.0008 s
&&&& PASSED TensorRT.trtexec [TensorRT v{version}] # trtexec --onnx=m.onnx
"""
ORIN = LOG.format(version="100300", device="Orin", capability="8.7")


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a program called trtexec on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def write(script: str) -> Path:
        program = folder / "trtexec"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return program

    return write


def printing(log: str) -> str:
    return f'echo "$@" > "$(dirname "$0")/words"\ncat <<\'END\'\n{log}END'


def test_the_log_is_read() -> None:
    timed = trtexec.parsed(ORIN)
    assert (timed.version, timed.device, timed.capability) == ("10.3.0", "Orin", 8.7)
    assert timed.latency == {50: 0.259, 90: 0.271, 95: 0.275, 99: 0.291}
    assert (timed.throughput, timed.queries) == (4035.27, 12109)
    assert trtexec.parsed(ORIN.replace("100300", "8502")).version == "8.5.2"


def test_the_row_is_measured_where_trtexec_and_the_board_are(tmp_path: Path, vendor: Any) -> None:
    program = vendor(printing(ORIN))
    row = device_row(saved(tmp_path), "jetson_orin_nano")
    assert (row.provenance, row.runtime, row.host) == ("measured", "tensorrt", "Orin, TensorRT 10.3.0")
    assert row.latency_ms is not None
    assert (row.latency_ms.p50, row.latency_ms.p90, row.latency_ms.p99) == (0.259, 0.271, 0.291)
    assert "4035.27 inferences per second" in row.notes[0]
    assert row.reason is None
    words = (program.parent / "words").read_text().split()
    assert words[0] == f"--onnx={tmp_path / 'm.onnx'}"
    assert words[2:] == ["--int8", "--fp16"]
    assert not Path(words[1].removeprefix("--saveEngine=")).parent.exists()
    limits = Limits(max_accuracy_drop=1, min_agreement=0.9, max_latency_ratio=1.5)
    verdict = gate.judge([row], limits)
    assert verdict.passed
    assert verdict.not_judged == [
        "max_accuracy_drop for jetson_orin_nano: the file was only timed on the device",
        "min_agreement for jetson_orin_nano: the file was only timed on the device",
        "max_latency_ratio for jetson_orin_nano: not measured on the device itself",
    ]


def test_another_gpu_is_not_the_board(tmp_path: Path, vendor: Any) -> None:
    vendor(printing(LOG.format(version="100300", device="NVIDIA A100", capability="8.0")))
    row = device_row(saved(tmp_path), "jetson_orin_nano")
    assert (row.provenance, row.failed_stage) == ("skipped", None)
    assert "trtexec ran on NVIDIA A100, of compute capability 8: not jetson_orin_nano" in str(row.reason)
    assert device_row(saved(tmp_path), "gpu_server").provenance == "measured"


FAILURES = {
    "refusal": (
        "echo '[E] [TRT] ModelImporter: unsupported'; echo '&&&& FAILED TensorRT.trtexec'; exit 1",
        "unsupported",
    ),
    "crash": ("kill -SEGV $$", "SIGSEGV"),
    "garbage": ("echo '&&&& PASSED TensorRT.trtexec'", "printed no latencies"),
    "hang": ("sleep 30", "did not finish within 1 s"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_trtexec_that_fails_is_a_failed_row(case: str, tmp_path: Path, vendor: Any) -> None:
    script, told = FAILURES[case]
    vendor(script)
    row = device_row(saved(tmp_path), "jetson_orin_nano", timeout=1.0)
    assert (row.provenance, row.failed_stage, row.latency_ms) == ("skipped", "measure", None)
    assert told in str(row.reason)


def test_inspect_asks_trtexec(tmp_path: Path, vendor: Any, called: Cli) -> None:
    vendor(printing(ORIN))
    path = saved(tmp_path)
    told = json.loads(called("inspect", path, "--target", "jetson_orin_nano", "--json", cwd=tmp_path).stdout)[
        "compiler"
    ]
    assert (told["tool"], told["version"], told["agrees"]) == ("trtexec", "10.3.0", True)
    shown = called("inspect", path, "--target", "jetson_orin_nano", cwd=tmp_path).stdout
    assert "latency 0.259 ms (median)" in shown
    vendor("exit 1")
    with pytest.raises(StageFailed, match="trtexec refused"):
        inspect(path, target("jetson_orin_nano"), "required")


def test_without_trtexec_a_must_ends_with_3(tmp_path: Path, called: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    path = saved(tmp_path)
    done = called("inspect", path, "--target", "jetson_orin_nano", "--compiler", "required", cwd=tmp_path)
    assert done.returncode == 3
    assert "trtexec is not on PATH" in done.stderr
    with pytest.raises(MissingTool):
        trtexec.time(path, onnx_view.read(path), target("jetson"), "int8", 1.0)
    assert device_row(path, "jetson_orin_nano").failed_stage is None
