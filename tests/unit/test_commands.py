"""Commands run once, to their end, as real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from compressor.errors import StageFailed
from compressor.process import child_environment, ending, run_to_end

Gone = Callable[..., bool]


def python(code: str, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
    return run_to_end("the stage", [sys.executable, "-c", code], timeout)


def test_a_command_run_to_its_end_tells_code_and_both_streams() -> None:
    done = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def test_bytes_that_are_no_text_are_no_reason_to_crash() -> None:
    assert python(r"import os; os.write(1, b'a\xffb')").stdout == "a\N{REPLACEMENT CHARACTER}b"


@pytest.fixture
def typed_ahead() -> Iterator[None]:
    """Somebody has typed a word into our stdin."""
    reading, writing = os.pipe()
    os.write(writing, b"word")
    os.close(writing)
    before = os.dup(0)
    os.dup2(reading, 0)
    os.close(reading)
    yield
    os.dup2(before, 0)
    os.close(before)


@pytest.mark.usefixtures("typed_ahead")
def test_a_command_reads_nothing_from_our_stdin() -> None:
    assert python("import sys; print(repr(sys.stdin.read()))").stdout == "''\n"


def test_a_command_ended_by_a_signal_is_a_sentence_with_its_last_words() -> None:
    with pytest.raises(
        StageFailed, match=r"ended its process with SIGSEGV \(Segmentation fault\)\n    \| 2\n    \| 3\n    \| 4$"
    ):
        python("import os, sys; print('1\\n2\\n\\n3\\n4', file=sys.stderr, flush=True); os.kill(os.getpid(), 11)")


def test_a_command_that_hangs_is_stopped_with_its_children(tmp_path: Path, gone: Gone) -> None:
    note = tmp_path / "pid"
    code = f"""
import pathlib, subprocess
child = subprocess.Popen(["sleep", "60"])
pathlib.Path({str(note)!r}).write_text(str(child.pid))
child.wait()
"""
    with pytest.raises(StageFailed, match="the stage did not finish within 2 s and was stopped"):
        python(code, timeout=1.6)
    assert gone(int(note.read_text()))


def test_children_that_a_finished_command_left_behind_are_ended(gone: Gone) -> None:
    done = python("import subprocess; print(subprocess.Popen(['sleep', '60'], stdout=-3, stderr=-3).pid)")
    assert gone(int(done.stdout))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exit code 0"),
        (-signal.SIGKILL, "SIGKILL (Killed)"),
        (-signal.SIGSEGV, "SIGSEGV (Segmentation fault)"),
        (-63, "signal 63"),
        (-200, "signal 200"),
    ],
)
def test_an_exit_status_is_told_in_words(code: int, words: str) -> None:
    assert ending(code) == words


def test_a_child_repeats_itself_and_finds_this_package(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    environment = child_environment()
    assert environment["PYTHONPATH"].split(os.pathsep) == [str(root), "/elsewhere"]
    assert environment["PYTHONHASHSEED"] == "0"
    monkeypatch.delenv("PYTHONPATH")
    assert child_environment()["PYTHONPATH"] == str(root)
