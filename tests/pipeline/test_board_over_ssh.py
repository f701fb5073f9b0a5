"""Measuring on a board that ssh reaches: a real sshd on this machine, which lets in one key and nothing else."""

from __future__ import annotations

import getpass
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tools_here import ROOT, require

SSHD = Path("/usr/sbin/sshd")
VALUES = np.random.default_rng(0).random((40, 3), np.float32)


@dataclass(frozen=True)
class Server:
    folder: Path
    port: int

    @property
    def scratch(self) -> Path:
        """Where programs on the board keep temporary files."""
        return self.folder / "scratch"

    def words(self, key: str = "key", config: str = "config", python: str = sys.executable) -> list[str]:
        return [
            *("--host", f"{getpass.getuser()}@127.0.0.1", "--port", str(self.port)),
            *("--identity", str(self.folder / key), "--ssh-config", str(self.folder / config)),
            *("--remote-python", python),
        ]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    require("ssh")
    require(str(SSHD))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    found = Server(tmp_path_factory.mktemp("sshd"), free_port())
    folder = found.folder
    found.scratch.mkdir()
    for name in ("host_key", "key", "other_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    (folder / "authorized").write_text((folder / "key.pub").read_text())
    (folder / "known").write_text(f"[127.0.0.1]:{found.port} {(folder / 'host_key.pub').read_text()}")
    (folder / "foreign").write_text(f"[127.0.0.1]:{found.port} {(folder / 'other_key.pub').read_text()}")
    for config, hosts in (("config", "known"), ("config_foreign", "foreign"), ("config_empty", "nobody")):
        told = f"UserKnownHostsFile {folder / hosts}\nGlobalKnownHostsFile /dev/null\n"
        (folder / config).write_text(told)
    (folder / "sshd_config").write_text(
        f"Port {found.port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host_key'}\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {folder / 'authorized'}\nStrictModes no\nPasswordAuthentication no\n"
        f"KbdInteractiveAuthentication no\nSetEnv PYTHONPATH={ROOT} TMPDIR={found.scratch}\n"
    )
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "sshd_config"], stderr=log)
        try:
            wait_until(lambda: reached(found.port))
            yield found
        finally:
            process.terminate()
            process.wait()


def reached(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def wait_until(happened: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import onnx

    folder = tmp_path_factory.mktemp("files")
    text = '<ir_version: 8, opset_import: ["" : 17]> m (float[N,3] x) => (float[N,3] y) { y = Softmax (x) }'
    onnx.save(onnx.parser.parse_model(text), str(folder / "m.onnx"))
    np.savez(folder / "data.npz", x_evaluation=VALUES, y_evaluation=VALUES.argmax(1))
    return folder


def test_a_board_answers_as_this_machine_does_and_keeps_nothing(
    server: Server, files: Path, command: Callable[..., Any], tmp_path: Path
) -> None:
    found = {}
    for name, words in (("there", server.words()), ("here", [])):
        outputs = ["--outputs", tmp_path / f"{name}.npz", "--json"]
        done = command("measure", files / "m.onnx", "--data", files / "data.npz", *words, *outputs)
        assert done.returncode == 0, done.stderr
        found[name] = json.loads(done.stdout)
    # The board is this machine: it says of itself what this machine does.
    for field in ("provenance", "host", "metric", "samples", "runtime", "inputs", "outputs"):
        assert found["there"][field] == found["here"][field]
    assert found["there"]["provenance"] == "measured"
    assert found["there"]["latency_ms"]["p50"] > 0
    with np.load(tmp_path / "there.npz") as there, np.load(tmp_path / "here.npz") as here:
        assert np.array_equal(there["y"], here["y"])
    assert list(server.scratch.iterdir()) == []


def test_data_that_are_prepared_are_prepared_there(server: Server, files: Path, command: Callable[..., Any]) -> None:
    lines = [",".join(map(str, [*row, label])) for row, label in zip(VALUES, VALUES.argmax(1), strict=True)]
    (files / "t.csv").write_text("\n".join(["a,b,c,label", *lines]) + "\n")
    (files / "spec.yaml").write_text("source: t.csv\ndivide: 2.0\ntarget: label\n")
    done = command("measure", files / "m.onnx", "--data", files / "spec.yaml", *server.words(), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metric"] == {"name": "accuracy", "value": 1.0}


REFUSALS = {
    "another key": ({"key": "other_key"}, "refuses the key"),
    "an unknown host": ({"config": "config_empty"}, "is not the known one, or not known at all"),
    "another host": ({"config": "config_foreign"}, "is not the known one, or not known at all"),
    "no such Python": ({"python": "/nowhere/python"}, "there is no /nowhere/python on"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_ends_with_3_and_no_question(
    case: str, server: Server, files: Path, command: Callable[..., Any]
) -> None:
    changed, told = REFUSALS[case]
    done = command("measure", files / "m.onnx", "--data", files / "data.npz", *server.words(**changed))
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (3, "", False)
    assert told in done.stderr
    assert "what to do: " in done.stderr


def test_a_board_that_is_off_ends_with_3(server: Server, files: Path, command: Callable[..., Any]) -> None:
    words = ["--host", "pi@127.0.0.1", "--port", str(free_port())]
    done = command("measure", files / "m.onnx", "--data", files / "data.npz", *words)
    assert (done.returncode, "pi@127.0.0.1 is not reached" in done.stderr) == (3, True), done.stderr


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_whoever_goes_away_leaves_nothing_on_the_board(sent: int, server: Server, files: Path, tmp_path: Path) -> None:
    slow, pid = tmp_path / "slow" / "compressor", tmp_path / "pid"
    slow.mkdir(parents=True)
    (slow / "__init__.py").touch()
    (slow / "__main__.py").write_text(
        "import os, pathlib, sys, time\nif '--version' not in sys.argv:\n"
        f"    pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\n    time.sleep(120)\n"
    )
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={slow.parent} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    words = ["measure", files / "m.onnx", "--data", files / "data.npz", *server.words(python=str(python))]
    process = subprocess.Popen([sys.executable, "-P", "-m", "compressor", *map(str, words)], cwd=ROOT, stderr=-3)
    wait_until(lambda: pid.exists() and bool(pid.read_text()))
    assert len(list(server.scratch.iterdir())) == 1
    process.send_signal(sent)
    assert process.wait(30) == (130 if sent == signal.SIGINT else -signal.SIGKILL)
    wait_until(lambda: not list(server.scratch.iterdir()))
    wait_until(lambda: not Path(f"/proc/{pid.read_text()}").exists())
