"""The same network on 28×28 MNIST, evaluated on all 10 000 test images.

Data: LeCun, Cortes, Burges. Read from `mnist.npz` in the folder that COMPRESSOR_DATA names, else downloaded by Keras.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from compressor.errors import BadInput
from compressor.sample import SampleModel
from compressor.values import Array, Dataset, Split
from sample_models import _grey_image_cnn

if TYPE_CHECKING:
    import tf_keras

_CALIBRATION = 500


def build() -> tf_keras.Model:
    """The untrained network."""
    return _grey_image_cnn.build("mnist_cnn", 28)


def dataset() -> Dataset:
    """59 500 training and 500 calibration images of the training part, 10 000 evaluation images of the test part.

    Raises:
        BadInput: neither COMPRESSOR_DATA nor the download has the images.
    """
    arrays, source = _mnist()
    images = {part: (arrays[f"x_{part}"][..., None] / np.float32(255)).astype(np.float32) for part in ("train", "test")}
    labels = {part: arrays[f"y_{part}"].astype(np.int64) for part in ("train", "test")}
    return Dataset(
        name="mnist",
        source=source,
        train=Split({"image": images["train"][_CALIBRATION:]}, labels["train"][_CALIBRATION:]),
        calibration=Split({"image": images["train"][:_CALIBRATION]}, labels["train"][:_CALIBRATION]),
        evaluation=Split({"image": images["test"]}, labels["test"]),
    )


def _mnist() -> tuple[dict[str, Array], str]:
    folder = os.environ.get("COMPRESSOR_DATA")
    path = Path(folder) / "mnist.npz" if folder else None
    if path is not None and path.is_file():
        return _checked(path), f"{path.name} in COMPRESSOR_DATA"
    return _downloaded(), "keras.datasets.mnist"


def _checked(path: Path) -> dict[str, Array]:
    wanted = {"x_train": (60000, 28, 28), "y_train": (60000,), "x_test": (10000, 28, 28), "y_test": (10000,)}
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in wanted}
    except Exception as error:
        raise BadInput(f"{path} cannot be read: {error}", expected="Keras's own mnist.npz") from None
    shapes = {name: array.shape for name, array in arrays.items()}
    if shapes != wanted:
        raise BadInput(f"{path} is not MNIST", expected=str(wanted), received=str(shapes))
    return arrays


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


MODEL = SampleModel(
    summary="CNN on MNIST, 28×28 handwritten digits",
    build=build,
    dataset=dataset,
    loss="sparse_categorical_crossentropy",
    epochs=6,
    batch_size=128,
    expects="at least 99.0 % of the 10 000 test images",
)
