"""MobileNet v2 of Keras's applications with random weights: for size, speed and operators, not for accuracy.

Network: `tf_keras.applications.MobileNetV2`, 224×224×3 → 1 000 classes, after Sandler et al. (arXiv:1801.04381). Its
weights stay random but for one short epoch; normalization statistics are those of one batch.
Data: crops of the photographs that scikit-learn carries (china.jpg by danielbuechele, flower.jpg by vultilion; CC BY
2.0), without labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from compressor.sample import SampleModel
from compressor.values import Dataset, Split
from sample_models import _digits_on_photographs

if TYPE_CHECKING:
    import tf_keras

_SIZE, _TRAIN, _CALIBRATION, _EVALUATION = 224, 32, 32, 32


def build() -> tf_keras.Model:
    """The untrained network: (224, 224, 3), -1..1 → 1 000 probabilities, 3 538 984 parameters."""
    from tf_keras.applications import MobileNetV2

    model = MobileNetV2(input_shape=(_SIZE, _SIZE, 3), weights=None, classes=1000)
    _settle_statistics(model)
    return model


def _settle_statistics(model: tf_keras.Model) -> None:
    """Set those of every BatchNormalization to what one batch shows.

    With mean 0 and variance 1 random weights shrink every signal to nothing: all answers would be equal, in every file.
    """
    from tf_keras import layers

    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    before = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    model(_images(_TRAIN), training=True)
    for layer, momentum in zip(norms, before, strict=True):
        layer.momentum = momentum


def dataset() -> Dataset:
    """32 crops to train on, all of class 0, 32 to calibrate and 32 to evaluate on, those without labels."""
    images = _images(_TRAIN + _CALIBRATION + _EVALUATION)
    held_out = _TRAIN + _CALIBRATION
    return Dataset(
        name="photographs",
        source="crops of scikit-learn's two photographs",
        train=Split({"": images[:_TRAIN]}, np.zeros(_TRAIN, np.int64)),
        calibration=Split({"": images[_TRAIN:held_out]}),
        evaluation=Split({"": images[held_out:]}),
    )


def _images(count: int) -> NDArray[np.float32]:
    return 2 * _digits_on_photographs.crops(_SIZE, count) - 1


MODEL = SampleModel(
    summary="Keras's MobileNetV2 with random weights: size, speed and operators",
    build=build,
    dataset=dataset,
    loss="sparse_categorical_crossentropy",
    epochs=1,
    batch_size=16,
    learning_rate=1e-6,
    expects="no accuracy: 1 short epoch leaves the weights as random as they were",
)
