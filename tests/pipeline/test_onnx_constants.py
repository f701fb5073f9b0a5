"""Numbers that layers hold outside their weights come along into ONNX."""

from __future__ import annotations

import numpy as np
import pytest

from compressor import onnx_graph
from compressor.networks import tensorflow_network
from compressor.values import Source

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("channels", [3, 200])
def test_normalization_is_no_input_of_the_file_and_answers_the_same(channels, tmp_path):
    import onnx
    import onnxruntime
    import tf_keras

    layers, random = tf_keras.layers, np.random.default_rng(0)
    mean, variance = random.normal(size=channels), random.uniform(0.5, 2, channels)
    model = tf_keras.Sequential(
        [
            layers.Input((4, 4, channels), name="image"),
            layers.Rescaling(1 / 255),
            layers.Normalization(mean=mean, variance=variance),
            layers.Conv2D(2, 3),
            layers.Flatten(name="features"),
        ]
    )
    network = tensorflow_network.of_tf_keras(model)
    network.leave({"image": (4, 4, channels)}, tmp_path / "model")
    source = Source("normalized", tmp_path / "model", None, network.inputs, network.outputs)
    file = onnx_graph.convert(source, any_batch=True)
    onnx.checker.check_model(file)
    assert [value.name for value in file.graph.input] == ["image"]
    images = random.uniform(0, 255, (3, 4, 4, channels)).astype(np.float32)
    (found,) = onnxruntime.InferenceSession(file.SerializeToString()).run(None, {"image": images})
    np.testing.assert_allclose(found, model.predict(images, verbose=0), rtol=1e-4, atol=1e-4)
