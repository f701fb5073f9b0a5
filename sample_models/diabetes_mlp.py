"""A small regression: ten measurements of a patient → how far diabetes has gone a year later.

Data: scikit-learn `load_diabetes` (BSD-3), 442 patients of Efron, Hastie, Johnstone, Tibshirani, "Least Angle
Regression" (2004); the package restates no licence of the data. Inputs and target are standardised by the training
part: an MSE of 1 is what answering the mean gives, 77² in the target's own unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from compressor.sample import SampleModel
from compressor.values import Dataset, Split

if TYPE_CHECKING:
    import tf_keras

_TRAIN, _CALIBRATION = 292, 50
_SPLIT_SEED = 0


def build() -> tf_keras.Model:
    """The untrained network: 10 standardised measurements → 1 value."""
    from tf_keras import Sequential, layers

    return Sequential(
        [
            layers.Input((10,), name="patient"),
            layers.Dense(64, activation="relu", name="dense_1"),
            layers.Dense(32, activation="relu", name="dense_2"),
            layers.Dense(1, name="progression"),
        ],
        name="diabetes_mlp",
    )


def dataset() -> Dataset:
    """292 training, 50 calibration and 100 evaluation patients, shuffled with a fixed seed."""
    from sklearn.datasets import load_diabetes

    patients, progression = load_diabetes(return_X_y=True, scaled=False)
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(progression))
    measured, target = patients[order], progression[order, None]

    def part(start: int, stop: int | None) -> Split:
        x, y = ((each - each[:_TRAIN].mean(0)) / each[:_TRAIN].std(0) for each in (measured, target))
        return Split({"patient": x[start:stop].astype(np.float32)}, y[start:stop].astype(np.float32))

    held_out = _TRAIN + _CALIBRATION
    return Dataset(
        name="diabetes",
        source="scikit-learn load_diabetes",
        train=part(0, _TRAIN),
        calibration=part(_TRAIN, held_out),
        evaluation=part(held_out, None),
    )


MODEL = SampleModel(
    summary="MLP 64-32-1 on the ten features of scikit-learn's diabetes data",
    build=build,
    dataset=dataset,
    loss="mean_squared_error",
    epochs=20,
    batch_size=32,
    expects="an MSE of at most 0.60 on the 100 held-out patients, in units of the target's variance",
)
