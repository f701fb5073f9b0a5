"""8×8 handwritten digits that scikit-learn carries: real data, no download.

Data: test part of UCI "Optical Recognition of Handwritten Digits" (Alpaydin, Kaynak), 1 797 images, pixels 0 to 16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compressor.sample import SampleModel
from compressor.values import Dataset, Split
from sample_models import _grey_image_cnn

if TYPE_CHECKING:
    import tf_keras

_TRAIN, _CALIBRATION = 1197, 100
_SPLIT_SEED = 0


def build() -> tf_keras.Model:
    """The untrained network."""
    return _grey_image_cnn.build("digits_cnn", 8)


def dataset() -> Dataset:
    """1 197 training, 100 calibration and 500 evaluation images, shuffled with a fixed seed."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(digits.target))
    images = (digits.images[order, ..., None] / 16).astype(np.float32)
    labels = digits.target[order].astype(np.int64)

    def part(start: int, stop: int | None) -> Split:
        return Split({"image": images[start:stop]}, labels[start:stop])

    held_out = _TRAIN + _CALIBRATION
    return Dataset(
        name="digits",
        source="scikit-learn load_digits",
        train=part(0, _TRAIN),
        calibration=part(_TRAIN, held_out),
        evaluation=part(held_out, None),
    )


MODEL = SampleModel(
    summary="CNN on 8×8 handwritten digits (scikit-learn): trains in seconds",
    build=build,
    dataset=dataset,
    loss="sparse_categorical_crossentropy",
    epochs=30,
    batch_size=32,
    expects="at least 98 % of the 500 held-out digits",
)
