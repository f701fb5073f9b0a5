"""Measuring on a board: the ssh of these tests runs the command right here, or fails as ssh fails."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compressor import board
from compressor.board import ssh
from compressor.errors import BadInput, MissingTool, StageFailed
from compressor.measuring_process import Asked

VALUES = np.eye(3, dtype=np.float32)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the board keeps temporary files."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def as_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Callable[[str], Path]:
    """Puts a program named ssh on the PATH; by default one that runs the command here."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(root))

    def write(script: str = 'for command; do :; done; exec sh -c "$command"') -> Path:
        (folder / "ssh").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "ssh").chmod(0o755)
        return folder

    return write


@pytest.fixture
def asked(tmp_path: Path, onnx_file: Callable[..., Path]) -> Asked:
    np.savez(tmp_path / "data.npz", x_evaluation=VALUES, y_evaluation=np.arange(3))
    return Asked(onnx_file(name="it's my model.onnx"), str(tmp_path / "data.npz"), timeout=60)


def there(**more: Any) -> board.Board:
    return board.Board("pi@board", python=sys.executable, **more)


def test_files_go_there_answers_come_back_and_nothing_stays(
    asked: Asked, as_ssh: Callable[..., Path], scratch: Path, tmp_path: Path
) -> None:
    as_ssh()
    own = Asked(asked.artifact, asked.data, ("subtract=0.5",), outputs=tmp_path / "y.npz", samples=2, threads=2)
    found = board.measure(own, there())
    assert (found["provenance"], found["runtime"], found["samples"]) == ("measured", "onnxruntime", 2)
    assert found["metric"] == {"name": "accuracy", "value": 1.0}
    assert found["latency_ms"]["threads"] == 2
    assert found["latency_ms"]["p50"] > 0
    with np.load(tmp_path / "y.npz") as outputs:
        assert np.array_equal(outputs["y"], VALUES[:2] - 0.5)
    assert list(scratch.iterdir()) == []


def test_a_greeting_of_the_login_shell_is_not_taken_for_the_answer(
    asked: Asked, as_ssh: Callable[..., Path], scratch: Path
) -> None:
    as_ssh('for command; do :; done; echo "Welcome {1}"; exec sh -c "$command"')
    assert board.measure(asked, there(), timed=False)["latency_ms"] is None


def test_the_command_line_has_no_password_no_new_host_key_and_one_word_for_the_board(tmp_path: Path) -> None:
    key, config = tmp_path / "key", tmp_path / "config"
    key.touch()
    config.touch()
    words = ssh.command(board.Board("pi@board", 2222, key, config, "/opt/my venv/python; true"))
    options = [words[index + 1] for index, word in enumerate(words) if word == "-o"]
    assert {"BatchMode=yes", "StrictHostKeyChecking=yes", "PreferredAuthentications=publickey"} <= set(options)
    assert words[words.index("-p") + 1] == "2222"
    assert words[words.index("-i") + 1] == str(key)
    assert words[words.index("-F") + 1] == str(config)
    assert words[-3:-1] == ["--", "pi@board"]
    # What a shell over there makes of the last word: the program's name in one piece, and no second command.
    assert shlex.split(words[-1])[:3] == ["exec", "/opt/my venv/python; true", "-c"]
    assert len(shlex.split(words[-1])) == 4
    assert "\n" not in words[-1]


@pytest.mark.parametrize("host", ["-oProxyCommand=touch x", "pi@board; ls", "pi@-x", "", "a b", "pi@board\n"])
def test_what_is_no_host_never_reaches_ssh(host: str) -> None:
    with pytest.raises(BadInput, match="--host is no host"):
        ssh.command(board.Board(host))


def test_a_key_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"there is no key .*absent"):
        ssh.command(board.Board("pi@board", identity=tmp_path / "absent"))


def test_a_board_that_takes_nothing_ends_with_the_time(
    asked: Asked, as_ssh: Callable[..., Path], tmp_path: Path
) -> None:
    # More than a pipe holds.
    np.savez(tmp_path / "much.npz", x_evaluation=np.zeros((200_000, 3), np.float32), y_evaluation=np.zeros(200_000))
    as_ssh("exec sleep 30")
    began = time.monotonic()
    with pytest.raises(StageFailed, match="on pi@board did not finish within 1 s and was stopped"):
        board.measure(Asked(asked.artifact, str(tmp_path / "much.npz"), timeout=1), there())
    assert 1 <= time.monotonic() - began < 3


def test_weights_beside_the_file_go_along(
    asked: Asked, as_ssh: Callable[..., Path], scratch: Path, tmp_path: Path
) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(2 * VALUES, "w")],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    path = tmp_path / "large.onnx"
    (tmp_path / "weights").mkdir()
    onnx.save(model, path, save_as_external_data=True, location="weights/w.bin", size_threshold=0)
    as_ssh()
    board.measure(Asked(path, asked.data, outputs=tmp_path / "y.npz"), there(), timed=False)
    with np.load(tmp_path / "y.npz") as outputs:
        assert np.array_equal(outputs["y"], 2 * VALUES)
    (tmp_path / "weights" / "w.bin").unlink()
    with pytest.raises(BadInput, match=r"not beside it: 'weights/w\.bin'"):
        board.measure(Asked(path, asked.data), there())


