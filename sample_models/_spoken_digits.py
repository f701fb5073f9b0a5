"""Free Spoken Digit Dataset as log-mel energies: 61 frames of 40 bands, ten digits, six speakers.

Data: Jackson and contributors, CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/); features computed from
clips that were padded or cut to one second.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compressor.errors import BadInput
from compressor.values import Dataset, Split
from sample_models import _data_folder

FRAMES, BANDS = 61, 40
_FILES = {"fsdd_logmel_train2700.npz": 2700, "fsdd_logmel_test300.npz": 300}
_CALIBRATION_EVERY = 27

# Sounds (N, 61, 40, 1), digits (N,).
Part = tuple[NDArray[np.float32], NDArray[np.int64]]


def parts() -> tuple[Part, Part] | None:
    """Training and test part, standardised by the training part; None when a file is not in COMPRESSOR_DATA.

    Raises:
        BadInput: a file is there and is not what its name says.
    """
    read: list[Part] = []
    for name, count in _FILES.items():
        shapes = {"x": (count, FRAMES, BANDS, 1), "y": (count,)}
        found = _data_folder.arrays(name, "spoken digits", shapes)
        if found is None:
            return None
        read.append((found[0]["x"].astype(np.float32), found[0]["y"].astype(np.int64)))
    (sounds, digits), (test_sounds, test_digits) = read
    mean, spread = np.float32(sounds.mean()), np.float32(sounds.std())
    return ((sounds - mean) / spread, digits), ((test_sounds - mean) / spread, test_digits)


def dataset() -> Dataset:
    """2 600 training and 100 calibration recordings of the training part, 300 evaluation recordings of the test part.

    Raises:
        BadInput: COMPRESSOR_DATA does not have them.
    """
    found = parts()
    if found is None:
        raise BadInput(
            "the spoken digits are not at hand",
            expected=f"{' and '.join(_FILES)} in the folder that COMPRESSOR_DATA names",
            fix="set COMPRESSOR_DATA to a folder with both: log-mel features x (N, 61, 40, 1) and digits y (N,) of "
            "github.com/Jakobovski/free-spoken-digit-dataset (8 kHz, window 256, hop 128, 40 bands, one second), "
            "recordings 0 to 4 of each speaker and digit as the test part",
        )
    (sounds, digits), (test_sounds, test_digits) = found
    calibrates = np.arange(len(digits)) % _CALIBRATION_EVERY == 0
    return Dataset(
        name="spoken digits",
        source="fsdd_logmel in COMPRESSOR_DATA",
        train=Split({"sound": sounds[~calibrates]}, digits[~calibrates]),
        calibration=Split({"sound": sounds[calibrates]}, digits[calibrates]),
        evaluation=Split({"sound": test_sounds}, test_digits),
    )
