"""Child processes, real ones: whatever happens in them reaches the user as a sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from compressor import process, resource_limits
from compressor.errors import BadInput, CompressorError, Crashed, MissingTool, Refused, StageFailed
from compressor.process import Worker, child_environment
from compressor.progress import Progress

Gone = Callable[..., bool]
# A module `compressor.unit_jobs` that only the children of these tests have.
JOBS = """
import ctypes, os, subprocess, sys, time
from compressor import errors, worker

def double(value): return {"twice": value * 2, "pid": os.getpid()}
def crash(): ctypes.string_at(0)
def leave(code): os._exit(code)
def leave_politely(): sys.exit("that is all")
def hang(): time.sleep(60)
def fail(kind, message): raise getattr(errors, kind)(message, fix="nothing")
def miss(): import package_that_is_nowhere
def read(path): open(path)
def fail_without_a_file(): raise OSError("the disk is on fire")
def stumble(): raise KeyError("k\\nsecond line")
def close_pipe(): os.close(worker._pipe); time.sleep(60)
def write(text): os.write(worker._pipe, text.encode())
def keep_a_file():
    import tempfile
    return tempfile.mkstemp()[1]
def not_json(): return {1, 2}
def report(): worker.report_progress("train", 1, 3, "loss 0.5"); worker.report_progress("train", 3, 3); return "done"
def chatter(): print("on stdout"); print("on stderr", file=sys.stderr); os.system("echo from a grandchild")
def in_time(seconds):
    with worker.deadline(seconds): time.sleep(1)
    return "done"
def swallow(): return len(bytearray(1 << 55))
def limits():
    import resource
    data, core = (resource.getrlimit(each)[0] for each in (resource.RLIMIT_DATA, resource.RLIMIT_CORE))
    return data, core, open("/proc/self/oom_score_adj").read()
def has_children():
    return subprocess.Popen(["sleep", "60"]).pid
"""


@pytest.fixture(autouse=True)
def unit_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts `unit_jobs` into the package, for children only."""
    (tmp_path / "unit_jobs.py").write_text(JOBS)
    extend = f"import compressor; compressor.__path__.append({str(tmp_path)!r})"
    (tmp_path / "sitecustomize.py").write_text(extend)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.txt"


@pytest.fixture
def worker(log: Path) -> Iterator[Worker]:
    with Worker(log) as started:
        yield started


def call(worker: Worker, function: str, timeout: float = 30.0, **arguments: Any) -> Any:
    return worker.call("the stage", f"compressor.unit_jobs:{function}", arguments, timeout)


def test_results_come_back_and_one_process_serves_all_calls(worker: Worker) -> None:
    first, second = call(worker, "double", value="ab"), call(worker, "double", value=[1, None])
    assert (first["twice"], second["twice"]) == ("abab", [1, None, 1, None])
    assert first["pid"] == second["pid"] != os.getpid()


def test_a_result_of_any_size_comes_back(worker: Worker) -> None:
    assert len(call(worker, "double", value="x" * 1_000_000)["twice"]) == 2_000_000


def test_progress_is_passed_on_before_the_result(log: Path) -> None:
    heard: list[Progress] = []
    with Worker(log, heard.append) as worker:
        assert call(worker, "report") == "done"
    assert heard == [Progress("train", 1, 3, "loss 0.5"), Progress("train", 3, 3, "")]


@pytest.mark.parametrize("kind", [BadInput, MissingTool, StageFailed, Crashed, Refused])
def test_our_own_errors_keep_their_type_and_words(kind: type[CompressorError], worker: Worker) -> None:
    with pytest.raises(kind) as caught:
        call(worker, "fail", kind=kind.__name__, message="wrong")
    assert str(caught.value) == "wrong\n  what to do: nothing"
    assert type(caught.value) is kind


def test_other_errors_are_told_in_one_line_and_logged_in_full(worker: Worker, log: Path) -> None:
    with pytest.raises(StageFailed, match=r"^the stage failed: KeyError: .*second line'$") as caught:
        call(worker, "stumble")
    assert "\n" not in str(caught.value)
    assert "Traceback" in log.read_text()


def test_a_missing_package_is_a_missing_tool(worker: Worker) -> None:
    with pytest.raises(MissingTool, match="the package package_that_is_nowhere is not installed here"):
        call(worker, "miss")


def test_what_the_system_refuses_is_bad_input_with_the_files_name(worker: Worker) -> None:
    with pytest.raises(BadInput, match=r"^No such file or directory: /nowhere/at/all$"):
        call(worker, "read", path="/nowhere/at/all")
    with pytest.raises(BadInput, match=r"^the disk is on fire$"):
        call(worker, "fail_without_a_file")


CRASHES = {
    "crash": ({}, r"the stage ended its process with SIGSEGV \(Segmentation fault\)"),
    "leave": ({"code": 7}, "the stage ended its process with exit code 7"),
    "leave_politely": ({}, r"the stage ended its process with exit code 1\n    \| that is all"),
    "not_json": ({}, r"(?s)the stage ended its process with exit code 1.*not JSON serializable"),
}


@pytest.mark.parametrize("function", CRASHES)
def test_a_crash_is_a_sentence_and_the_next_call_works(function: str, worker: Worker) -> None:
    arguments, told = CRASHES[function]
    with pytest.raises(StageFailed, match=told) as caught:
        call(worker, function, **arguments)
    assert type(caught.value) is (Crashed if function == "crash" else StageFailed)
    assert call(worker, "double", value=2)["twice"] == 4


