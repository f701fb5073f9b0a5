"""Checkpoints, batch sizes and early stopping, as far as they need no TensorFlow."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.errors import BadInput
from compressor.steps import TrainingSettings
from compressor.training import Place, Trainer, batch_size, batches, losses
from compressor.training.checkpoint import Checkpoints, State
from compressor.training.epochs import stops_after
from compressor.training.options import TrainingOptions
from compressor.values import Dataset, Split


def state(epoch: int) -> State:
    weights = [np.full((2, 3), epoch, np.float32), np.array(epoch, np.int64)]
    return State(epoch, 32, {"loss": [1 / (n + 1) for n in range(epoch)]}, weights, weights[:1], 1)


def test_the_last_two_epochs_are_kept_and_come_back_as_they_were(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "one")
    for epoch in range(1, 12):
        checkpoints.write(state(epoch))
    states = checkpoints.states()
    assert set(states) == {11, 10}
    found, wanted = states[10], state(10)
    assert (found.epoch, found.batch_size, found.history, found.best_epoch) == (10, 32, wanted.history, 1)
    for ours, theirs in zip([*found.weights, *found.best], [*wanted.weights, *wanted.best], strict=True):
        assert np.array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype
    checkpoints.remove()
    assert not (tmp_path / "one").exists()


def test_trainings_that_never_went_on_are_forgotten_after_a_month(tmp_path: Path) -> None:
    for name in ("old", "new"):
        Checkpoints(tmp_path / name).write(state(1))
    month_ago = time.time() - 31 * 24 * 3600
    os.utime(tmp_path / "old", (month_ago, month_ago))
    Checkpoints(tmp_path / "other").write(state(1))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "other"]


def test_what_a_killed_process_left_half_written_goes_too(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "one")
    checkpoints.write(state(1))
    (tmp_path / "one" / ".epoch_000002-qa9z1gcp.npz").write_bytes(b"half")
    assert set(checkpoints.states()) == {1}
    checkpoints.remove()
    assert not (tmp_path / "one").exists()


def few(count: int) -> Dataset:
    split = Split({"x": np.zeros((count, 2), np.float32)}, np.zeros(count))
    return Dataset("few", "few", split, split, split)


def test_too_few_samples_to_hold_one_out_are_told() -> None:
    trainer = Trainer(few(1), place=Place(options=TrainingOptions(early_stopping=1)))
    with pytest.raises(BadInput, match="early stopping holds out a tenth") as raised:
        trainer.steps(None, TrainingSettings())
    assert "received: 1 to train on" in str(raised.value)


class TwoReplicas(Place):
    """A place that pretends."""

    replicas = 2


def test_fewer_samples_than_replicas_are_told() -> None:
    with pytest.raises(BadInput, match="1 samples to train on cannot be shared by 2 replicas"):
        Trainer(few(1), place=TwoReplicas()).steps(None, TrainingSettings())
    assert Trainer(few(5), place=TwoReplicas()).steps(None, TrainingSettings(epochs=3, batch_size=4)) == 3


@pytest.mark.parametrize(
    ("name", "loss"),
    [("huber", "huber"), ("mae", "mae"), ("categorical_crossentropy", None), ("my_loss", None), (None, None)],
)
def test_a_files_loss_is_taken_where_it_does_not_hang_on_the_labels(name: str | None, loss: str | None) -> None:
    assert losses.of_file(name) == loss


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"\x93NUMPY"])
def test_a_damaged_checkpoint_is_as_good_as_none(content: bytes, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.write(state(1))
    (tmp_path / "epoch_000001.npz").write_bytes(content)
    (tmp_path / "epoch_x.npz").write_bytes(content)
    assert checkpoints.states() == {}
    assert [path.name for path in tmp_path.iterdir()] == ["epoch_x.npz"]


def test_a_damaged_latest_one_leaves_the_one_before_it_and_is_written_anew(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for epoch in (4, 5):
        checkpoints.write(state(epoch))
    latest = tmp_path / "epoch_000005.npz"
    latest.write_bytes(latest.read_bytes()[:300])
    assert set(checkpoints.states()) == {4}
    checkpoints.write(state(5))
    assert set(checkpoints.states()) == {4, 5}


@given(data=st.data())
def test_one_flipped_bit_is_noticed_or_without_effect(data: st.DataObject, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("flipped")
    checkpoints = Checkpoints(folder)
    checkpoints.write(state(3))
    content = bytearray((folder / "epoch_000003.npz").read_bytes())
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    (folder / "epoch_000003.npz").write_bytes(content)
    for found in checkpoints.states().values():
        assert (found.epoch, found.history) == (3, state(3).history)
        for ours, theirs in zip([*found.weights, *found.best], [*state(3).weights, *state(3).best], strict=True):
            assert np.array_equal(ours, theirs)


def test_a_full_disk_ends_the_checkpoints_and_not_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.write(state(1))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    checkpoints.write(state(2))
    assert checkpoints.missing == "No space left on device"
    assert set(checkpoints.states()) == {1}


def test_a_checkpoint_that_holds_objects_is_not_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "epoch_000001.npz", facts=np.array([{}], object))
    assert Checkpoints(tmp_path).states() == {}


def test_without_a_folder_nothing_is_kept() -> None:
    checkpoints = Checkpoints(None)
    checkpoints.write(state(1))
    assert checkpoints.states() == {}
    checkpoints.remove()


@given(fitting=st.integers(1, 3000), start=st.integers(1, 512), most=st.integers(1, 2000), replicas=st.integers(1, 4))
def test_the_largest_batch_is_one_that_fits_and_twice_it_would_not(
    fitting: int, start: int, most: int, replicas: int
) -> None:
    tried: list[int] = []

    def fits(size: int) -> bool:
        tried.append(size)
        return size <= fitting

    if fitting < replicas:
        with pytest.raises(BadInput, match="not even a batch"):
            batch_size.largest(fits, start, most, replicas)
        return
    size = batch_size.largest(fits, start, most, replicas)
    assert size <= fitting
    assert size % replicas == 0
    assert size <= max(most, replicas)
    assert batch_size.rounded(2 * size, replicas) > min(fitting, most)
    assert len(tried) == len(set(tried)) <= 13


@pytest.mark.parametrize(
    ("losses", "patience", "stops"),
    [
        ([], 1, False),
        ([1.0], 1, False),
        ([1.0, 0.9], 1, False),
        ([1.0, 1.0], 1, True),
        ([0.5, 0.6, 0.4], 2, False),
        ([0.5, 0.6, 0.5], 2, True),
        ([0.5, 0.4, 0.6], 2, False),
    ],
)
def test_training_stops_once_the_held_out_loss_falls_no_more(losses: list[float], patience: int, stops: bool) -> None:
    assert stops_after(losses, patience) is stops


def test_a_tenth_is_held_out_and_no_sample_is_lost() -> None:
    whole = Split({"x": np.arange(57)}, np.arange(57))
    train, held_out = batches.with_held_out(whole, seed=3)
    assert (train.count, held_out.count) == (52, 5)
    assert sorted([*train.inputs["x"], *held_out.inputs["x"]]) == list(range(57))
    assert np.array_equal(train.inputs["x"], train.labels)
    assert list(train.inputs["x"]) == sorted(train.inputs["x"])


@pytest.mark.parametrize(
    ("count", "size", "replicas", "steps"), [(10, 4, 1, 3), (10, 4, 2, 3), (9, 4, 2, 2), (1, 4, 1, 1)]
)
def test_optimizer_steps_of_an_epoch(count: int, size: int, replicas: int, steps: int) -> None:
    assert batches.per_epoch(count, size, replicas) == steps
