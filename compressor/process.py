"""Child processes: whatever happens in one of them reaches the user as a sentence.

Two kinds are enough. A `Worker` keeps one Python process alive for several calls, so that TensorFlow is
imported once; when a call kills it, the next call gets a fresh one. `run_to_end` runs a command once.
Both start the child in its own process group, so that nothing outlives its parent's decision to stop.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from compressor.errors import BadInput, CompressorError, Crashed, MissingTool, Refused, StageFailed
from compressor.progress import Listener, Progress, silent

_ERRORS: dict[str, type[CompressorError]] = {
    e.__name__: e for e in (BadInput, MissingTool, StageFailed, Crashed, Refused)
}
_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
_TAIL_LINES = 3
# Lines of the absl log that report no error.
_CHATTER = re.compile(r"[IW]\d{4} |WARNING: All log messages before absl|INFO: |fully_quantize: ")
_GRACE = 30.0


class Worker:
    """A Python process that runs named functions of this package one after the other.

    Args:
        log: file that receives everything the child prints.
        listener: is told the progress that the child reports.
    """

    def __init__(self, log: Path, listener: Listener = silent) -> None:
        self._log = log
        self._listener = listener
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._replies = -1
        self._buffer = b""
        self._scratch: str | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, stage: str, function: str, arguments: Mapping[str, Any], timeout: float) -> Any:
        """Run `function` ("package.module:name") with JSON arguments in the child and return its JSON result.

        Raises:
            BadInput, MissingTool, StageFailed: as raised by the function.
            StageFailed: the child crashed, took longer than `timeout` seconds, or answered garbage.
        """
        if self._process is None or self._process.poll() is not None:
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        self._log_start = self._log.stat().st_size
        job = json.dumps({"function": function, "arguments": arguments}) + "\n"
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(job.encode())
            self._process.stdin.flush()
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self._read_line(deadline)
            except TimeoutError:
                self.close()
                raise StageFailed(f"{stage} did not finish within {timeout:.0f} s and was stopped") from None
            if line is None:
                raise self._died(stage)
            reply = self._parse(stage, line)
            if "progress" in reply:
                self._listener(Progress(**reply["progress"]))
            elif "error" in reply:
                raise _rebuilt(stage, reply["error"])
            else:
                return reply["result"]

    def close(self) -> None:
        """End the child, if there is one, and everything it started."""
        if self._process is not None:
            end_group(self._process)
            os.close(self._replies)
            self._process = None
        if self._scratch is not None:
            # A child that is killed leaves its temporary files behind; TensorFlow has many.
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None
        self._buffer = b""

    def _start(self) -> None:
        self.close()
        self._scratch = tempfile.mkdtemp(prefix="compressor-")
        self._replies, theirs = os.pipe()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "compressor.worker", str(theirs), self._scratch],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(theirs,),
                start_new_session=True,
                env=child_environment() | {"TMPDIR": self._scratch},
            )
        os.close(theirs)

    def _read_line(self, deadline: float) -> bytes | None:
        """One reply line, or None when the child ended; TimeoutError when the deadline passed."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._replies, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError
                chunk = os.read(self._replies, 1 << 16)
                if not chunk:
                    return None
                self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line

    def _parse(self, stage: str, line: bytes) -> dict[str, Any]:
        try:
            reply = json.loads(line)
        except ValueError:
            reply = None
        if not _well_formed(reply):
            self.close()
            raise StageFailed(f"{stage} answered garbage", received=repr(line[:80]))
        assert isinstance(reply, dict)
        return reply

    def _died(self, stage: str) -> StageFailed:
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_GRACE)
        code = self._process.poll()
        self.close()
        if code == -signal.SIGALRM:
            return StageFailed(f"{stage} took longer than one of its parts may, and was stopped{self._quoted()}")
        how = "its pipe closed" if code is None else ending(code)
        kind = Crashed if code is not None and -code in _CRASHES else StageFailed
        return kind(f"{stage} ended its process with {how}{self._quoted()}")

    def _quoted(self) -> str:
        """The last lines that the child printed during this call."""
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            return _last_lines(log.read().decode(errors="replace"))


def run_to_end(
    stage: str,
    command: Sequence[str | Path],
    timeout: float,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and capture what it printed.

    Raises:
        StageFailed: it was ended by a signal or took longer than `timeout` seconds.
    """
    process = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        env=dict(environment) if environment is not None else child_environment(),
    )
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise StageFailed(f"{stage} did not finish within {timeout:.0f} s and was stopped") from None
    finally:
        end_group(process)
    if process.returncode < 0:
        raise StageFailed(f"{stage} ended its process with {ending(process.returncode)}{_last_lines(err)}")
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def child_environment() -> dict[str, str]:
    """The parent's environment plus what makes a child find this package and repeat itself exactly."""
    root = str(Path(__file__).resolve().parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, (root, inherited))),
        # Converters iterate over sets of strings: a fixed seed gives the same bytes each time.
        "PYTHONHASHSEED": "0",
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
        "TF_USE_LEGACY_KERAS": "1",
        # Deprecation notes of libraries would hide what a crash has to say.
        "PYTHONWARNINGS": "ignore",
    }


def end_group(process: subprocess.Popen[Any]) -> None:
    """Kill a child and its children, if any of them still lives, and reap the child."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdin, process.stdout, process.stderr):
        _close(stream)
    process.wait()


def ending(code: int) -> str:
    """An exit status in words."""
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"{signal.Signals(-code).name} ({signal.strsignal(-code)})"
    return f"signal {-code}"


def _close(stream: IO[Any] | None) -> None:
    if stream is not None:
        with contextlib.suppress(OSError):
            stream.close()


def _well_formed(reply: Any) -> bool:
    if not isinstance(reply, dict) or len(reply) != 1:
        return False
    kind, content = next(iter(reply.items()))
    if kind == "progress":
        return isinstance(content, dict) and set(content) <= set(Progress.__dataclass_fields__) and "stage" in content
    if kind == "error":
        return isinstance(content, dict) and set(content) == {"kind", "message"}
    return bool(kind == "result")


def _rebuilt(stage: str, error: Mapping[str, str]) -> CompressorError:
    kind = _ERRORS.get(error["kind"])
    if kind is None:
        return StageFailed(f"{stage} failed: {error['kind']}: {error['message']}")
    rebuilt = kind("")
    rebuilt.args = (error["message"],)
    return rebuilt


def _last_lines(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not _CHATTER.match(line)][-_TAIL_LINES:]
    return "".join(f"\n    | {line[:200]}" for line in lines)
