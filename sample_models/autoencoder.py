"""MLPerf Tiny's anomaly detection network: a fully connected autoencoder of 640 values through 8.

Network: `keras_model.py` of anomaly detection in github.com/mlcommons/tiny (Apache-2.0), after the DCASE 2020 task 2
baseline; there for 5 frames of 128 mel bands of machine sound, here for 16 frames of 40.
Data, the first that is at hand: windows of spoken digits (Free Spoken Digit Dataset, Jackson and contributors, CC BY-SA
4.0) from the folder that COMPRESSOR_DATA names; else the hum of a machine that is generated here. `Dataset.source` says
which. Judged by its reconstruction; no anomalies are at hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from compressor.sample import SampleModel
from compressor.values import Dataset, Split
from sample_models import _spoken_digits

if TYPE_CHECKING:
    import tf_keras

_FRAMES, _STARTS = 16, (0, 8, 16)
_VALUES = _FRAMES * _spoken_digits.BANDS
_CALIBRATION_EVERY = 27
_SEED = 0


def build() -> tf_keras.Model:
    """The untrained network: 640 → 128 ×4 → 8 → 128 ×4 → 640 values, 269 992 parameters."""
    from tf_keras import Model, layers

    frames = layers.Input((_VALUES,), name="frames")
    x = frames
    for number, units in enumerate((128, 128, 128, 128, 8, 128, 128, 128, 128), start=1):
        x = layers.Dense(units, name=f"dense_{number}")(x)
        x = layers.BatchNormalization(name=f"norm_{number}")(x)
        x = layers.ReLU(name=f"relu_{number}")(x)
    return Model(frames, layers.Dense(_VALUES, name="again")(x), name="autoencoder")


def dataset() -> Dataset:
    """Three windows of each of 2 600 sounds to train, 100 to calibrate and 300 to evaluate on.

    Inputs and labels are the same 640 values, standardised. Equal windows are there once, silence
    never.

    Raises:
        BadInput: one of the data folder's files is not what its name says.
    """
    found = _spoken_digits.parts()
    if found is None:
        (sounds, others), source = _generated(), "generated hum of a machine"
    else:
        (sounds, _), (others, _) = found
        source = "fsdd_logmel in COMPRESSOR_DATA"
    calibrates = np.arange(len(sounds)) % _CALIBRATION_EVERY == 0
    evaluation = _windows(others)
    calibration = _without(_windows(sounds[calibrates]), evaluation)
    train = _without(_windows(sounds[~calibrates]), evaluation, calibration)
    return Dataset(
        name="sound windows",
        source=source,
        train=Split({"frames": train}, train),
        calibration=Split({"frames": calibration}, calibration),
        evaluation=Split({"frames": evaluation}, evaluation),
    )


def _windows(sounds: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = np.concatenate([sounds[:, start : start + _FRAMES].reshape(len(sounds), _VALUES) for start in _STARTS])
    # Windows of silence alone say nothing.
    return np.unique(rows[np.ptp(rows, axis=1) > 0], axis=0)


def _without(windows: NDArray[np.float32], *others: NDArray[np.float32]) -> NDArray[np.float32]:
    """The windows that are in none of the others: clips end in the same silence."""
    taken = {row.tobytes() for other in others for row in other}
    return windows[[row.tobytes() not in taken for row in windows]]


def _generated() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """2 700 and 300 sounds of 61 frames: harmonics of a slowly changing speed in 40 bands, with noise, standardised."""
    rng = np.random.default_rng(_SEED)
    bands, time = np.arange(_spoken_digits.BANDS), np.arange(_spoken_digits.FRAMES)
    shape = (3000, 1, 1)
    speed = rng.uniform(4, 8, shape) + 0.5 * np.sin(time[:, None] / 10 + rng.uniform(0, 2 * np.pi, shape))
    sounds = np.cos(2 * np.pi * bands / speed) * np.exp(-bands / 30) + rng.normal(
        0, 0.1, (*speed.shape[:2], len(bands))
    )
    standardised = ((sounds - sounds.mean()) / sounds.std()).astype(np.float32)
    return standardised[:2700], standardised[2700:]


MODEL = SampleModel(
    summary="MLPerf Tiny's anomaly detection autoencoder: 640 values through 8",
    build=build,
    dataset=dataset,
    loss="mean_squared_error",
    epochs=30,
    batch_size=128,
    learning_rate=2e-3,
    expects="an MSE of at most 0.09 on windows of the 300 held-out sounds, whose variance is 0.9",
)
