"""Runs commands of the package in forks of one process that has imported all: ten times as many a minute.

Reads `{"words", "folder", "limit"}` as JSON from stdin, a line each; answers `{"code", "out", "err", "seconds"}`. The
command is the real one, its guard included; only its latency is timed for less long.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any


def serve() -> None:
    _import_all()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_run(**json.loads(line))) + "\n")
        sys.stdout.flush()


def _import_all() -> None:
    from compressor import metrics, registry
    from compressor.measurement import latency

    for name in ("ai_edge_litert.interpreter", "onnxruntime", "compressor.api", "compressor.progress"):
        importlib.import_module(name)
    for name in metrics.names():
        metrics.load(name)
    registry.load("compressor.cli", "measure", "COMMAND", "command")
    for name in ("_WARM_UP_S", "_TIMED_S"):
        if hasattr(latency, name):
            setattr(latency, name, 0.01)


def _run(words: list[str], folder: str, limit: float) -> dict[str, Any]:
    started, told = time.monotonic(), Path(folder).with_suffix(".told")
    child = os.fork()
    if child == 0:
        _be(words, folder, told)
    code = _wait(child, started + limit)
    seconds = time.monotonic() - started
    out, err = (Path(f"{told}.{stream}").read_text(errors="replace") for stream in (1, 2))
    return {"code": code, "out": out, "err": err, "seconds": seconds}


def _be(words: list[str], folder: str, told: Path) -> None:
    """In the child: become the command."""
    os.setsid()
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for stream in (1, 2):
        os.dup2(os.open(f"{told}.{stream}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), stream)
    sys.argv = ["compressor", *words]
    from compressor.cli import main

    try:
        main()
    except SystemExit as done:
        sys.stdout.flush()
        os._exit(done.code if isinstance(done.code, int) else 1)
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
        os._exit(99)


def _wait(child: int, deadline: float) -> int | None:
    """The exit code, negative for a signal; None when the child had to be killed."""
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


if __name__ == "__main__":
    serve()
