"""What several of the unit tests stand on: the tree, fixed reports, tiny ONNX files, the command line as a process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from compressor import cli as command_line
from compressor.report import schema

settings.register_profile("unit", deadline=None, max_examples=32, derandomize=True)
settings.load_profile("unit")

_ROOT = Path(__file__).resolve().parents[2]
_HEAVY = ("tensorflow", "tf_keras", "keras", "tensorflow_model_optimization", "tf2onnx", "onnx", "sklearn", "h5py")
_PRODUCT = ("compressor", "targets", "recipes", "sample_models", "pyproject.toml")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return _ROOT


@pytest.fixture(scope="session")
def golden() -> Path:
    """Files whose bytes are a promise."""
    return _ROOT / "tests" / "golden"


@pytest.fixture
def report(golden: Path) -> schema.Report:
    """A run that broke a limit: measured, failed and skipped rows, notes and warnings."""
    return schema.read(golden / "not_passed.json")


@pytest.fixture(scope="session")
def row() -> Callable[..., schema.Row]:
    """Makes a measured, compressed row; any field can be changed."""
    fields: dict[str, Any] = {
        "target": "host",
        "format": "onnx",
        "precision": "int8",
        "stage": "compressed",
        "runtime": "onnxruntime",
        "host": "somewhere",
        "provenance": "measured",
        "path": "artifacts/onnx/m.onnx",
        "bytes": 250,
        "bytes_deflated": 200,
        "sha256": "0" * 64,
        "metric": {"name": "accuracy", "value": 0.97},
        "drop": 1.0,
        "drop_unit": "points",
        "agreement": 0.98,
        "latency_ms": {"p50": 0.5, "p90": 0.6, "p99": 0.7, "threads": 1, "runs": 100},
    }
    return lambda **changes: schema.Row(**{**fields, **changes})


@pytest.fixture(scope="session")
def cli() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `python -m compressor` in a folder; `path` goes before everything that is installed."""

    def run(
        *words: object, cwd: Path, path: Path | None = None, root: Path = _ROOT
    ) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, filter(None, (path, root))))}
        command = [sys.executable, "-P", "-m", "compressor", *map(str, words)]
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60)

    return run


@pytest.fixture
def called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Calls the command line in this process: much faster than `cli`, and not for `measure`, which would fork it."""

    def call(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        command = ["compressor", *map(str, words)]
        with monkeypatch.context() as patched:
            patched.chdir(cwd)
            patched.setattr(sys, "argv", command)
            patched.setattr(signal, "signal", lambda *_: None)
            with pytest.raises(SystemExit) as ended:
                command_line.main()
        assert isinstance(ended.value.code, int)
        return subprocess.CompletedProcess(command, ended.value.code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def gone() -> Callable[[int], bool]:
    """Waits for a process to end; False when it lives on."""

    def alive(pid: int) -> bool:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return False
        return state != "Z"

    def wait(pid: int, seconds: float = 10.0) -> bool:
        end = time.monotonic() + seconds
        while alive(pid) and time.monotonic() < end:
            time.sleep(0.02)
        return not alive(pid)

    return wait


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A folder whose modules stand before the installed heavy ones: importing one leaves a mark and fails."""
    folder = tmp_path / "trap"
    folder.mkdir()
    for name in _HEAVY:
        mark = f"open({str(folder / 'imported')!r}, 'a').write({name + ' '!r})"
        (folder / f"{name}.py").write_text(f"{mark}\nraise ImportError('{name} is not wanted here')\n")
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the product that a test may spoil."""
    copy = tmp_path / "tree"
    copy.mkdir()
    for name in _PRODUCT:
        source = _ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    return copy


@pytest.fixture
def onnx_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes an ONNX file from its text: `model [x](float[N,3] x) => (float[N,3] y) { y = Identity (x) }`."""

    def write(text: str = "(float[N,3] x) => (float[N,3] y) { y = Identity (x) }", name: str = "m.onnx") -> Path:
        import onnx

        header = '<ir_version: 8, opset_import: ["" : 17]> m '
        onnx.save(onnx.parser.parse_model(header + text), str(tmp_path / name))
        return tmp_path / name

    return write
