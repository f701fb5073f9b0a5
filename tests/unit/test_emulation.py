"""Rows of emulated cores: which files on which, how their answers are compared, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_tflite import File

from compressor import against_host, api, emulation, emulator, measured_files, rows
from compressor.emulator import running
from compressor.errors import BadInput, MissingTool, StageFailed
from compressor.limits import Limits
from compressor.measuring_process import Asked
from compressor.names import load_targets
from compressor.plan import Job, Plan
from compressor.progress import silent
from compressor.report import gate, layout
from compressor.report.figures import AgainstHostValue, LatencyValue
from compressor.report.schema import Row
from compressor.values import Array, Artifact, Failure, Precision, Stage

SCALE = 0.5
HERE = np.arange(40, dtype=np.float32).reshape(10, 4) * SCALE


def tflite(path: Path, operators: int = 1, kind: str = "INT8") -> Artifact:
    file = File()
    last = file.input((1, 4), kind, scale=SCALE)
    for _ in range(operators):
        made = file.tensor((1, 4), kind, scale=SCALE)
        file.add("RELU", [last], [made])
        last = made
    path.write_bytes(file.content())
    precision = Precision.INT8 if kind == "INT8" else Precision.FLOAT32
    return Artifact(path, "tflite", precision, Stage.COMPRESSED, 1, 1, "0" * 64)


def measured(path: Path, outputs: Array, host: str = "h") -> rows.Measured:
    np.savez(path, y=outputs)
    answer = {
        "host": host,
        "samples": len(outputs),
        "metric": None,
        "outputs": [{"name": "y", "shape": [1, 4], "dtype": "int8"}],
    }
    return rows.Measured(answer, path)


class TestAgainstHost:
    def compared(
        self, folder: Path, there: Array, runtime: str = "litert", **file: Any
    ) -> tuple[AgainstHostValue, tuple[str, ...]]:
        artifact = tflite(folder / "m.tflite", **file)
        return against_host.compare(
            measured(folder / "there.npz", there), measured(folder / "here.npz", HERE), artifact, runtime
        )

    def test_equal_integers_are_no_difference_in_steps(self, tmp_path: Path) -> None:
        value, notes = self.compared(tmp_path, HERE[:6])
        assert value == AgainstHostValue(samples=6, values=24, differing_values=0, max_abs_error=0.0, max_lsb=0)
        assert notes == ()

    @pytest.mark.parametrize(
        ("steps", "runtime", "operators", "told"),
        [
            (1, "litert", 1, None),
            (2, "litert", 1, "out of tolerance: expected at most 1 integer step in a network of 1 operators"),
            (3, "litert", 21, "a rounding grew to 3 integer steps over 21 operators"),
            (1, "litert_reference", 21, "out of tolerance: reference kernels were to give the same integers"),
        ],
    )
    def test_integer_steps_are_counted_and_judged_by_kernels_and_depth(
        self, steps: int, runtime: str, operators: int, told: str | None, tmp_path: Path
    ) -> None:
        there = HERE[:5].copy()
        there[2, 1] -= steps * SCALE
        there[4, 3] += SCALE
        value, notes = self.compared(tmp_path, there, runtime, operators=operators)
        assert (value.samples, value.values, value.differing_values) == (5, 20, 2)
        assert (value.max_lsb, value.max_abs_error) == (steps, steps * SCALE)
        assert notes == (() if told is None else (told,))

    @pytest.mark.parametrize(("difference", "fits"), [(15e-6, True), (40e-6, False)])
    def test_floats_are_judged_by_the_largest_answer(self, difference: float, fits: bool, tmp_path: Path) -> None:
        there = HERE.astype(np.float64)
        there[0, 0] += difference
        # The largest answer is 19.5: the tolerance is 19.5e-6.
        value, notes = self.compared(tmp_path, there, kind="FLOAT32")
        assert (value.max_lsb, value.differing_values) == (None, 1)
        assert value.max_abs_error == pytest.approx(difference)
        assert (notes == ()) == fits
        assert fits or "expected at most 1.9e-05" in notes[0] or "expected at most 2.0e-05" in notes[0]

    def test_floats_of_a_deep_network_are_stated_alone(self, tmp_path: Path) -> None:
        there = HERE.astype(np.float64)
        there[0, 0] += 1e-3
        _, notes = self.compared(tmp_path, there, kind="FLOAT32", operators=21)
        assert notes == ("rounding grew to 1.0e-03 over 21 operators",)


class Emulations:
    """A run of targets whose files answer `HERE` everywhere; counts what is started."""

    def __init__(self, folder: Path, targets: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.plan: Plan = api.check("int8", targets)
        self.emulated: list[tuple[str, str, str]] = []
        self.here: list[tuple[str, str]] = []
        self.fails = False
        (folder / "outputs").mkdir()
        self.artifacts: dict[Job, Artifact | Failure] = {}
        self.measured: dict[tuple[Job, str], rows.Measured | Failure] = {}
        for planned in self.plan.rows:
            name = f"{planned.job.stage}-{planned.job.format}"
            path = folder / f"{name}.onnx"
            path.touch()
            job = planned.job
            self.artifacts[job] = Artifact(path, job.format, job.precision, job.stage, 1, 1, "0" * 64)
            self.measured[job, planned.runtime] = measured(folder / f"{name}.npz", HERE)
        monkeypatch.setattr(running, "measure", self._emulate)
        monkeypatch.setattr(measured_files, "here", self._measure)

    def _emulate(self, asked: Asked, cpu: str) -> dict[str, Any]:
        assert asked.outputs is not None
        self.emulated.append((asked.artifact.stem, str(asked.runtime), cpu))
        if self.fails:
            raise StageFailed("QEMU died")
        assert asked.samples is not None
        return measured(asked.outputs, HERE[: asked.samples], f"emulated on {cpu} by QEMU 8").answer

    def _measure(self, asked: Asked, artifact: Artifact, runtime: str, timed: bool = True) -> rows.Measured:
        assert not timed
        self.here.append((artifact.path.stem, runtime))
        return measured(self.folder / f"{runtime}.npz", HERE[: asked.samples])

    def run(self, samples: int | None = 3) -> list[emulation.Emulated]:
        asked = Asked(self.folder, "data.npz", outputs=self.folder / "outputs", samples=samples)
        return emulation.run(self.plan, self.artifacts, self.measured, asked, silent)


def test_integer_files_also_run_on_reference_kernels_here_and_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Emulations(tmp_path, ["raspberry_pi5"], monkeypatch)
    found = run.run()
    assert run.emulated == [
        ("float32-tflite", "litert", "cortex-a76"),
        ("compressed-tflite", "litert", "cortex-a76"),
        ("compressed-tflite", "litert_reference", "cortex-a76"),
    ]
    assert run.here == [("compressed-tflite", "litert_reference")]
    assert [each.planned.runtime for each in found] == ["litert", "litert", "litert_reference"]
    assert all(each.against is not None and each.against.samples == 3 for each in found)
    assert all(each.against is not None and each.against.differing_values == 0 for each in found)


def test_a_file_that_targets_share_runs_once_per_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Emulations(tmp_path, ["raspberry_pi", "raspberry_pi4", "host"], monkeypatch)
    found = run.run()
    assert len(run.emulated) == len(set(run.emulated)) == 6
    assert {cpu for _, _, cpu in run.emulated} == {"cortex-a72", "cortex-a76"}
    assert [each.planned.target.name for each in found] == [*["raspberry_pi"] * 6, *["raspberry_pi4"] * 3]


def test_without_a_number_of_samples_nothing_is_emulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Emulations(tmp_path, ["raspberry_pi5"], monkeypatch)
    assert run.run(samples=None) == []
    assert run.emulated == []


def test_files_that_were_not_written_are_left_out_and_what_was_not_measured_is_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Emulations(tmp_path, ["raspberry_pi5"], monkeypatch)
    baseline, compressed = run.plan.rows
    run.artifacts[compressed.job] = Failure("write", "refused")
    run.measured[baseline.job, "litert"] = Failure("measure", "crashed")
    (found,) = run.run()
    assert isinstance(found.found, rows.Measured)
    assert found.against is None
    assert found.notes == ("not compared with this machine, where it was not measured",)


def test_a_core_that_fails_is_a_failed_row_and_breaks_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Emulations(tmp_path, ["raspberry_pi5"], monkeypatch)
    run.fails = True
    found = run.run()
    table = rows.Table(tmp_path, run.measured, run.artifacts, None)
    made = [table.emulated_row(each.planned, each.found, each.against, each.notes) for each in found]
    assert {(row.provenance, row.failed_stage, row.reason) for row in made} == {("skipped", "emulate", "QEMU died")}
    assert not gate.judge(made, Limits()).passed


def test_an_emulated_row_has_no_latency_and_says_where_and_on_how_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Emulations(tmp_path, ["raspberry_pi5"], monkeypatch)
    each = run.run()[1]
    table = rows.Table(tmp_path, run.measured, run.artifacts, None)
    row = table.emulated_row(each.planned, each.found, each.against, ("remarkable",))
    assert (row.provenance, row.host) == ("emulated", "emulated on cortex-a76 by QEMU 8")
    assert (row.latency_ms, row.peak_rss_bytes, row.drop) == (None, None, None)
    assert row.notes == ["emulated on cortex-a76 by QEMU 8: remarkable"]
    assert layout.emulations([row]) == (
        "tflite int8 on litert, emulated on cortex-a76 by QEMU 8: "
        "on 3 samples 0 of 12 values differ from this machine's",
    )
    assert layout.cells(row)[0] == "tflite int8 (emulated on cortex-a76)"


@pytest.mark.parametrize(
    ("lsb", "error", "told"),
    [
        (None, 2e-7, "2 of 9 values differ from this machine's, by at most 2.0e-07"),
        (1, 0.25, "2 of 9 values differ from this machine's, by at most 1 integer step (2.5e-01)"),
        (3, 0.75, "by at most 3 integer steps (7.5e-01)"),
    ],
)
def test_differences_are_told_in_words(lsb: int | None, error: float, told: str, row: Any) -> None:
    against = AgainstHostValue(samples=1, values=9, differing_values=2, max_abs_error=error, max_lsb=lsb)
    made: Row = row(provenance="emulated", host="emulated on x by y", against_host=against, latency_ms=None)
    assert layout.emulations([made])[0].endswith(told)


def test_limits_are_judged_on_what_was_measured_and_not_on_what_was_emulated(row: Any) -> None:
    worse = {"metric": {"name": "accuracy", "value": 0.1}, "drop": 50.0, "agreement": 0.1}
    emulated: Row = row(provenance="emulated", latency_ms=None, **worse)
    limits = Limits(max_accuracy_drop=1, min_agreement=0.9)
    assert gate.judge([emulated], limits).passed
    latency = LatencyValue(p50=1, p90=1, p99=1, threads=1, runs=1)
    assert not gate.judge([row(latency_ms=latency, **worse)], limits).passed


def test_targets_with_arm_cores_name_them_and_all_can_be_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator, "require", lambda: None)
    wanted = ["raspberry_pi4", "raspberry_pi5", "raspberry_pi", "android_ncnn", "host"]
    found = {target.name: emulation.cpus(target) for target in load_targets(wanted)}
    both = ("cortex-a72", "cortex-a76")
    assert found == {
        "raspberry_pi4": ("cortex-a72",),
        "raspberry_pi5": ("cortex-a76",),
        "raspberry_pi": both,
        "android_ncnn": both,
        "host": (),
    }
    emulation.check(load_targets(wanted))
    with pytest.raises(BadInput, match="none of the targets has a core that can be emulated"):
        emulation.check(load_targets(["host", "coral"]))


def test_without_the_emulator_a_run_ends_with_3_before_anything_is_trained(
    tmp_path: Path, trap: Path, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "qemu-aarch64-static").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "qemu-aarch64-static").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path / "cache"))
    words = ("run", "digits_cnn", "--target", "raspberry_pi5", "--emulate")
    done = cli(*words, cwd=tmp_path, path=trap)
    assert (done.returncode, done.stdout) == (3, "")
    assert "the ARM emulator is not set up in" in done.stderr
    assert "what to do: compressor emulator install" in done.stderr
    assert not (trap / "imported").exists()
    assert not (tmp_path / "runs").exists()


def test_nothing_to_emulate_is_a_mistake(tmp_path: Path, cli: Any) -> None:
    done = cli("run", "digits_cnn", "--target", "host", "--emulate", cwd=tmp_path)
    assert (done.returncode, MissingTool.exit_code) == (2, 3)
    assert "none of the targets has a core that can be emulated" in done.stderr
