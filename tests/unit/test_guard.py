"""The measuring command lives in a child: whatever a runtime does to it reaches the user as a sentence."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from compressor import resource_limits

Gone = Callable[..., bool]
# A package that stands where LiteRT is expected, and does what the name of the file says.
RUNTIME = """
import ctypes, os, resource, signal, sys, time
from pathlib import Path
from enum import Enum

OpResolverType = Enum("OpResolverType", "BUILTIN BUILTIN_REF")

def crash(): ctypes.string_at(0)
def abort(): os.abort()
def starve(): os.kill(os.getpid(), signal.SIGKILL)
def exhaust(): raise MemoryError("std::bad_alloc")
def sleep(): time.sleep(60)
def be_deaf(): signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM}); time.sleep(60)
def refuse(): raise ValueError("no flatbuffer")
def leave_files():
    import tempfile
    Path(tempfile.mkdtemp(), "data").write_text("x")
    print(tempfile.gettempdir(), flush=True)
    crash()
def tell():
    print(resource.getrlimit(resource.RLIMIT_DATA)[0], resource.getrlimit(resource.RLIMIT_CORE)[0])
    print(Path("/proc/self/oom_score_adj").read_text())

class Interpreter:
    def __init__(self, model_content, **_):
        Path("pid").write_text(str(os.getpid()))
        globals()[model_content.decode()]()
        raise ValueError("done")
"""


# The command line, with less patience than it has with the deaf.
MAIN = "from compressor import cli, guard; guard._GRACE_S = 0.5; cli.main()"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = tmp_path / "path" / "ai_edge_litert"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "interpreter.py").write_text(RUNTIME)
    np.savez(tmp_path / "d.npz", x_evaluation=np.ones((4, 2), np.float32))
    return tmp_path


@pytest.fixture
def measure(folder: Path, root: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(behaviour: str, *words: str) -> subprocess.CompletedProcess[str]:
        with started(folder, root, behaviour, *words) as process:
            out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return run


@contextmanager
def started(folder: Path, root: Path, behaviour: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    (folder / "m.tflite").write_text(behaviour)
    command = [sys.executable, "-P", "-c", MAIN, "measure", "m.tflite", "--data", "d.npz", *words]
    environment = os.environ | {"PYTHONPATH": f"{folder / 'path'}{os.pathsep}{root}"}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        yield process


def child_of(folder: Path) -> int:
    """Process number of the child, once the runtime is at work in it."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if (folder / "pid").exists() and (text := (folder / "pid").read_text()):
            time.sleep(0.1)
            return int(text)
        time.sleep(0.02)
    raise AssertionError("the runtime was never asked")


ENDINGS = {
    "crash": (2, "error: reading m.tflite ended the runtime with SIGSEGV (Segmentation fault): the file is damaged"),
    "abort": (2, "error: reading m.tflite ended the runtime with SIGABRT (Aborted): the file is damaged, or uses"),
    "starve": (1, "error: measuring m.tflite was ended with SIGKILL (Killed), most likely because memory ran short"),
    "exhaust": (1, "error: memory ran out: std::bad_alloc"),
    "refuse": (2, "error: LiteRT cannot run m.tflite\n  received: no flatbuffer"),
}


@pytest.mark.parametrize("behaviour", ENDINGS)
def test_however_a_runtime_ends_there_is_a_sentence(behaviour: str, measure: Callable[..., object]) -> None:
    code, told = ENDINGS[behaviour]
    done = measure(behaviour)
    assert done.returncode == code
    assert done.stderr.startswith(told), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_the_sentence_names_the_runtime_and_its_version(measure: Callable[..., object]) -> None:
    assert "uses what ai-edge-litert 2" in measure("crash").stderr
    assert "uses what ai-edge-litert 2" in measure("crash", "--runtime", "litert_reference").stderr


def test_a_runtime_that_never_ends_is_stopped(folder: Path, measure: Callable[..., object], gone: Gone) -> None:
    started_at = time.monotonic()
    done = measure("sleep", "--timeout", "3")
    assert time.monotonic() - started_at < 60
    assert done.returncode == 1
    assert done.stderr.startswith("error: measuring m.tflite did not finish within 3 s and was stopped\n")
    assert gone(child_of(folder))


INTERRUPTED, TERMINATED = "interrupted; nothing was left behind\n", "terminated; nothing was left behind\n"


@pytest.mark.parametrize("behaviour", ["sleep", "be_deaf"])
@pytest.mark.parametrize(
    ("number", "code", "told"), [(signal.SIGINT, 130, INTERRUPTED), (signal.SIGTERM, 143, TERMINATED)]
)
@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_a_signal_ends_both_and_is_told_once(
    behaviour: str,
    number: int,
    code: int,
    told: str,
    send: Callable[[int, int], None],
    folder: Path,
    root: Path,
    gone: Gone,
) -> None:
    with started(folder, root, behaviour) as process:
        child = child_of(folder)
        send(process.pid, number)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (code, told)
    assert gone(child)


def test_the_child_ends_with_its_parent(folder: Path, root: Path, gone: Gone) -> None:
    with started(folder, root, "sleep") as process:
        child = child_of(folder)
        assert not gone(child, 0)
        process.kill()
    assert gone(child)


def test_temporary_files_of_a_child_that_was_killed_are_gone(folder: Path, measure: Callable[..., object]) -> None:
    done = measure("leave_files", "--data", "digits_cnn")
    assert done.returncode == 2
    scratch = Path(done.stdout.strip())
    assert scratch.name.startswith("compressor-")
    assert not scratch.exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of the Linux kernel")
def test_the_child_cannot_take_all_memory_and_goes_first(measure: Callable[..., object]) -> None:
    data, core, score = measure("tell").stdout.split()
    memory = resource_limits.memory_bytes()
    assert memory is not None
    if not resource_limits._has_gpu():
        assert 0.85 * memory < int(data) < 0.95 * memory
    assert int(core) == 0
    assert int(score) >= 500


def test_a_limit_that_is_already_lower_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
import resource
from compressor import resource_limits
resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 31))
resource_limits.apply()
print(list(resource.getrlimit(resource.RLIMIT_DATA)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [1 << 30, 1 << 31]
