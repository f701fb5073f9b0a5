"""Files of Keras 2 with what old versions wrote, and with what layers keep of their making."""

from __future__ import annotations

import json

import numpy as np
import pytest

import compressor
from compressor import model_files
from compressor.limits import Limits
from compressor.values import Split

pytestmark = pytest.mark.tensorflow


def _rewritten(path, change):
    import h5py

    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        change(config["config"]["layers"])
        file.attrs["model_config"] = json.dumps(config)


def test_layers_of_tensorflow_1_are_read(tmp_path):
    import tf_keras

    layers = tf_keras.layers
    model = tf_keras.Sequential([layers.Input((6, 4)), layers.LSTM(5, name="lstm"), layers.BatchNormalization()])
    model.save(tmp_path / "old.h5")

    def change(entries):
        for entry in entries:
            entry["class_name"] = {"LSTM": "CuDNNLSTM", "BatchNormalization": "BatchNormalizationV1"}.get(
                entry["class_name"], entry["class_name"]
            )
            if entry["class_name"] == "CuDNNLSTM":
                kept = ("name", "trainable", "units", "return_sequences", "stateful")
                entry["config"] = {key: entry["config"][key] for key in kept}

    _rewritten(tmp_path / "old.h5", change)
    samples = np.random.default_rng(0).normal(size=(3, 6, 4)).astype(np.float32)
    found = model_files.load(tmp_path / "old.h5").model.predict(samples, verbose=0)
    np.testing.assert_allclose(found, model.predict(samples, verbose=0), rtol=1e-5, atol=1e-5)


def test_every_sample_begins_the_sequence_of_a_stateful_model(tmp_path):
    import tf_keras

    layers = tf_keras.layers
    model = tf_keras.Sequential([layers.LSTM(4, stateful=True, batch_input_shape=(1, 6, 3)), layers.Dense(2)])
    model.save(tmp_path / "stateful.h5")
    samples = np.random.default_rng(0).normal(size=(3, 6, 3)).astype(np.float32)
    network = model_files.load(tmp_path / "stateful.h5").network
    (found,) = network.answers(Split({network.inputs[0].name: samples})).values()
    for sample, answer in zip(samples, found, strict=True):
        model.reset_states()
        np.testing.assert_allclose(answer, model(sample[None]).numpy()[0], rtol=1e-5, atol=1e-5)


def test_regularized_adapted_model_with_gelu_takes_steps(tmp_path):
    import tf_keras

    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    x = random.normal(3, 2, (200, 4)).astype(np.float32)
    y = (x.sum(1) > 12).astype(np.int64)
    scaled = layers.Normalization()
    scaled.adapt(x)
    model = tf_keras.Sequential(
        [
            layers.Input((4,)),
            scaled,
            layers.Dense(32, activation="gelu", activity_regularizer="l2"),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=20, verbose=0)
    # Keras writes such a name, and cannot compile it.
    model._name = "two words"
    model.save(tmp_path / "model.h5")
    report = compressor.run(
        tmp_path / "model.h5",
        "prune50_int8",
        data={"x": x, "y": y},
        out=tmp_path / "out",
        limits=Limits(max_accuracy_drop=10),
    )
    assert report.exit_code == 0, [row.reason for row in report.rows] + report.verdict.violations
    assert report.model.metric.value > 0.9
    assert all(row.max_abs_error < 1e-4 for row in report.rows if row.stage == "float32")
    assert (tmp_path / "out" / "keras" / "compressed.keras").exists()