def test_the_last_words_are_those_of_the_call_that_crashed(worker: Worker) -> None:
    with pytest.raises(StageFailed):
        call(worker, "stumble")
    with pytest.raises(StageFailed, match=r"^the stage ended its process with exit code 7$"):
        call(worker, "leave", code=7)


def test_a_worker_that_died_between_two_calls_is_started_again(worker: Worker) -> None:
    pid = call(worker, "double", value=1)["pid"]
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert call(worker, "double", value=2)["pid"] != pid


def test_a_hang_is_stopped_in_time_and_the_next_call_works(worker: Worker, gone: Gone) -> None:
    pid, started = call(worker, "double", value=1)["pid"], time.monotonic()
    with pytest.raises(StageFailed, match="the stage did not finish within 1 s and was stopped"):
        call(worker, "hang", timeout=0.6)
    assert time.monotonic() - started < 10
    assert gone(pid)
    assert call(worker, "double", value=2)["twice"] == 4


def test_chatter_of_libraries_is_no_last_word() -> None:
    said = "E0000 00:00:1 a.cc:1] it broke\nI0000 00:00:2 b.cc:2] all is well\nW0000 00:00:3 c.cc:3] slow\n"
    assert process._last_lines(said) == "\n    | E0000 00:00:1 a.cc:1] it broke"


GARBAGE = [
    "hello\n",
    "[1]\n",
    '"text"\n',
    "\n",
    "{}\n",
    '{"other": 1}\n',
    '{"error": "x"}\n',
    '{"progress": {"x": 1}}\n',
]


@pytest.mark.parametrize("text", GARBAGE)
def test_garbage_on_the_pipe_is_a_sentence_and_the_next_call_works(text: str, worker: Worker) -> None:
    with pytest.raises(StageFailed, match="the stage answered garbage"):
        call(worker, "write", text=text)
    assert call(worker, "double", value=2)["twice"] == 4


def test_a_child_that_closes_its_pipe_and_lives_on_is_stopped(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, gone: Gone
) -> None:
    monkeypatch.setattr(process, "_GRACE", 0.2)
    pid = call(worker, "double", value=1)["pid"]
    with pytest.raises(StageFailed, match="the stage ended its process with its pipe closed"):
        call(worker, "close_pipe")
    assert gone(pid)


def test_what_a_child_prints_goes_to_the_log_and_not_to_the_terminal(
    worker: Worker, log: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert call(worker, "chatter") is None
    worker.close()
    assert sorted(log.read_text().split("\n")) == ["", "from a grandchild", "on stderr", "on stdout"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("function", ["os:getpid", "compressor.absent:x", "compressor.files:absent"])
def test_a_function_that_is_not_ours_is_not_run(function: str, worker: Worker) -> None:
    with pytest.raises(StageFailed, match="the stage failed: "):
        worker.call("the stage", function, {}, 30.0)


def test_grandchildren_end_with_the_worker(log: Path, gone: Gone) -> None:
    with Worker(log) as worker:
        pid = call(worker, "has_children")
        assert not gone(pid, 0)
    assert gone(pid)


PARENT = """
import sys
from pathlib import Path
from compressor.process import Worker
worker = Worker(Path(sys.argv[1]))
print(worker.call("s", "compressor.unit_jobs:double", {"value": 1}, 30)["pid"])
print(worker.call("s", "compressor.unit_jobs:keep_a_file", {}, 30), flush=True)
worker.call("s", "compressor.unit_jobs:hang", {}, 60)
"""


def test_a_worker_ends_when_its_parent_is_killed(log: Path, gone: Gone) -> None:
    command = [sys.executable, "-c", PARENT, str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=child_environment()) as parent:
        assert parent.stdout is not None
        pid, left = int(parent.stdout.readline()), Path(parent.stdout.readline().strip())
        assert left.exists()
        assert not gone(pid, 0)
        parent.kill()
    assert gone(pid)
    assert not left.parent.exists()


def test_a_part_that_takes_too_long_ends_the_worker_and_the_next_call_works(worker: Worker) -> None:
    assert call(worker, "in_time", seconds=5) == "done"
    with pytest.raises(StageFailed, match="the stage took longer than one of its parts may, and was stopped"):
        call(worker, "in_time", seconds=0.2)
    assert call(worker, "in_time", seconds=5) == "done"


def test_memory_that_cannot_be_had_is_a_sentence_and_the_worker_lives_on(worker: Worker) -> None:
    pid = call(worker, "double", value=1)["pid"]
    with pytest.raises(StageFailed, match="memory ran out"):
        call(worker, "swallow")
    assert call(worker, "double", value=2)["pid"] == pid


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of the Linux kernel")
def test_a_worker_cannot_take_all_memory_and_goes_first(worker: Worker) -> None:
    data, core, score = call(worker, "limits")
    memory = resource_limits.memory_bytes()
    assert memory is not None
    assert (core, int(score) >= 500) == (0, True)
    assert resource_limits._has_gpu() or 0.85 * memory < data < 0.95 * memory


def test_temporary_files_of_a_worker_are_gone_with_it(log: Path) -> None:
    with Worker(log) as worker:
        left = Path(call(worker, "keep_a_file"))
        assert left.exists()
        with pytest.raises(StageFailed):
            call(worker, "leave", code=7)
        assert not left.parent.exists()
        again = Path(call(worker, "keep_a_file"))
    assert again.parent != left.parent
    assert not again.parent.exists()
