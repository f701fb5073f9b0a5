"""MLPerf Tiny's keyword spotting network, a depthwise-separable CNN, on spoken digits.

Network: `keras_model.py` of keyword spotting in github.com/mlcommons/tiny (Apache-2.0), after Zhang et al., "Hello
Edge" (arXiv:1711.07128): there for 49×10 cepstra and 12 words, here for 61×40 log-mel energies and ten digits, with
steps of 4 bands instead of 2 in the first convolution.
Data: Free Spoken Digit Dataset (Jackson and contributors), CC BY-SA 4.0, log-mel features of six speakers; the last
300 are the repository's own test split. Read from the folder that COMPRESSOR_DATA names; nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressor.sample import SampleModel
from sample_models import _spoken_digits

if TYPE_CHECKING:
    import tf_keras

_FILTERS, _BLOCKS = 64, 4


def build() -> tf_keras.Model:
    """The untrained network: (61, 40, 1) → 10 probabilities, 24 778 parameters."""
    from tf_keras import Model, layers

    sound = layers.Input((61, 40, 1), name="sound")
    x = layers.Conv2D(_FILTERS, (10, 4), strides=(2, 4), padding="same", name="conv")(sound)
    x = layers.BatchNormalization(name="conv_norm")(x)
    x = layers.ReLU(name="conv_relu")(x)
    x = layers.Dropout(0.2, name="conv_dropout")(x)
    for block in range(1, _BLOCKS + 1):
        x = layers.DepthwiseConv2D(3, padding="same", name=f"depthwise_{block}")(x)
        x = layers.BatchNormalization(name=f"depthwise_{block}_norm")(x)
        x = layers.ReLU(name=f"depthwise_{block}_relu")(x)
        x = layers.Conv2D(_FILTERS, 1, name=f"pointwise_{block}")(x)
        x = layers.BatchNormalization(name=f"pointwise_{block}_norm")(x)
        x = layers.ReLU(name=f"pointwise_{block}_relu")(x)
    x = layers.Dropout(0.4, name="dropout")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return Model(sound, layers.Dense(10, activation="softmax", name="digit")(x), name="ds_cnn")


MODEL = SampleModel(
    summary="MLPerf Tiny's keyword spotting DS-CNN on spoken digits",
    build=build,
    dataset=_spoken_digits.dataset,
    loss="sparse_categorical_crossentropy",
    epochs=25,
    batch_size=32,
    learning_rate=3e-3,
    expects="at least 97 % of the 300 recordings of the test split",
)
