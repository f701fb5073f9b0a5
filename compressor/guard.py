"""A command that opens foreign files with native libraries goes on in a child process; its parent only watches.

A damaged file can end such a library by a signal, keep it busy for ever, or make it ask for any amount of memory.
The parent turns that into a sentence and an exit code. Otherwise nothing changes: the child writes to the same
streams, its exit code is the command's, and signals reach it.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from compressor import resource_limits
from compressor.errors import BadInput, CompressorError, StageFailed

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# How long a child may take to end itself after a signal that asks for it.
_GRACE_S = 3.0
_CLEAN_LINE = "\r\x1b[2K\x1b[?25h"
_PR_SET_PDEATHSIG = 1

_Handler = Callable[[int, FrameType | None], Any]


def enter(file: str, runtime: str | None, timeout: float) -> None:
    """Go on in a child process, in which alone this returns. Call it before any library starts a thread.

    Where there is no `fork`, or other threads run already, it returns at once, in this process.

    Args:
        file: the artifact that will be opened.
        runtime: name of what opens it; None for the first that does.
        timeout: seconds after which the child is ended.

    Raises:
        SystemExit: in the parent, with the child's exit code.
        BadInput: in the parent: the child was ended by a signal.
        StageFailed: in the parent: the child took longer than `timeout`.
        KeyboardInterrupt: in the parent: the child was interrupted and did not end itself.
    """
    if not hasattr(os, "fork") or threading.active_count() > 1:
        return
    scratch = _scratch()
    alive, held = os.pipe()
    # Whoever ignores it has the kernel throw exit codes away.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    parent, child = os.getpid(), os.fork()
    if child == 0:
        os.close(alive)
        _settle(parent, scratch)
        return
    os.close(held)
    try:
        code = _Watch(child, alive).wait(timeout)
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
    if code is not None and code >= 0:
        sys.exit(code)
    if sys.stderr.isatty():
        # A progress bar was drawn to the last, and has hidden the cursor.
        sys.stderr.write(_CLEAN_LINE)
    raise _told(file, runtime, code, timeout)


def _scratch() -> str | None:
    """A folder for the child's temporary files, which a child that is killed cannot remove."""
    with contextlib.suppress(OSError):
        return tempfile.mkdtemp(prefix="compressor-")
    return None


def _settle(parent: int, scratch: str | None) -> None:
    """In the child: end with the parent, take signals once, stay within limits."""
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    if scratch is not None:
        tempfile.tempdir = scratch
    for number in _PASSED_ON:
        handler = signal.getsignal(number)
        if callable(handler):
            signal.signal(number, _once(handler))
    resource_limits.apply()


def _once(handler: _Handler) -> _Handler:
    """The handler for the first signal alone: a terminal's Ctrl-C reaches the child from two sides."""

    def handle(number: int, frame: FrameType | None) -> None:
        for each in _PASSED_ON:
            signal.signal(each, signal.SIG_IGN)
        handler(number, frame)

    return handle


class _Watch:
    """The parent's side: passes signals on and waits, with an end to its patience.

    Args:
        child: its process id.
        alive: a pipe that ends when the child does.
    """

    def __init__(self, child: int, alive: int) -> None:
        self._child = child
        self._alive = alive
        self._asked: list[int] = []
        self._before: dict[int, _Handler] = {}

    def wait(self, timeout: float) -> int | None:
        """The child's exit code, negative for a signal; None when it had to be stopped after `timeout`.

        Raises:
            KeyboardInterrupt, SystemExit: whatever our own handler does with a signal that the child did not heed.
        """
        woken, waking = os.pipe()
        os.set_blocking(waking, False)
        signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
        for number in _PASSED_ON:
            handler = signal.getsignal(number)
            if callable(handler):
                self._before[number] = handler
                signal.signal(number, self._pass_on)
        in_time = self._wait(woken, time.monotonic() + timeout)
        if not in_time:
            os.kill(self._child, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])
        if code < 0 and self._asked:
            self._before[self._asked[0]](self._asked[0], None)
        return code if in_time else None

    def _wait(self, woken: int, deadline: float) -> bool:
        """Until the child ends; False when the deadline, or the grace after a signal, passed before."""
        while True:
            ready, _, _ = select.select([self._alive, woken], [], [], max(0.0, deadline - time.monotonic()))
            if self._alive in ready:
                return True
            if not ready:
                return False
            os.read(woken, 64)
            if self._asked:
                deadline = min(deadline, time.monotonic() + _GRACE_S)

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        self._asked.append(number)
        # The child is not reaped before the wait is over: its number cannot be another's.
        os.kill(self._child, number)


def _told(file: str, runtime: str | None, code: int | None, timeout: float) -> CompressorError:
    from compressor.process import ending

    if code is None:
        return StageFailed(
            f"measuring {file} did not finish within {timeout:g} s and was stopped", fix="give more with --timeout"
        )
    if code == -signal.SIGKILL:
        return StageFailed(
            f"measuring {file} was ended with {ending(code)}, most likely because memory ran short",
            fix="measure fewer samples, or on a machine with more memory",
        )
    return BadInput(
        f"reading {file} ended the runtime with {ending(code)}: the file is damaged, or uses what "
        f"{_runtime(file, runtime)} cannot run"
    )


def _runtime(file: str, runtime: str | None) -> str:
    """Package and version, looked up only once something went wrong."""
    from compressor import environment, runtimes

    with contextlib.suppress(CompressorError):
        package = runtimes.load(runtimes.for_file(Path(file), runtime)).pip_name
        return f"{package} {environment.installed(package)}"
    return "the runtime"
