"""Training spread over devices and processes follows the loss curve of one device, on the same global batches."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow
PROCESS = Path(__file__).with_name("training_process.py")
ROOT = PROCESS.parents[2]
MIRRORED = {"strategy": "mirrored", "replicas": 2, "device": "cpu"}
# Sums in another order alone; observed ranges of simulated int8 are means over the replicas.
TOLERANCE = {"fine_tune": 1e-4, "prune": 1e-4, "cluster": 1e-4, "quantize_aware": 5e-3, "distill": 1e-4}


def started(options: dict[str, Any], step: str, folder: Path, name: str, **environment: str) -> subprocess.Popen[str]:
    words = [sys.executable, str(PROCESS), json.dumps(options), step, str(folder / f"{name}.json")]
    own = {"PYTHONPATH": str(ROOT), "TF_USE_LEGACY_KERAS": "1", "PYTHONHASHSEED": "0"}
    own |= {"COMPRESSOR_CACHE": str(folder / f"cache-{name}"), "TF_CPP_MIN_LOG_LEVEL": "2"} | environment
    return subprocess.Popen(words, env=os.environ | own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def found(process: subprocess.Popen[str], folder: Path, name: str) -> dict[str, Any]:
    told, _ = process.communicate(timeout=300)
    assert process.returncode == 0, told[-3000:]
    return json.loads((folder / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What one device finds, per step."""
    folder = tmp_path_factory.mktemp("alone")
    done: dict[str, dict[str, Any]] = {}

    def run(step: str) -> dict[str, Any]:
        if step not in done:
            done[step] = found(started({}, step, folder, step), folder, step)
        return done[step]

    return run


def check_same(ours: dict[str, Any], theirs: dict[str, Any], tolerance: float) -> None:
    assert ours["facts"]["replicas"] == 2
    losses = [each["facts"]["history"]["loss"] for each in (ours, theirs)]
    assert len(losses[0]) == 3
    assert losses[1][-1] < 0.8 * losses[1][0]
    assert np.allclose(*losses, atol=tolerance)
    assert np.allclose(ours["answers"], theirs["answers"], atol=10 * tolerance)


@pytest.mark.parametrize("step", TOLERANCE)
def test_two_devices_train_as_one(step: str, alone: Any, tmp_path: Path) -> None:
    ours, theirs = found(started(MIRRORED, step, tmp_path, "two"), tmp_path, "two"), alone(step)
    check_same(ours, theirs, TOLERANCE[step])
    for kept in ("sparsity", "distinct_values"):
        assert ours["facts"].get(kept) == theirs["facts"].get(kept)
    if step == "quantize_aware":
        assert np.allclose(ours["simulated"], theirs["simulated"], atol=0.05)


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def test_two_processes_train_as_one(alone: Any, tmp_path: Path) -> None:
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    workers = [
        started(
            {"strategy": "multiworker", "device": "cpu"},
            "prune",
            tmp_path,
            str(index),
            TF_CONFIG=json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}),
        )
        for index in range(2)
    ]
    try:
        results = [found(worker, tmp_path, str(index)) for index, worker in enumerate(workers)]
    finally:
        for worker in workers:
            worker.kill()
    assert results[0]["answers"] == results[1]["answers"]
    for result in results:
        check_same(result, alone("prune"), TOLERANCE["prune"])
