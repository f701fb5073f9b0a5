"""Grouped convolutions: every format has them as operators, and training still has gradients."""

from __future__ import annotations

import numpy as np
import pytest

from compressor import onnx_graph
from compressor.networks import tensorflow_network
from compressor.values import Source

pytestmark = pytest.mark.tensorflow


def grouped():
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    return tf_keras.Sequential(
        [
            layers.Input((8, 8, 4), name="image"),
            layers.Conv2D(8, 3, groups=2, padding="same", activation="relu"),
            layers.Reshape((64, 8)),
            layers.Conv1D(12, 3, groups=4, padding="causal"),
            layers.Flatten(name="features"),
        ]
    )


def test_the_onnx_file_answers_the_same(tmp_path):
    import onnx
    import onnxruntime

    model = grouped()
    network = tensorflow_network.of_tf_keras(model)
    network.leave({"image": (8, 8, 4)}, tmp_path / "model")
    source = Source("grouped", tmp_path / "model", None, network.inputs, network.outputs)
    file = onnx_graph.convert(source, any_batch=True)
    onnx.checker.check_model(file)
    images = np.random.default_rng(0).normal(size=(3, 8, 8, 4)).astype(np.float32)
    (found,) = onnxruntime.InferenceSession(file.SerializeToString()).run(None, {"image": images})
    np.testing.assert_allclose(found, model.predict(images, verbose=0), rtol=1e-4, atol=1e-5)


def test_a_model_that_was_written_can_be_trained(tmp_path):
    model = grouped()
    tensorflow_network.of_tf_keras(model).leave({"image": (8, 8, 4)}, tmp_path / "model")
    images = np.random.default_rng(0).normal(size=(16, 8, 8, 4)).astype(np.float32)
    model.compile("adam", "mse")
    before = model.layers[0].get_weights()[0].copy()
    model.fit(images, np.zeros((16, 768), np.float32), verbose=0)
    assert np.abs(model.layers[0].get_weights()[0] - before).max() > 0
