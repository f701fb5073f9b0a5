"""tf_keras models made again in Keras 3: equal answers after a save and a load, or the sentence that says why not."""

from __future__ import annotations

import numpy as np
import pytest

from compressor.bridge import to_keras_3

pytestmark = pytest.mark.tensorflow


def _convolutional(tf_keras):
    layers = tf_keras.layers
    return tf_keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, kernel_regularizer="l2", activation="relu"),
            layers.BatchNormalization(),
            layers.SeparableConv2D(4, 3, padding="same"),
            layers.LeakyReLU(0.2),
            layers.PReLU(),
            layers.Conv2DTranspose(3, 3),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(3, activation="softmax"),
        ]
    )


def _recurrent(tf_keras):
    layers = tf_keras.layers
    return tf_keras.Sequential(
        [
            layers.Input((5,), dtype="int32"),
            layers.Embedding(10, 4, mask_zero=True),
            layers.Bidirectional(layers.LSTM(6, return_sequences=True)),
            layers.TimeDistributed(layers.Dense(4)),
            layers.GRU(3),
            layers.Dense(1),
        ]
    )


def _shared_nested_two_ended(tf_keras):
    layers = tf_keras.layers
    tower = tf_keras.Sequential([layers.Input((4,)), layers.Dense(5, activation="relu"), layers.Dense(4)])
    shared = layers.Dense(2, name="sha/red")
    left, right = layers.Input((4,), name="left"), layers.Input((4,), name="right")
    added = layers.Add()([tower(left), tower(right)])
    return tf_keras.Model([left, right], [shared(added), shared(layers.Multiply()([left, right]))])


def _arithmetic(tf_keras):
    x = tf_keras.layers.Input((4,))
    return tf_keras.Model(x, tf_keras.layers.Dense(2)(x * 2 + 1))


def _named_operands(tf_keras):
    import tensorflow as tf

    x, y = tf_keras.layers.Input((4,), name="in/put"), tf_keras.layers.Input((4,))
    return tf_keras.Model([x, y], tf_keras.layers.Dense(2)(tf.math.multiply(x, y=tf.math.add(x, y=y))), name="a/b")


def _adapted(tf_keras):
    scaled = tf_keras.layers.Normalization()
    scaled.adapt(np.random.default_rng(0).normal(3, 2, (50, 4)).astype(np.float32))
    return tf_keras.Sequential([tf_keras.layers.Input((4,)), scaled, tf_keras.layers.Dense(2)])


def _mobile_net(tf_keras):
    return tf_keras.applications.MobileNetV3Small(weights=None, input_shape=(32, 32, 3), classes=5)


MODELS = [_convolutional, _recurrent, _shared_nested_two_ended, _arithmetic, _named_operands, _adapted, _mobile_net]


@pytest.mark.parametrize("build", MODELS)
def test_file_for_keras_3_answers_the_same(build, tmp_path):
    import keras
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    model = build(tf_keras)
    random = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(np.abs(random.normal(size=weight.shape, scale=0.2)) if "variance" in weight.name else weight)
    assert to_keras_3.save(model, None, tmp_path / "model.keras") == ()
    again = keras.models.load_model(tmp_path / "model.keras")
    inputs = [
        random.integers(0, 10, (3, *tensor.shape[1:])).astype(tensor.dtype.name)
        if tensor.dtype.is_integer
        else random.normal(size=(3, *tensor.shape[1:])).astype(np.float32)
        for tensor in model.inputs
    ]
    given = inputs if len(inputs) > 1 else inputs[0]
    wanted, found = model.predict(given, verbose=0), again.predict(given, verbose=0)
    for ours, theirs in zip(keras.tree.flatten(found), keras.tree.flatten(wanted), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_what_keras_3_lacks_is_told_and_no_file_is_left(tmp_path):
    import tensorflow as tf
    import tf_keras

    x = tf_keras.layers.Input((4,))
    model = tf_keras.Model(x, tf_keras.layers.Dense(2)(tf.math.cumsum(x, axis=1)))
    (told,) = to_keras_3.save(model, None, tmp_path / "model.keras")
    assert told.startswith("model.keras was not written: Keras 3 has no layer like")
    assert list(tmp_path.iterdir()) == []
