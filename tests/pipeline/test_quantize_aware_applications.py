"""Well-known networks that TFMOT refuses, trained with int8 simulated and written: `make matrix`."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_int8 import made

pytestmark = [pytest.mark.tensorflow, pytest.mark.matrix]


@pytest.mark.parametrize("name", ["DenseNet121", "EfficientNetB0", "MobileNetV3Small", "ResNet50V2"])
def test_application_is_written_as_its_training_simulated_it(name, tmp_path):
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    model = getattr(tf_keras.applications, name)(weights=None, input_shape=(32, 32, 3), classes=3)
    samples = np.random.default_rng(0).uniform(0, 255, (64, 32, 32, 3)).astype(np.float32)
    found = made(model, tmp_path, samples, learning_rate=1e-4)
    assert found.result.facts[0]["stays_float"] == {}
    assert found.float_operators == []
    simulated, written = found.simulated_answers(), found.answers()
    # Of a hundred layers' roundings some fall the other way, where sums are made in another order.
    assert np.abs(simulated - written).max() <= 0.1
    assert (simulated.argmax(-1) == written.argmax(-1)).mean() >= 0.9
