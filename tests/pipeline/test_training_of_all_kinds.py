"""Training of models that are built in unusual ways: nested, wrapped, with zeros meant, with own steps."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from compressor import cache, train_job, trained_sample
from compressor.errors import BadInput
from compressor.sample import SampleModel
from compressor.steps import TrainingSettings
from compressor.training import Place, Trainer, epochs, losses, mixed_precision, place, strategies
from compressor.training.options import TrainingOptions
from compressor.values import Dataset, Split

pytestmark = pytest.mark.tensorflow
SETTINGS = TrainingSettings(epochs=2, batch_size=8)


def data(count: int = 32, outputs: int = 2) -> Dataset:
    rng = np.random.default_rng(0)
    split = Split({"x": rng.normal(size=(count, 6)).astype(np.float32)}, rng.integers(0, outputs, count))
    return Dataset("made", "made", split, split, split)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("activation", "tail", "logits"),
    [("softmax", "reshape", False), (None, "reshape", True), ("softmax", "nested", False), (None, "nested", True)],
)
def test_probabilities_stay_probabilities_through_a_change_of_shape(
    activation: str | None, tail: str, logits: bool
) -> None:
    import tf_keras
    from tf_keras import layers

    image = layers.Input((4, 4, 1))
    x = layers.Conv2D(3, 1, activation=activation)(image)
    if tail == "reshape":
        answers = layers.Permute((2, 1))(layers.Permute((2, 1))(layers.Reshape((16, 3))(x)))
    else:
        answers = tf_keras.Sequential([layers.Input((4, 4, 3)), layers.Reshape((16, 3))])(x)
    model = tf_keras.Model(image, answers)
    if tail == "nested":
        # Inside it is only a change of shape: what comes before is outside, and not looked at.
        inner = tf_keras.Sequential([layers.Input((4, 4, 1)), layers.Conv2D(3, 1, activation=activation)])
        model = tf_keras.Model(image, layers.Reshape((16, 3))(inner(image)))
    loss = losses.loss_object("sparse_categorical_crossentropy", model)
    assert loss.get_config()["from_logits"] is logits


def test_layers_inside_of_others_compute_in_half_precision_too() -> None:
    import tf_keras
    from tf_keras import layers

    values = layers.Input((6,))
    inner = tf_keras.Sequential([layers.Input((6,)), layers.Dense(8, name="deep"), layers.Dense(6)], name="inner")
    series = layers.Reshape((3, 2))(inner(values))
    both = layers.Bidirectional(layers.LSTM(3, name="lstm"))(layers.TimeDistributed(layers.Dense(2))(series))
    model = tf_keras.Model(values, layers.Dense(2)(both))
    copy = mixed_precision.copied(model, "bfloat16")
    assert copy.get_layer("inner").get_layer("deep").compute_dtype == "bfloat16"
    wrapped = {type(layer).__name__: layer for layer in copy.layers}
    assert wrapped["Bidirectional"].forward_layer.compute_dtype == "bfloat16"
    assert wrapped["Bidirectional"].backward_layer.compute_dtype == "bfloat16"
    assert wrapped["TimeDistributed"].layer.compute_dtype == "bfloat16"
    assert copy.layers[-1].compute_dtype == "float32"
    for ours, theirs in zip(copy.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    sample = np.ones((1, 6), np.float32)
    assert np.allclose(copy(sample), model(sample), atol=0.05)


def test_zeros_that_a_layer_begins_with_learn_and_those_of_pruning_stay() -> None:
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential(
        [
            layers.Input((6,)),
            layers.Reshape((3, 2)),
            layers.SimpleRNN(5, recurrent_initializer="identity"),
            layers.Dense(8),
            layers.Dense(2, activation="softmax"),
        ]
    )
    pruned = model.layers[2].get_weights()
    pruned[0][:3] = 0
    model.layers[2].set_weights(pruned)
    facts = Trainer(data()).fit(model, SETTINGS, "train")
    assert np.count_nonzero(model.layers[1].get_weights()[1]) == 25
    assert not model.layers[2].get_weights()[0][:3].any()
    assert facts["notes"] == ["24 weights that were zero in sparse kernels stayed zero"]
    embedding = tf_keras.Sequential([layers.Input((6,)), layers.Embedding(4, 3)])
    for values, kept in (
        ([[0, 0, 0], [1, 2, 3], [4, 5, 6], [7, 8, 9]], 0),
        ([[0, 0, 3], [1, 0, 0], [4, 0, 6], [7, 8, 0]], 6),
    ):
        embedding.layers[0].set_weights([np.array(values)])
        assert epochs.keeping_zeros(embedding).zeros == kept


def test_a_training_step_that_tells_no_loss_is_bad_input() -> None:
    import tf_keras
    from tf_keras import layers

    class Silent(tf_keras.Model):  # type: ignore[misc]
        def train_step(self, batch: Any) -> dict[str, Any]:
            return {"g_loss": 1.0, "d_loss": 2.0}

    values = layers.Input((6,))
    model = Silent(values, layers.Dense(2)(values))
    with pytest.raises(BadInput, match="does not say its loss") as raised:
        Trainer(data()).fit(model, SETTINGS, "train")
    assert "received: g_loss, d_loss" in str(raised.value)


def test_a_batch_that_replicas_cannot_share_is_told() -> None:
    class TwoReplicas(Place):
        replicas = 2

    trainer = Trainer(data(), place=TwoReplicas(options=TrainingOptions(batch_size=9)))
    checkpoints = SimpleNamespace(missing=None)
    assert list(trainer._notes(checkpoints, 8, SETTINGS)) == [
        "batches are of 8 samples, not 9: 2 replicas share them evenly"
    ]
    assert list(Trainer(data())._notes(checkpoints, 8, SETTINGS)) == []


@pytest.mark.parametrize("damage", ["weights", "facts", "list"])
def test_damaged_weights_in_the_cache_are_trained_anew(damage: str) -> None:
    import tf_keras
    from tf_keras import layers

    def network() -> Any:
        tf_keras.backend.clear_session()
        tf_keras.utils.set_random_seed(0)
        return tf_keras.Sequential([layers.Input((6,)), layers.Dense(2, "softmax")], name="net")

    sample = SampleModel("a sample", network, data, "sparse_categorical_crossentropy", 2, "nothing")

    def trained() -> tuple[dict[str, Any], Any]:
        model = network()
        return trained_sample.trained(model, sample, SETTINGS, Trainer(data())), model

    first, _ = trained()
    again, model = trained()
    assert (first["cached"], again["cached"]) == (False, True)
    (weights,), (facts,) = (list(cache.folder("trained").glob(f"*.{kind}")) for kind in ("h5", "json"))
    if damage == "weights":
        # A value of a weight, which HDF5 does not check.
        content, value = bytearray(weights.read_bytes()), model.get_weights()[0].tobytes()[:8]
        content[content.index(value)] ^= 16
        weights.write_bytes(content)
    else:
        facts.write_text('{"epochs": 2}' if damage == "facts" else "[1]")
    once_more, same = trained()
    assert once_more["cached"] is False
    assert all(map(np.array_equal, model.get_weights(), same.get_weights()))


def test_a_trained_sample_of_several_networks_leaves_each_of_them(tmp_path: Path) -> None:
    from compressor import model_files
    from sample_models import digit_gan

    found = SimpleNamespace(loaded=SimpleNamespace(model=digit_gan.MODEL.build(), keras_3=None))
    asked = SimpleNamespace(sample="sample_models.digit_gan")
    files, warnings = train_job._left(found, asked, tmp_path)
    names = [f"{name}.{kind}" for name in digit_gan.MODEL.parts for kind in ("h5", "keras")]
    assert (files, warnings) == (names, [])
    for name in files:
        assert model_files.load(tmp_path / name).model is not None


def test_a_worker_whose_port_is_taken_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    def refused() -> None:
        raise tf.errors.UnknownError(None, None, "Could not start gRPC server")

    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", refused)
    monkeypatch.setenv(
        "TF_CONFIG", '{"cluster": {"worker": ["localhost:1", "localhost:2"]}, "task": {"type": "worker", "index": 1}}'
    )
    with pytest.raises(BadInput, match="worker 1 cannot join the others at localhost:2") as raised:
        strategies.made("multiworker")
    assert "Could not start gRPC server" in str(raised.value)


def test_one_gpu_trains_unless_a_strategy_takes_several(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    cards = [SimpleNamespace(name=f"/physical_device:GPU:{number}") for number in range(2)]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: cards if kind == "GPU" else [])
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda *_: None)
    for options, names in (
        (TrainingOptions(), ("GPU:0",)),
        (TrainingOptions(device="gpu:1"), ("GPU:1",)),
        (TrainingOptions(strategy="mirrored"), ("GPU:0", "GPU:1")),
    ):
        assert place._devices(place._visible_gpus(options), options) == names
