"""Files on emulated ARM cores, in QEMU, by the aarch64 builds of the runtimes, against the same files here."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import compressor
from compressor.emulator import require, running
from compressor.report.schema import Report, Row

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("arm_cores")]
SAMPLES = 50
# One step of the answers of a full integer file: a softmax has 256 levels in int8, 32768 in int16.
STEP = 1 / 256

Run = tuple[Path, Report]


@pytest.fixture(scope="module")
def run(arm_cores: Path, tmp_path_factory: pytest.TempPathFactory, command: Callable[..., Any]) -> Run:
    """`digits_cnn` in int8 for a Raspberry Pi 5 and a phone, emulated; also as ONNX files, which are not."""
    out = tmp_path_factory.mktemp("runs") / "int8"
    words = ["--recipe", "int8", "--target", "raspberry_pi5", "--target", "android_ncnn", "--target", "host"]
    done = command("run", "digits_cnn", *words, "--emulate", "--emulate-samples", str(SAMPLES), "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    return out, Report.model_validate_json(done.stdout)


def emulated(report: Report) -> dict[tuple[str, str], Row]:
    rows = (row for row in report.rows if row.provenance == "emulated" and row.target == "raspberry_pi5")
    return {(row.stage, row.runtime): row for row in rows}


def test_a_run_has_rows_of_the_emulated_core_beside_those_of_this_machine(run: Run) -> None:
    out, report = run
    found = emulated(report)
    assert list(found) == [("float32", "litert"), ("compressed", "litert"), ("compressed", "litert_reference")]
    for row in found.values():
        assert (row.target, row.latency_ms, row.peak_rss_bytes) == ("raspberry_pi5", None, None)
        assert (row.host or "").startswith("emulated on cortex-a76 by QEMU ")
        assert row.against_host is not None
        assert (row.against_host.samples, row.against_host.values) == (SAMPLES, SAMPLES * 10)
        assert row.metric is not None
        assert row.metric.value >= 0.9
        assert row.notes == []
    measured = [row for row in report.rows if row.target == "raspberry_pi5" and row.provenance == "measured"]
    assert {(row.stage, row.path) for row in measured} == {(row.stage, row.path) for row in found.values()}
    assert any(row.provenance == "skipped" and row.target == "raspberry_pi5" for row in report.rows)
    told = (out / "report.md").read_text()
    assert "tflite int8 (emulated on cortex-a76)" in told
    assert f"on {SAMPLES} samples 0 of {SAMPLES * 10} values differ from this machine's" in told


def test_reference_kernels_give_the_same_integers_on_arm_and_here(run: Run) -> None:
    against = emulated(run[1])["compressed", "litert_reference"].against_host
    assert against is not None
    assert (against.differing_values, against.max_abs_error, against.max_lsb) == (0, 0.0, 0)


@pytest.mark.parametrize("words", [(), ("--reference",)])
def test_the_runner_of_the_bundle_answers_on_the_core_as_expected(run: Run, words: tuple[str, ...]) -> None:
    out, report = run
    (folder,) = {row.bundle for row in report.rows if row.target == "raspberry_pi5" and row.stage == "compressed"}
    asked = running.command(require(), "cortex-a76", [out / str(folder) / "run.py", *words])
    done = subprocess.run(asked, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "self-test: 0 values differ over 10 samples\n"), done.stderr


def test_fast_kernels_differ_by_a_step_at_most_and_floats_by_the_order_of_sums(run: Run) -> None:
    integers = emulated(run[1])["compressed", "litert"].against_host
    floats = emulated(run[1])["float32", "litert"].against_host
    assert integers is not None
    assert integers.max_lsb is not None
    assert integers.max_lsb <= 1
    assert floats is not None
    assert floats.max_lsb is None
    # ARM's kernels add in another order than those of x86-64: equal to the last bit would be no ARM.
    assert 0 < floats.max_abs_error <= 1e-6


def test_ncnn_answers_on_both_kinds_of_phone_cores_as_here(run: Run) -> None:
    rows = [row for row in run[1].rows if row.provenance == "emulated" and row.target == "android_ncnn"]
    assert [(row.precision, (row.host or "").split()[2]) for row in rows] == [
        *(("float32", "cortex-a72"), ("float32", "cortex-a76")),
        *(("int8", "cortex-a72"), ("int8", "cortex-a76")),
    ]
    for row in rows:
        assert row.against_host is not None
        assert 0 < row.against_host.max_abs_error <= 1e-5


def test_int16_activations_are_the_same_integers_with_all_kernels(tmp_path: Path, arm_cores: Path) -> None:
    report = compressor.run("digits_cnn", "int16x8", ["raspberry_pi5"], out=tmp_path / "run", emulated_samples=SAMPLES)
    for runtime in ("litert", "litert_reference"):
        against = emulated(report)["compressed", runtime].against_host
        assert against is not None
        assert (against.differing_values, against.max_lsb) == (0, 0)


CASES = [
    ("compressed-tflite-int8-litert", "cortex-a72", STEP),
    ("float32-tflite-float32-litert", "cortex-a72", 1e-6),
    # 7e-7 on these samples; kernels of another x86-64 may add in another order.
    ("float32-onnx-float32-onnxruntime", "cortex-a72", 2e-6),
    ("compressed-onnx-int8-onnxruntime", "cortex-a76", 2 * STEP),
]


@pytest.mark.parametrize(("outputs", "cpu", "tolerance"), CASES)
def test_a_file_measured_on_an_emulated_core_answers_as_here(
    outputs: str,
    cpu: str,
    tolerance: float,
    run: Run,
    command: Callable[..., Any],
    tmp_path: Path,
) -> None:
    stage, kind, _, runtime = outputs.split("-")
    out = run[0]
    (artifact,) = (out / "artifacts" / kind).glob(f"*_{stage}*")
    words = ["--emulate", cpu, "--samples", str(SAMPLES), "--runtime", runtime, "--outputs", tmp_path / "y.npz"]
    done = command("measure", artifact, "--data", out / "data.npz", *words, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["provenance"], told["latency_ms"], told["peak_rss_bytes"]) == ("emulated", None, None)
    assert told["host"].startswith(f"emulated on {cpu} by QEMU ")
    assert told["samples"] == SAMPLES
    with np.load(tmp_path / "y.npz") as there, np.load(out / "outputs" / f"{outputs}.npz") as here:
        difference = np.abs(there["digit"] - here["digit"][:SAMPLES])
        assert there["digit"].shape == (SAMPLES, 10)
        assert difference.max() <= tolerance
        assert np.array_equal(there["digit"].argmax(1), here["digit"][:SAMPLES].argmax(1))


def test_a_damaged_file_is_a_sentence_there_as_here(run: Run, command: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(b"\x1c\0\0\0TFL3" + bytes(100))
    done = command("measure", tmp_path / "m.tflite", "--data", run[0] / "data.npz", "--emulate", "cortex-a72", "--json")
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (2, "", False)
    assert "on an emulated cortex-a72: " in done.stderr


@pytest.mark.parametrize(
    ("cpu", "part", "dot_product"), [("cortex-a53", "0xd03", False), ("cortex-a76", "0xd0b", True)]
)
def test_a_core_sees_its_own_processor_and_no_library_of_this_machine(cpu: str, part: str, dot_product: bool) -> None:
    code = (
        "import json, platform, sys, ai_edge_litert, onnxruntime, ncnn, numpy, compressor;"
        "told = {each.__name__: each.__file__ for each in (ai_edge_litert, onnxruntime, ncnn, numpy)};"
        "print(json.dumps([platform.machine(), open('/proc/cpuinfo').read(), told, compressor.__version__]))"
    )
    command = running.command(require(), cpu, ["-c", code])
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    machine, cpuinfo, places, version = json.loads(done.stdout)
    assert (machine, version) == ("aarch64", compressor.__version__)
    assert f"CPU part\t: {part}\n" in cpuinfo
    assert ("asimddp" in cpuinfo) == dot_product
    assert all(place.startswith(str(require().folder / "site")) for place in places.values())
