"""An LSTM that reads 12 steps of a series with 12 channels and answers the next value of the first channel.

Data, the first that is at hand: "Japanese Vowels" (Kudo, Toyama, Shimbo, UCI, CC BY 4.0; resampled to 25 steps by the
archive), cepstra of spoken vowels, from the folder that COMPRESSOR_DATA names; else damped oscillations that are
generated here, for no dependency carries a series. `Dataset.source` says which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from compressor.sample import SampleModel
from compressor.values import Dataset, Split
from sample_models import _data_folder

if TYPE_CHECKING:
    import tf_keras

_STEPS, _CHANNELS, _LENGTH = 12, 12, 25
_TRAIN, _TEST = 270, 370
_CALIBRATION_EVERY = 18
_SEED = 0


def build() -> tf_keras.Model:
    """The untrained network: (12, 12) → 1 value."""
    from tf_keras import Sequential, layers

    return Sequential(
        [
            layers.Input((_STEPS, _CHANNELS), name="steps"),
            layers.LSTM(64, name="lstm"),
            layers.Dense(1, name="next"),
        ],
        name="series_lstm",
    )


def dataset() -> Dataset:
    """Windows of 270 series to train (255) and calibrate (15) on, and of 370 others to evaluate on; 13 per series.

    Raises:
        BadInput: the data folder's file is not what its name says.
    """
    shapes = {"x_train": (_TRAIN, _LENGTH, _CHANNELS), "x_test": (_TEST, _LENGTH, _CHANNELS)}
    found = _data_folder.arrays("ts_JapaneseVowels.npz", "Japanese Vowels", shapes)
    if found is None:
        series, source = _generated(), "generated damped oscillations"
        first, others = series[:_TRAIN], series[_TRAIN:]
    else:
        (first, others), source = (found[0]["x_train"], found[0]["x_test"]), found[1]
    calibrates = np.arange(_TRAIN) % _CALIBRATION_EVERY == 0
    return Dataset(
        name="series",
        source=source,
        train=_windows(first[~calibrates]),
        calibration=_windows(first[calibrates]),
        evaluation=_windows(others),
    )


def _windows(series: NDArray[np.float32]) -> Split:
    starts = range(_LENGTH - _STEPS)
    steps = np.concatenate([series[:, start : start + _STEPS] for start in starts])
    following = np.concatenate([series[:, start + _STEPS, :1] for start in starts])
    return Split({"steps": steps.astype(np.float32)}, following.astype(np.float32))


def _generated() -> NDArray[np.float32]:
    rng = np.random.default_rng(_SEED)
    time = np.arange(_LENGTH)[:, None]
    shape = (_TRAIN + _TEST, 1, _CHANNELS)
    period, phase = rng.uniform(8, 20, shape), rng.uniform(0, 2 * np.pi, shape)
    swing = rng.normal(0, 0.5, shape) * np.exp(-time / 30) * np.sin(2 * np.pi * time / period + phase)
    return np.asarray(swing + rng.normal(0, 0.02, swing.shape), np.float32)


MODEL = SampleModel(
    summary="LSTM(64) that answers the next value of a series",
    build=build,
    dataset=dataset,
    loss="mean_squared_error",
    epochs=15,
    batch_size=32,
    learning_rate=3e-3,
    expects="an MSE of at most 0.01 on the windows of 370 held-out spoken vowels (their variance is 0.24)",
)
