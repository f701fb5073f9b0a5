"""MNIST, 28×28 handwritten digits, for every sample that is trained on it.

Data: LeCun, Cortes, Burges; usually given as CC BY-SA 3.0. Read from `mnist.npz` in the folder that COMPRESSOR_DATA
names, else downloaded by Keras.
"""

from __future__ import annotations

import numpy as np

from compressor.errors import BadInput
from compressor.values import Array, Dataset, Split
from sample_models import _data_folder

_CALIBRATION = 500
_SHAPES = {"x_train": (60000, 28, 28), "y_train": (60000,), "x_test": (10000, 28, 28), "y_test": (10000,)}


def dataset() -> Dataset:
    """59 500 training and 500 calibration images of the training part, 10 000 evaluation images of the test part.

    Images are (28, 28, 1) float32 in 0..1, labels int64.

    Raises:
        BadInput: neither COMPRESSOR_DATA nor the download has the images.
    """
    found = _data_folder.arrays("mnist.npz", "MNIST", _SHAPES)
    arrays, source = found or (_downloaded(), "keras.datasets.mnist")
    images = {part: (arrays[f"x_{part}"][..., None] / np.float32(255)).astype(np.float32) for part in ("train", "test")}
    labels = {part: arrays[f"y_{part}"].astype(np.int64) for part in ("train", "test")}
    return Dataset(
        name="mnist",
        source=source,
        train=Split({"image": images["train"][_CALIBRATION:]}, labels["train"][_CALIBRATION:]),
        calibration=Split({"image": images["train"][:_CALIBRATION]}, labels["train"][:_CALIBRATION]),
        evaluation=Split({"image": images["test"]}, labels["test"]),
    )


def _downloaded() -> dict[str, Array]:
    import tf_keras

    try:
        (x_train, y_train), (x_test, y_test) = tf_keras.datasets.mnist.load_data()
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInput(
            f"MNIST could not be downloaded: {reason}",
            fix="set COMPRESSOR_DATA to a folder with Keras's mnist.npz, or connect to the network and run again",
        ) from None
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
