"""The child side of `compressor.process.Worker`: reads jobs from stdin, answers on the pipe it was given.

What libraries print goes to the log that the parent chose; only this module writes to the pipe.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import re
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from compressor import resource_limits
from compressor.errors import BadInput, CompressorError, missing, out_of_memory

_OWN_PACKAGE = "compressor."
# How TensorFlow's lookups refuse a number that is out of range.
_ROW_OF_A_TABLE = re.compile(r"indices\[[\d,\s]*\] = (-?\d+) is not in \[0, (\d+)\)")


def report_progress(stage: str, done: int = 0, total: int = 0, note: str = "") -> None:
    """Tell the parent how far a stage is; without a parent this does nothing."""
    if _pipe is not None:
        _send({"progress": {"stage": stage, "done": done, "total": total, "note": note}})


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """End this process when the block takes longer; without a parent this does nothing.

    For native code that reads foreign files: it heeds nothing milder.
    """
    if _pipe is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def main(pipe: int, scratch: str) -> None:
    """Serve jobs until stdin closes; `scratch` is the folder for temporary files, this worker's alone."""
    global _pipe
    _pipe = pipe
    resource_limits.apply()
    jobs: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_jobs, args=(jobs, scratch), daemon=True).start()
    while True:
        _send(_answer(json.loads(jobs.get())))


_pipe: int | None = None


def _read_jobs(jobs: queue.SimpleQueue[str], scratch: str) -> None:
    for line in sys.stdin:
        jobs.put(line)
    # The parent is gone: a half-done training must not go on alone, and nobody else removes what it left.
    shutil.rmtree(scratch, ignore_errors=True)
    os._exit(1)


def _answer(job: dict[str, Any]) -> dict[str, Any]:
    module, _, name = job["function"].partition(":")
    try:
        if not module.startswith(_OWN_PACKAGE):
            raise ValueError(f"{module} is not part of this package")
        return {"result": getattr(importlib.import_module(module), name)(**job["arguments"])}
    except CompressorError as error:
        return {"error": {"kind": type(error).__name__, "message": str(error)}}
    except OSError as error:
        traceback.print_exc()
        return {"error": {"kind": "BadInput", "message": _told(error)}}
    except MemoryError as error:
        traceback.print_exc()
        return {"error": {"kind": "StageFailed", "message": str(out_of_memory(error))}}
    except Exception as error:
        traceback.print_exc()
        if row := _ROW_OF_A_TABLE.search(str(error)):
            return {"error": {"kind": "BadInput", "message": _no_such_row(*row.groups())}}
        if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith(_OWN_PACKAGE):
            return {"error": {"kind": "MissingTool", "message": str(missing(error))}}
        return {"error": {"kind": type(error).__name__, "message": _first_line(error)}}


def _no_such_row(number: str, rows: str) -> str:
    return str(
        BadInput(
            f"an input holds the id {number}, which an embedding of the model does not have",
            expected=f"0 to {int(rows) - 1}",
            fix="look at how the ids were made: the vocabulary has to be that of the model",
        )
    )


def _told(error: OSError) -> str:
    return ": ".join(filter(None, (error.strerror or str(error), str(error.filename or ""))))


def _first_line(error: Exception) -> str:
    """The line of a message that says most: TensorFlow begins with headings that end in a colon."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = lines[-1:] if lines and lines[0].endswith(":") else lines[:1]
    return (telling or ["no message"])[0][:500]


def _send(reply: dict[str, Any]) -> None:
    assert _pipe is not None
    data = (json.dumps(reply) + "\n").encode()
    while data:
        data = data[os.write(_pipe, data) :]


if __name__ == "__main__":
    # Jobs import this module by its real name: hand the pipe to that copy, not to __main__.
    importlib.import_module("compressor.worker").main(int(sys.argv[1]), sys.argv[2])
