"""`compressor measure` on a board that ssh reaches: files go there, the answer comes back, nothing stays.

ssh is called with a key alone: it never asks for a password, and never for a host key that it does not know.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import tarfile
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from compressor.board import ssh
from compressor.errors import MissingTool, StageFailed
from compressor.files import whole_file
from compressor.measuring_process import Asked, answer, taken_along
from compressor.onnx_view import external
from compressor.process import end_group

Board = ssh.Board
_FILES = ("artifact", "against")
# How long the board may take to remove its folder after we went away.
_GRACE_S = 10.0
# The same after the time was up: who stalled before will stall again, and loses the connection with ssh.
_LATE_GRACE_S = 0.5


@dataclass(frozen=True, slots=True)
class _Reply:
    """What the program on the board answered; `lacking` says why it could not start."""

    code: int
    out: str
    err: str
    lacking: str
    outputs: bytes


def measure(asked: Asked, board: Board, timed: bool = True) -> dict[str, Any]:
    """What `compressor measure --json` answers there; its host is the board.

    Raises:
        MissingTool: there is no ssh here, the board is not reached, refuses the key, or lacks this package.
        BadInput: host or files are not what they should be; or the measuring process says so.
        StageFailed: it crashed, took too long, or answered garbage.
    """
    stage = f"measuring {asked.artifact.name} on {board.host}"
    with tempfile.TemporaryFile() as packed:
        request = _request(asked, timed, packed)
        reply = _talk(stage, board, request, packed, asked.timeout)
    if reply.lacking:
        raise MissingTool(
            f"{board.python} on {board.host} has no compressor: {reply.lacking}",
            fix="install it there, without TensorFlow: pip install . in a copy of this package; or name another Python "
            "with --remote-python, such as venv/bin/python",
        )
    found = answer(stage, subprocess.CompletedProcess([], reply.code, reply.out, reply.err))
    if asked.outputs is not None:
        with whole_file(asked.outputs) as temporary:
            temporary.write_bytes(reply.outputs)
    return found


def _request(asked: Asked, timed: bool, packed: IO[bytes]) -> bytes:
    """The line that says what to do; the files go into `packed`."""
    spec = taken_along(asked)
    settings = spec.model_dump(mode="json", exclude_defaults=True)
    there = {"artifact": asked.artifact, "data": Path(spec.source)}
    settings["source"] = f"data/{there['data'].resolve().name}"
    if spec.vocabulary is not None:
        there["vocabulary"] = Path(spec.vocabulary)
        settings["vocabulary"] = f"vocabulary/{there['vocabulary'].resolve().name}"
    if asked.against is not None:
        there["against"] = asked.against
    with tarfile.open(fileobj=packed, mode="w", dereference=True) as archive:
        for folder, path in there.items():
            archive.add(path, f"{folder}/{path.resolve().name}")
        for folder in _FILES:
            if folder in there and there[folder].suffix == ".onnx":
                for place in external.locations(there[folder]):
                    archive.add(there[folder].parent / place, f"{folder}/{place}")
        # JSON is YAML.
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".yaml") as file:
            json.dump(settings, file)
            file.flush()
            archive.add(file.name, "data.yaml")
    artifact, against = (f"{folder}/{there[folder].resolve().name}" if folder in there else "" for folder in _FILES)
    words = asked.on_board(artifact, "data.yaml", "outputs.npz", against).words(timed)
    size = packed.tell()
    packed.seek(0)
    return json.dumps({"bytes": size, "words": ["measure", *words]}).encode() + b"\n"


def _talk(stage: str, board: Board, request: bytes, packed: IO[bytes], timeout: float) -> _Reply:
    deadline = time.monotonic() + timeout
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            ssh.command(board), bufsize=0, stdin=subprocess.PIPE, stdout=out, stderr=err, start_new_session=True
        )
        grace = _GRACE_S
        try:
            with suppress(BrokenPipeError):
                _send(process, request, packed, deadline)
            process.wait(max(0.0, deadline - time.monotonic()))
        except (subprocess.TimeoutExpired, TimeoutError):
            grace = min(_GRACE_S, _LATE_GRACE_S)
            raise StageFailed(f"{stage} did not finish within {timeout:.0f} s and was stopped") from None
        finally:
            _let_go(process, grace)
        out.seek(0)
        err.seek(0)
        told = err.read().decode(errors="replace")
        if process.returncode != 0:
            raise ssh.failure(board, stage, process.returncode, told)
        return _reply(stage, out)


def _send(process: subprocess.Popen[bytes], request: bytes, packed: IO[bytes], deadline: float) -> None:
    """Write all of it into ssh, which may take as little of it and as slowly as it likes.

    Raises:
        TimeoutError: the time is up.
        BrokenPipeError: ssh has ended.
    """
    assert process.stdin is not None
    pipe = process.stdin.fileno()
    os.set_blocking(pipe, False)
    waiting = memoryview(request)
    with selectors.DefaultSelector() as ready:
        ready.register(pipe, selectors.EVENT_WRITE)
        while waiting:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if ready.select(left):
                with suppress(BlockingIOError):
                    waiting = waiting[os.write(pipe, waiting) :] or memoryview(packed.read(1 << 20))


def _let_go(process: subprocess.Popen[bytes], grace: float) -> None:
    """Close the line: the board then ends what it does and removes its folder, and ssh ends with that."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(grace)
    end_group(process)


def _reply(stage: str, out: IO[bytes]) -> _Reply:
    # A login shell may greet before the program speaks.
    for line in out:
        with suppress(ValueError, TypeError, KeyError):
            told = json.loads(line)
            content = out.read(int(told["bytes"]))
            return _Reply(int(told["code"]), str(told["out"]), str(told["err"]), str(told["lacking"]), content)
    raise StageFailed(f"{stage} answered garbage")