@pytest.mark.parametrize(
    ("given", "meant"), [("~/venv/bin/python", "./venv/bin/python"), ("~/python", "./python"), ("a~/b", "a~/b")]
)
def test_the_home_folder_there_is_where_ssh_starts(given: str, meant: str) -> None:
    assert shlex.split(ssh.command(board.Board("pi@board", python=given))[-1])[:2] == ["exec", meant]


FAILURES = {
    "away": ("echo 'ssh: connect to host board: No route to host' >&2; exit 255", MissingTool, "is not reached"),
    "name": ("echo 'ssh: Could not resolve hostname board' >&2; exit 255", MissingTool, "is not reached"),
    "key": ("echo 'Permission denied (publickey).' >&2; exit 255", MissingTool, "pi@board refuses the key"),
    "host key": ("echo 'Host key verification failed.' >&2; exit 255", MissingTool, "the host key of pi@board is not"),
    "python": ("echo 'sh: python3: not found' >&2; exit 127", MissingTool, "there is no .*python.* on pi@board"),
    "crash": ("echo 'Traceback' >&2; exit 1", StageFailed, "ended with exit code 1: Traceback"),
    "silence": ("exit 0", StageFailed, "answered garbage"),
    "garbage": ("echo '{\"code\": 1}'", StageFailed, "answered garbage"),
    "time": ("sleep 60", StageFailed, "did not finish within 1 s"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_of_ssh_is_a_sentence_of_the_right_kind(
    case: str, asked: Asked, as_ssh: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    script, kind, told = FAILURES[case]
    as_ssh(script)
    monkeypatch.setattr(board, "_GRACE_S", 0.1)
    with pytest.raises(kind, match=told) as caught:
        board.measure(Asked(asked.artifact, asked.data, timeout=1 if case == "time" else 20), there())
    assert type(caught.value) is kind


def test_a_board_without_this_package_is_told_what_to_install(
    asked: Asked, as_ssh: Callable[..., Path], scratch: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    as_ssh()
    (tmp_path / "empty" / "compressor").mkdir(parents=True)
    (tmp_path / "empty" / "compressor" / "__init__.py").write_text("raise ImportError('no compressor here')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "empty"))
    with pytest.raises(MissingTool, match=r"has no compressor: .*no compressor here\n.*pip install"):
        board.measure(asked, there())
    assert list(scratch.iterdir()) == []


def test_what_the_measuring_process_says_there_is_said_here(
    asked: Asked, as_ssh: Callable[..., Path], scratch: Path
) -> None:
    as_ssh()
    with pytest.raises(BadInput, match=r"on pi@board: litert does not open '\.onnx' files"):
        board.measure(Asked(asked.artifact, asked.data, runtime="litert"), there())
    assert list(scratch.iterdir()) == []


def test_an_interrupt_here_ends_the_work_there_and_leaves_nothing(
    asked: Asked, as_ssh: Callable[..., Path], scratch: Path, tmp_path: Path, root: Path, gone: Callable[..., bool]
) -> None:
    as_ssh()
    slow = tmp_path / "slow" / "compressor"
    slow.mkdir(parents=True)
    (slow / "__init__.py").touch()
    (slow / "__main__.py").write_text(
        "import os, pathlib, sys, time\nif '--version' not in sys.argv:\n"
        f"    pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n    time.sleep(60)\n"
    )
    # The board's Python finds the slow one, ours the real one.
    as_ssh(f'for command; do :; done; PYTHONPATH={tmp_path / "slow"} exec sh -c "$command"')
    words = ["measure", asked.artifact, "--data", asked.data, "--host", "pi@board", "--remote-python", sys.executable]
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "compressor", *map(str, words)], stderr=subprocess.PIPE, text=True
    )
    end = time.monotonic() + 30
    while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()) and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert (process.returncode, "interrupted" in told) == (130, True)
    assert gone(int((tmp_path / "pid").read_text()))
    assert list(scratch.iterdir()) == []


USAGE = {
    "two places": (["--emulate", "cortex-a72", "--host", "a@b"], "two places"),
    "port of nothing": (["--port", "22"], "give its --host"),
    "port": (["--host", "a@b", "--port", "0"], "--port"),
    "sample": (["--host", "a@b"], "there is no data file digits_cnn"),
}


@pytest.mark.parametrize("case", USAGE)
def test_places_that_make_no_sense_are_mistakes(
    case: str, asked: Asked, cli: Callable[..., Any], tmp_path: Path
) -> None:
    words, told = USAGE[case]
    done = cli("measure", asked.artifact, "--data", "digits_cnn", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


def test_one_file_is_measured_there_from_the_command_line(
    asked: Asked, as_ssh: Callable[..., Path], cli: Callable[..., Any], tmp_path: Path
) -> None:
    as_ssh()
    words = ("measure", asked.artifact, "--data", asked.data, "--host", "pi@board", "--remote-python", sys.executable)
    done = cli(*words, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metric"]["value"] == 1.0
