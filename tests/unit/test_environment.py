"""What this machine has, and how errors and progress are told."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from compressor import environment, progress
from compressor.errors import BadInput, CompressorError, MissingTool, StageFailed, unknown
from compressor.progress import Progress
from compressor.values import TensorSpec, as_float


def test_tested_versions_are_pinned_for_everything_that_decides_the_numbers() -> None:
    pins = environment.tested()
    assert {"numpy", "tensorflow", "tf_keras", "onnx", "onnxruntime", "ai-edge-litert"} <= pins.keys()
    assert all(re.fullmatch(r"[0-9][0-9a-z.+]*", version) for version in pins.values())


def test_installed_versions_are_told_and_absent_packages_left_out() -> None:
    assert environment.installed("numpy") == np.__version__
    assert environment.installed("no-such-package-anywhere") is None
    assert environment.versions()["numpy"] == np.__version__


def test_a_vendor_tool_is_found_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trtexec").write_text("#!/bin/sh\n")
    (tmp_path / "trtexec").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere" / "python"))
    found = environment.tools()
    assert {name: path for name, path in found.items() if path} == {"trtexec": str(tmp_path / "trtexec")}
    assert {"edgetpu_compiler", "qemu-aarch64-static"} <= found.keys()


def test_a_tool_is_found_beside_this_python_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vela").write_text("#!/bin/sh\n")
    (tmp_path / "vela").chmod(0o755)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert environment.tools()["vela"] == str(tmp_path / "vela")


@pytest.mark.parametrize(("kind", "code"), [(BadInput, 2), (MissingTool, 3), (StageFailed, 1), (CompressorError, 1)])
def test_every_error_has_its_exit_code_and_says_it_all(kind: type[CompressorError], code: int) -> None:
    error = kind("wrong", expected="a", received="b", fix="c")
    assert kind.exit_code == code
    assert str(error) == "wrong\n  expected: a\n  received: b\n  what to do: c"
    assert str(kind("wrong")) == "wrong"


def test_an_unknown_name_with_nothing_near_tells_what_there_is() -> None:
    assert str(unknown("thing", "zzz", ["b", "a"])) == (
        "no thing is called 'zzz'\n  expected: one of a, b\n  received: 'zzz'"
    )
    assert "(none is installed)" in str(unknown("thing", "zzz", []))


def test_off_a_terminal_every_stage_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.bar() as listener:
        for event in (Progress("load"), Progress("train", 1, 9), Progress("train", 9, 9), Progress("write")):
            listener(event)
    assert capsys.readouterr() == ("", "… load\n… train\n… write\n")


def test_off_a_terminal_long_stages_tell_how_far_they_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 105.0, 120.0, 121.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.bar() as listener:
        for done in (0, 10, 20, 30):
            listener(Progress("train", done, 100, f"loss {done}"))
    assert capsys.readouterr().err == "… train\n  train 20 %: loss 20, 80 s left\n"


def test_a_tensor_is_told_in_one_line() -> None:
    assert str(TensorSpec("x", (None, 3), "int8")) == "x: (N, 3) int8"


def test_comparisons_are_made_in_float64() -> None:
    assert as_float(np.array([255], np.uint8)).dtype == np.float64
