"""The command line, run many times at once with a limit on its time."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compressor.process import child_environment, end_group

AT_ONCE = 2


class Commands:
    """Processes that run commands in forks of themselves, and a way to run one from nothing."""

    def __init__(self) -> None:
        self._free: queue.SimpleQueue[subprocess.Popen[str]] = queue.SimpleQueue()

    def run(self, words: list[str], folder: Path, limit: float) -> tuple[int | None, str, float]:
        """Exit code (None: it had to be killed), standard error, seconds; in a fork."""
        server = self._free.get()
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps({"words": words, "folder": str(folder), "limit": limit}) + "\n")
        server.stdin.flush()
        answer = json.loads(server.stdout.readline())
        self._free.put(server)
        return answer["code"], answer["err"], answer["seconds"]

    def run_from_nothing(self, words: list[str], folder: Path, limit: float) -> tuple[int | None, str, float]:
        """The same, in a Python of its own."""
        started = time.monotonic()
        command = [sys.executable, "-P", "-m", "compressor", *words]
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=child_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            _, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            return None, "", time.monotonic() - started
        finally:
            end_group(process)
        return process.returncode, err, time.monotonic() - started

    def start(self, servers: int) -> None:
        """Start so many processes."""
        server = Path(__file__).with_name("command_server.py")
        for _ in range(servers):
            command = [sys.executable, str(server)]
            pipe = subprocess.PIPE
            self._free.put(
                subprocess.Popen(
                    command, stdin=pipe, stdout=pipe, text=True, env=child_environment(), start_new_session=True
                )
            )

    def stop(self) -> None:
        """End the servers."""
        while not self._free.empty():
            end_group(self._free.get())


@contextmanager
def started(servers: int) -> Iterator[Commands]:
    """Commands at work, ended with the block."""
    commands = Commands()
    commands.start(servers)
    try:
        yield commands
    finally:
        commands.stop()
