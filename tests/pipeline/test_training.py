"""`compressor train` from the command line, and what its options do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import compressor
from compressor import run_folder
from compressor.errors import BadInput
from compressor.steps import TrainingSettings
from compressor.training import Place, Trainer, set_up
from compressor.training.options import TrainingOptions
from compressor.values import Dataset, Split

pytestmark = pytest.mark.tensorflow
ROOT = Path(__file__).resolve().parents[2]
SETTINGS = TrainingSettings(epochs=4, learning_rate=1e-2, batch_size=32)


def weights(path: Path) -> list[Any]:
    from compressor import model_files

    return model_files.load(path).model.get_weights()


def test_a_sample_is_trained_and_left_as_keras_files_that_run_takes(command, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path / "cache"))
    done = command(
        "train", "digits_cnn", "--epochs", "6", "--batch-size", "64", "--tensorboard", "--out", tmp_path / "t"
    )
    assert done.returncode == 0, done.stderr
    assert "loss █" in done.stdout
    held = {path.name for path in (tmp_path / "t").iterdir()}
    assert held == {"model.h5", "model.keras", "data.npz", "training.json", "loss.svg", "run.json", "log.txt"} | {
        "tensorboard"
    }
    record = json.loads((tmp_path / "t" / "training.json").read_text())
    losses = record["training"]["history"]["loss"]
    assert len(losses) == 6
    assert losses[-1] < 0.5 * losses[0]
    assert record["metric"]["name"] == "accuracy"
    assert record["metric"]["value"] > 0.8
    assert record["training"]["batch_size"] == 64
    assert _scalars(tmp_path / "t" / "tensorboard" / "train")["epoch_loss"] == pytest.approx(losses, abs=1e-5)

    again = command("train", "digits_cnn", "--epochs", "6", "--batch-size", "64", "--out", tmp_path / "u", "--json")
    assert json.loads(again.stdout)["training"]["cached"] is True
    pairs = zip(weights(tmp_path / "u" / "model.h5"), weights(tmp_path / "t" / "model.h5"), strict=True)
    assert all(np.array_equal(ours, theirs) for ours, theirs in pairs)
    report = compressor.run(tmp_path / "t" / "model.h5", "int8", data="digits_cnn", out=tmp_path / "r")
    assert report.model.metric is not None
    assert report.model.metric.value == pytest.approx(record["metric"]["value"])


def _scalars(folder: Path) -> dict[str, list[float]]:
    """The scalars of an event file, read as TensorFlow's own records."""
    import tensorflow as tf

    found: dict[str, list[float]] = {}
    (file,) = folder.iterdir()
    for raw in tf.data.TFRecordDataset(str(file)):
        for value in tf.compat.v1.Event.FromString(raw.numpy()).summary.value:
            assert value.metadata.plugin_data.plugin_name in ("scalars", "")
            found.setdefault(value.tag, []).append(float(tf.make_ndarray(value.tensor)))
    return found


def test_killed_from_outside_and_started_again_it_ends_with_the_same_weights(tmp_path, monkeypatch) -> None:
    words = [sys.executable, "-m", "compressor", "train", "digits_cnn", "--epochs", "40", "--out"]
    environment = os.environ | {"COMPRESSOR_CACHE": str(tmp_path / "killed"), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([*words, str(tmp_path / "a")], env=environment, start_new_session=True, cwd=tmp_path)
    until = time.monotonic() + 120
    while not list((tmp_path / "killed").rglob("epoch_00000[2-9].npz")):
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < until
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "a" / run_folder.REPORT).exists()

    _wait_for_the_worker(tmp_path)
    resumed = subprocess.run([*words, str(tmp_path / "a")], env=environment, check=True, cwd=tmp_path)
    assert resumed.returncode == 0
    environment["COMPRESSOR_CACHE"] = str(tmp_path / "whole")
    subprocess.run([*words, str(tmp_path / "b")], env=environment, check=True, cwd=tmp_path)
    records = [json.loads((tmp_path / name / "training.json").read_text())["training"] for name in "ab"]
    assert records[0]["resumed_after_epoch"] >= 2
    assert "resumed_after_epoch" not in records[1]
    assert records[0]["history"] == records[1]["history"]
    pairs = zip(weights(tmp_path / "a" / "model.h5"), weights(tmp_path / "b" / "model.h5"), strict=True)
    assert all(np.array_equal(ours, theirs) for ours, theirs in pairs)


