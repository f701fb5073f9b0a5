"""Token ids saved as float inputs become whole numbers, and so survive int8."""

from __future__ import annotations

import numpy as np
import pytest

import compressor
from compressor import model_files

pytestmark = pytest.mark.tensorflow
WORDS = 1000


def _text_model():
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    wide = tf_keras.initializers.RandomNormal(stddev=1.0, seed=0)
    return tf_keras.Sequential(
        [
            layers.Input((12,), name="words"),
            layers.Embedding(WORDS, 16, embeddings_initializer=wide),
            layers.GlobalAveragePooling1D(),
            layers.Dense(4, activation="softmax", kernel_initializer=wide),
        ]
    )


def _mixed_model():
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    words, numbers = tf_keras.Input((5,), name="words"), tf_keras.Input((3,), name="numbers")
    known = layers.Flatten()(layers.Embedding(WORDS, 4)(words))
    return tf_keras.Model([words, numbers], layers.Dense(2)(layers.Concatenate()([known, numbers])))


@pytest.mark.parametrize(("build", "dtypes"), [(_text_model, ["int32"]), (_mixed_model, ["int32", "float32"])])
def test_only_inputs_that_name_rows_change_and_answers_stay(build, dtypes, tmp_path):
    model = build()
    model.save(tmp_path / "model.h5", include_optimizer=False, save_format="h5")
    loaded = model_files.load(tmp_path / "model.h5").model
    assert [tensor.dtype.name for tensor in loaded.inputs] == dtypes
    assert loaded.input_names == model.input_names
    random = np.random.default_rng(0)
    inputs = [random.integers(0, WORDS, (8, *tensor.shape[1:])) for tensor in model.inputs]
    given = inputs if len(inputs) > 1 else inputs[0]
    np.testing.assert_array_equal(loaded.predict(given, verbose=0), model.predict(given, verbose=0))


def test_int8_file_takes_the_ids_as_they_are(tmp_path):
    model = _text_model()
    model.save(tmp_path / "text.h5", include_optimizer=False, save_format="h5")
    x = np.random.default_rng(0).integers(0, WORDS, (300, 12)).astype(np.float32)
    y = model.predict(x, verbose=0).argmax(-1)
    arrays = {"x_calibration": x[:100], "y_calibration": y[:100], "x_evaluation": x[100:], "y_evaluation": y[100:]}
    np.savez(tmp_path / "data.npz", **arrays)
    limits = compressor.Limits(max_accuracy_drop=100.0)
    report = compressor.run(
        tmp_path / "text.h5", "int8", data=tmp_path / "data.npz", out=tmp_path / "out", limits=limits
    )
    # As floats the ids would fall into 256 levels: about every fourth answer would be another one.
    assert all(row.agreement >= 0.9 for row in report.rows)
