"""The program that `compressor measure --host` runs on the board, with whatever Python is there.

Standard input brings one line of JSON, so many bytes of a tar archive, and then nothing: when it ends, whoever asked
has gone away. Standard output takes one line of JSON and so many bytes of outputs. The folder with the files is removed
however this ends.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
from typing import Any


def main() -> int:
    """Take the files, measure, answer."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, leave)
    folder = tempfile.mkdtemp(prefix="compressor-")
    try:
        reply, outputs = work(folder, json.loads(line()))
        sys.stdout.buffer.write(json.dumps(reply).encode() + b"\n" + outputs)
        sys.stdout.buffer.flush()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def work(folder: str, asked: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """What the measuring process printed, and the outputs that it left."""
    receive(os.path.join(folder, "files.tar"), asked["bytes"])  # noqa: PTH118
    with tarfile.open(os.path.join(folder, "files.tar")) as archive:  # noqa: PTH118
        archive.extractall(folder)
    code, _, told = run(folder, ["--version"])
    if code != 0:
        last = (told.strip().splitlines() or ["it does not start"])[-1][-300:]
        return {"code": 3, "out": "", "err": "", "lacking": last, "bytes": 0}, b""
    code, out, told = run(folder, asked["words"])
    outputs = b""
    path = os.path.join(folder, "outputs.npz")  # noqa: PTH118
    if os.path.exists(path):  # noqa: PTH110
        with open(path, "rb") as file:  # noqa: PTH123
            outputs = file.read()
    return {"code": code, "out": out, "err": told, "lacking": "", "bytes": len(outputs)}, outputs


def run(folder: str, words: list[str]) -> tuple[int, str, str]:
    """Run `compressor` in the folder; end it when whoever asked has gone away."""
    process = subprocess.Popen(
        [sys.executable, "-m", "compressor", *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        threading.Thread(target=watch, args=(process.pid,), daemon=True).start()
        out, told = process.communicate()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, out.decode(errors="replace"), told.decode(errors="replace")


def watch(child: int) -> None:
    """Wait for the end of standard input, which is the end of the connection."""
    while os.read(0, 1 << 16):
        pass
    os.killpg(child, signal.SIGKILL)


def line() -> bytes:
    """The first line of standard input, which nothing may read ahead of."""
    found = b""
    while not found.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            sys.exit(1)
        found += byte
    return found


def receive(path: str, size: int) -> None:
    """Write the next bytes of standard input to a file."""
    with open(path, "wb") as file:  # noqa: PTH123
        while size:
            chunk = os.read(0, min(size, 1 << 20))
            if not chunk:
                sys.exit(1)
            file.write(chunk)
            size -= len(chunk)


def leave(*_: object) -> None:
    """End on a signal as on any other failure: the folder goes."""
    sys.exit(1)


if __name__ == "__main__":
    # A thread may still wait for standard input.
    os._exit(main())
