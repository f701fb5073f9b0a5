"""What the doctor says of GPUs: from a driver's answer, and what to do in every state a machine can be in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from compressor import gpus

BUILT: dict[str, Any] = {"devices": [], "cuda_build": True, "cuda_wanted": "12.5.1", "cudnn_wanted": "9"}
H200 = {"name": "NVIDIA H200", "memory_mib": "143771", "compute_capability": "9.0", "driver": "570.86.15"}
FITTING = {"CUDA runtime": "12.9.79", "cuDNN": "libcudnn.so.9"}


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a program called nvidia-smi on the PATH."""

    def put(script: str) -> None:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return put


def test_gpus_are_told_as_the_driver_tells_them(driver: Any) -> None:
    driver("echo 'NVIDIA H200, 143771, 9.0, 570.86.15'; echo 'NVIDIA H200, 143771, 9.0, 570.86.15'")
    assert gpus.of_driver() == [H200, H200]


@pytest.mark.parametrize("script", ["exit 9", "echo 'No devices were found'", "kill -9 $$", ""])
def test_a_driver_that_fails_or_talks_otherwise_is_no_driver(script: str, driver: Any) -> None:
    driver(script)
    assert gpus.of_driver() == []


def test_without_the_tool_there_is_no_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus.of_driver() == []


@pytest.mark.parametrize(
    ("tensorflow", "driver", "libraries", "told"),
    [
        (None, [], {}, "TensorFlow is not installed"),
        (BUILT | {"devices": [{"name": "H200"}]}, [H200], FITTING, ""),
        (BUILT, [], FITTING, "no NVIDIA driver answers"),
        (BUILT | {"cuda_build": False, "cuda_wanted": None}, [H200], FITTING, "built without CUDA"),
        (BUILT, [H200], FITTING | {"cuDNN": None}, "no fitting cuDNN found, TensorFlow wants CUDA 12.5.1 and cuDNN 9"),
        (BUILT, [H200], FITTING | {"CUDA runtime": "libcudart.so.13"}, "no fitting CUDA runtime found"),
        (BUILT, [H200], FITTING, "cannot use it"),
    ],
)
def test_what_to_do(tensorflow: Any, driver: Any, libraries: Any, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    advice = gpus.advice(tensorflow, driver, libraries)
    assert told in advice
    assert (advice == "") == (told == "")


def test_hidden_gpus_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "CUDA_VISIBLE_DEVICES hides every GPU" in gpus.advice(BUILT, [H200], FITTING)
