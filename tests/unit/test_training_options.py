"""What users may ask of training, and what is told when it cannot be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compressor.errors import BadInput
from compressor.training import options as training_options
from compressor.training import strategies
from compressor.training.options import TrainingOptions


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"device": "tpu"}, "no such device: tpu"),
        ({"device": "gpu:x"}, "no such device"),
        ({"strategy": "central"}, "no such strategy: central"),
        ({"batch_size": "many"}, "batch_size is 'many'"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": True}, "batch_size is True"),
        ({"memory_limit": -1}, "memory_limit is -1"),
        ({"early_stopping": 0}, "early_stopping is 0"),
        ({"eager": True, "xla": True}, "exclude one another"),
        ({"replicas": 2}, "replicas go with the strategy mirrored"),
        ({"device": "gpu:1", "strategy": "mirrored"}, "is one GPU"),
        ({"device": "cpu", "memory_limit": 100}, "of GPU memory"),
        ({"batchsize": 3}, "no training option is called 'batchsize'"),
    ],
)
def test_a_mistake_is_told(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        training_options.of(asked)


def test_what_is_given_is_taken() -> None:
    asked = {"device": "gpu:1", "batch_size": "auto", "early_stopping": 3, "xla": True}
    options = training_options.of(asked)
    assert {name: getattr(options, name) for name in asked} == asked
    assert training_options.of(options) is options
    assert training_options.of(None) == TrainingOptions()


def test_logs_and_memory_do_not_make_another_training() -> None:
    assert TrainingOptions(tensorboard=True, memory_limit=100).deciding == TrainingOptions().deciding
    assert TrainingOptions(batch_size=3).deciding != TrainingOptions().deciding
    # Memory decides how large the largest batch is that fits.
    small, large = (TrainingOptions(batch_size="auto", memory_limit=each) for each in (100, 200))
    assert small.deciding != large.deciding


def cluster(kind: str, index: Any, **jobs: list[str]) -> str:
    return json.dumps({"cluster": jobs, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize(
    ("config", "index"),
    [
        (cluster("worker", 0, worker=["a:1", "b:1"]), 0),
        (cluster("worker", 1, worker=["a:1", "b:1"]), 1),
        (cluster("chief", 0, chief=["a:1"], worker=["b:1"]), 0),
        (cluster("worker", 0, chief=["a:1"], worker=["b:1"]), 1),
        (cluster("worker", "1", worker=["a:1", "b:1"]), 1),
    ],
)
def test_a_worker_knows_its_number(config: str, index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", config)
    assert strategies.task_index() == index
    suffix = strategies.suffix_of_worker(TrainingOptions(strategy="multiworker"))
    assert suffix == (f"-worker{index}" if index else "")
    assert strategies.suffix_of_worker(TrainingOptions()) == ""


@pytest.mark.parametrize(
    "config",
    [
        None,
        "",
        "{",
        "[]",
        "3",
        "{}",
        cluster("worker", 2, worker=["a:1", "b:1"]),
        cluster("worker", -1, worker=["a:1"]),
        cluster("ps", 0, worker=["a:1"]),
        cluster("worker", "x", worker=["a:1"]),
        cluster("worker", 0, worker=["localhost"]),
        json.dumps({"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}),
        json.dumps({"cluster": {"worker": [1, 2]}, "task": {"type": "worker", "index": 0}}),
    ],
)
def test_a_cluster_that_is_not_told_is_bad_input(config: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(BadInput, match="TF_CONFIG"):
        strategies.task_index()
