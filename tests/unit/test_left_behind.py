"""Measuring writes what it is asked to write, and nothing into the user's home or among temporary files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, which is also where temporary files go; no word of a continuous integration."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(folder))
    for name in ("CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS"):
        monkeypatch.delenv(name, raising=False)
    return folder


def test_measuring_an_onnx_file_leaves_nothing(
    home: Path, onnx_file: Callable[..., Path], cli: Command, tmp_path: Path
) -> None:
    np.savez(tmp_path / "d.npz", x_evaluation=np.ones((2, 3), np.float32))
    before = set(tmp_path.iterdir())
    done = cli("measure", onnx_file(), "--data", "d.npz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in set(tmp_path.iterdir()) - before} == {"m.onnx"}
    assert list(home.rglob("*")) == []


@pytest.mark.parametrize(("given", "kept"), [(None, "1"), ("0", "0")])
def test_the_runtime_tells_its_maker_nothing_unless_the_user_wants_it(given: str | None, kept: str, home: Path) -> None:
    environment = {**os.environ, **({} if given is None else {"ORT_DISABLE_TELEMETRY": given})}
    code = "import compressor, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == kept