def _wait_for_the_worker(tmp_path: Path) -> None:
    """The worker notices that its parent is gone, and ends: until then it writes on."""
    checkpoints = tmp_path / "killed"
    before: list[Path] = []
    while (now := sorted(checkpoints.rglob("*.npz"))) != before:
        before = now
        time.sleep(0.5)


def data() -> Dataset:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 8, 8, 1)).astype(np.float32)
    y = (x[:, 2:5].mean(axis=(1, 2, 3)) > 0).astype(np.int64)
    return Dataset("made", "made", Split({"x": x[:32]}), Split({"x": x[:32]}, y[:32]), Split({"x": x}, y))


def network() -> Any:
    import tf_keras
    from tf_keras import layers

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    return tf_keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(8, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(2),
            layers.Softmax(),
        ]
    )


def fitted(place: Place) -> tuple[Any, dict[str, Any]]:
    model = network()
    return model, Trainer(data(), None, 0, place).fit(model, SETTINGS, "train")


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The loss curve of training without any option."""
    monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path))
    return list(fitted(set_up())[1]["history"]["loss"])


def test_half_precision_trains_float32_weights_along_the_same_curve(plain: list[float]) -> None:
    set_up()
    model, facts = fitted(Place(number_format="bfloat16"))
    assert facts["number_format"] == "bfloat16"
    assert {weight.dtype.name for weight in model.weights} == {"float32"}
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert facts["history"]["loss"] == pytest.approx(plain, rel=0.05)
    assert facts["history"]["loss"] != plain


@pytest.mark.parametrize("option", ["eager", "xla"])
def test_eager_and_xla_train_along_the_same_curve(option: str, plain: list[float]) -> None:
    place = Place(options=TrainingOptions(**{option: True}))
    assert fitted(place)[1]["history"]["loss"] == pytest.approx(plain, rel=1e-3)


def test_the_batch_grows_until_memory_is_exhausted(plain: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf
    import tf_keras

    fit = tf_keras.Model.fit
    tried: list[int] = []

    def fit_in_little_memory(self: Any, batches: Any, **rest: Any) -> Any:
        size = len(next(iter(batches))[0])
        tried.append(size)
        if size > 20:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        return fit(self, batches, **rest)

    monkeypatch.setattr(tf_keras.Model, "fit", fit_in_little_memory)
    place = Place(options=TrainingOptions(batch_size="auto"))
    model = network()
    settings = SETTINGS.model_copy(update={"batch_size": 4})
    facts = Trainer(data(), None, 0, place).fit(model, settings, "train")
    assert facts["batch_size"] == 16
    monkeypatch.setattr(tf_keras.Model, "fit", fit)
    said = Trainer(data(), None, 0).fit(network(), SETTINGS.model_copy(update={"batch_size": 16}), "train")
    assert facts["history"] == said["history"]
    monkeypatch.setattr(tf_keras.Model, "fit", fit_in_little_memory)
    # 64 would leave fewer than eight steps an epoch; the last is the training itself.
    assert tried == [4, 8, 16, 16]
    with pytest.raises(BadInput, match="ran out of memory") as raised:
        fitted(set_up())
    assert "--batch-size auto" in str(raised.value)


def test_early_stopping_goes_back_to_the_best_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path))
    place = set_up(TrainingOptions(early_stopping=2))
    rng = np.random.default_rng(0)
    # Labels by chance can be learned by heart, and nothing else: the held-out loss rises.
    chance = Split({"x": rng.normal(size=(100, 8, 8, 1)).astype(np.float32)}, rng.integers(0, 2, 100))
    model = network()
    trainer = Trainer(Dataset("made", "made", chance, chance, chance), None, 0, place)
    facts = trainer.fit(model, SETTINGS.model_copy(update={"epochs": 30}), "train")
    held_out = facts["history"]["val_loss"]
    assert facts["stopped_early"] is True
    assert facts["epochs"] == len(held_out) < 30
    assert facts["best_epoch"] == 1 + held_out.index(min(held_out)) == facts["epochs"] - 2
    loss = model.evaluate(*_held_out(trainer), verbose=0)[0]
    assert loss == pytest.approx(min(held_out), rel=1e-4)


def test_pruning_does_not_stop_before_it_has_pruned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from compressor import steps
    from compressor.steps import Workpiece

    monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path))
    place = set_up(TrainingOptions(early_stopping=1))
    rng = np.random.default_rng(0)
    chance = Split({"x": rng.normal(size=(100, 8, 8, 1)).astype(np.float32)}, rng.integers(0, 2, 100))
    prune = steps.load("prune")
    settings = prune.settings(sparsity=0.8, epochs=6, learning_rate=1e-2, batch_size=32)
    trainer = Trainer(Dataset("made", "made", chance, chance, chance), None, 0, place)
    facts = prune.apply(Workpiece(network()), settings, trainer).facts[-1]
    assert facts["epochs"] == 6
    assert min(facts["sparsity"].values()) > 0.75


def test_few_samples_are_gone_through_more_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from compressor import steps
    from compressor.steps import Workpiece

    monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path))
    prune = steps.load("prune")
    # Two hundred samples in batches of 32 are seven steps.
    for least, epochs in ((0, 4), (28, 4), (29, 5), (70, 10)):
        settings = prune.settings(sparsity=0.8, epochs=4, batch_size=32, least_steps=least)
        trainer = Trainer(data(), None, 0)
        assert trainer.steps(network(), settings) == 7 * epochs
        facts = prune.apply(Workpiece(network()), settings, trainer).facts[-1]
        assert facts["epochs"] == len(facts["history"]["loss"]) == epochs
        assert min(facts["sparsity"].values()) > 0.75
    assert "10 epochs instead of 4: at least 70 optimizer steps" in facts["notes"]


def test_dropout_stays_off_where_a_step_says_so_and_is_back_after(tmp_path: Path, monkeypatch) -> None:
    import tf_keras
    from tf_keras import layers

    monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path))

    def trained(rate: float, **settings: float) -> tuple[Any, list[float]]:
        tf_keras.utils.set_random_seed(0)
        inner = tf_keras.Sequential([layers.Input((8, 8, 1)), layers.Dropout(rate), layers.Flatten()])
        first = layers.Input((8, 8, 1))
        model = tf_keras.Sequential(
            [first, inner, layers.Dense(16, "relu"), layers.Dropout(rate), layers.Dense(2, "softmax")]
        )
        facts = Trainer(data(), None, 0).fit(model, SETTINGS.model_copy(update=settings), "train")
        return model, facts["history"]["loss"]

    model, without = trained(0.5, dropout=0)
    assert [model.layers[0].layers[0].rate, model.layers[2].rate] == [0.5, 0.5]
    assert without == pytest.approx(trained(0.0)[1], rel=1e-5)
    assert min(trained(0.5)[1]) > 1.1 * min(without)


def _held_out(trainer: Trainer) -> tuple[Any, Any]:
    from compressor.training import batches

    split = batches.with_held_out(trainer.train, 0)[1]
    return split.inputs["x"], split.labels


def test_a_model_file_is_trained_on(tmp_path: Path) -> None:
    trained = compressor.train("digits_cnn", epochs=1, out=tmp_path / "one")
    on = compressor.train(trained.folder / "model.keras", data="digits_cnn", epochs=2, out=tmp_path / "two")
    metric = on.record["metric"]
    assert metric["before"] == pytest.approx(trained.record["metric"]["value"])
    assert metric["value"] > metric["before"]
    ours, before = weights(tmp_path / "two" / "model.h5"), weights(tmp_path / "one" / "model.h5")
    assert any(not np.array_equal(new, old) for new, old in zip(ours, before, strict=True))


def test_a_model_in_memory_is_trained_on_and_stays_as_it_was(tmp_path: Path) -> None:
    model = network()
    before = model.get_weights()
    split = data().train
    arrays = {"x": split.inputs["x"], "y": split.labels}
    trained = compressor.train(model, data=arrays, epochs=3, learning_rate=1e-2, out=tmp_path / "out")
    losses = trained.record["training"]["history"]["loss"]
    assert losses[-1] < losses[0]
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(before, model.get_weights(), strict=True))


def test_how_training_drew_random_numbers_stays_out_of_the_files(tmp_path: Path) -> None:
    import h5py
    from tf_keras import Sequential, layers

    model = Sequential(
        [layers.Input((8, 8, 1)), layers.Flatten(), layers.Dropout(0.2), layers.Dense(2, activation="softmax")]
    )
    split = data().train
    trained = compressor.train(model, data={"x": split.inputs["x"], "y": split.labels}, out=tmp_path / "out")
    assert (trained.folder / "model.keras").exists()
    assert trained.record["warnings"] == []
    with h5py.File(trained.folder / "model.h5") as file:
        assert "rng_type" not in str(file.attrs["model_config"])


def test_an_id_that_the_embedding_lacks_is_bad_input(tmp_path: Path) -> None:
    from tf_keras import Sequential, layers

    words = layers.Input((4,), dtype="int32")
    model = Sequential([words, layers.Embedding(50, 3), layers.Flatten(), layers.Dense(1)])
    ids = np.arange(400, dtype=np.int32).reshape(100, 4) % 60
    with pytest.raises(BadInput, match=r"holds the id 5\d, which an embedding of the model does not have"):
        compressor.train(model, data={"x": ids, "y": ids[:, 0].astype(np.float32)}, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_loss_that_is_no_number_ends_training_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from compressor.training.epochs import checkpointing

    monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path))
    set_up()
    wild = replace(data(), train=Split({"x": np.full((64, 8, 8, 1), 1e38, np.float32)}, np.zeros(64, np.int64)))
    seen: list[int] = []

    def counted(checkpoints: Any, state: Any, patience: Any) -> Any:
        made = checkpointing(checkpoints, state, patience)
        end = made.on_epoch_end
        made.on_epoch_end = lambda epoch, logs=None: (seen.append(epoch), end(epoch, logs))
        return made

    monkeypatch.setattr("compressor.training.epochs.checkpointing", counted)
    with pytest.raises(BadInput, match="diverged"):
        Trainer(wild, None, 0).fit(network(), SETTINGS.model_copy(update={"epochs": 9}), "train")
    assert seen == [0]


def test_devices_that_are_not_here_are_missing_tools(command) -> None:
    gpu = command("train", "digits_cnn", "--device", "gpu:7")
    assert gpu.returncode == 3
    assert "device gpu:7 is not here" in gpu.stderr
    tpu = command("run", "digits_cnn", "--strategy", "tpu", "--device", "cpu")
    assert tpu.returncode == 3
    assert "no TPU was found" in tpu.stderr
    mirrored = command("train", "digits_cnn", "--strategy", "mirrored", "--device", "cpu")
    assert mirrored.returncode == 2
    assert "--replicas" in mirrored.stderr


def test_a_run_trains_as_it_is_asked_to(command, tmp_path: Path, digits_npz: Path) -> None:
    done = command(
        *("run", "digits_cnn", "--recipe", "prune50_int8", "--data", digits_npz, "--strategy", "mirrored"),
        *("--replicas", "2", "--device", "cpu", "--batch-size", "48", "--out", tmp_path / "run", "--json"),
    )
    report = json.loads(done.stdout)
    for facts in (report["model"]["trained"], report["recipe"]["steps_done"][0]):
        assert facts["replicas"] == 2
        assert facts["batch_size"] == 48
    assert all(abs(share - 0.5) < 0.01 for share in report["recipe"]["steps_done"][0]["sparsity"].values())
    assert report["model"]["metric"]["value"] > 0.95
