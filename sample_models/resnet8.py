"""MLPerf Tiny's image classification network: a residual network of eight layers for 32×32 colour pictures.

Network: `keras_model.py` of image classification in github.com/mlcommons/tiny (Apache-2.0), after He et al.
(arXiv:1512.03385), without its weight decay; pixels in 0..1 instead of 0..255.
Data, the first that is at hand: CIFAR-10 (Krizhevsky 2009; no licence is stated at its source) as `cifar10.npz` with
x_train, y_train, x_test, y_test in the folder that COMPRESSOR_DATA names, or as Keras downloads it; else digits on
crops of photographs, generated. `Dataset.source` says which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.sample import SampleModel
from compressor.values import Array, Dataset, Split
from sample_models import _data_folder, _digits_on_photographs

if TYPE_CHECKING:
    import tf_keras

_CALIBRATION = 300
_GENERATED_TRAIN, _GENERATED_EVALUATION = 6000, 1000
_SHAPES = {"x_train": (50000, 32, 32, 3), "y_train": (50000,), "x_test": (10000, 32, 32, 3), "y_test": (10000,)}


def build() -> tf_keras.Model:
    """The untrained network: (32, 32, 3) → 10 probabilities, 78 666 parameters."""
    from tf_keras import Model, layers

    image = layers.Input((32, 32, 3), name="image")
    x = _convolution(image, 16, 3, 1, "conv")
    x = layers.ReLU(name="relu")(x)
    for number, filters in enumerate((16, 32, 64), start=1):
        strides = 1 if number == 1 else 2
        y = _convolution(x, filters, 3, strides, f"stack_{number}_conv_1")
        y = layers.ReLU(name=f"stack_{number}_relu_1")(y)
        y = _convolution(y, filters, 3, 1, f"stack_{number}_conv_2")
        if strides > 1:
            x = layers.Conv2D(
                filters, 1, strides, padding="same", kernel_initializer="he_normal", name=f"stack_{number}_shortcut"
            )(x)
        x = layers.Add(name=f"stack_{number}_add")([x, y])
        x = layers.ReLU(name=f"stack_{number}_relu_2")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return Model(image, layers.Dense(10, activation="softmax", name="class")(x), name="resnet8")


def _convolution(x: Any, filters: int, size: int, strides: int, name: str) -> Any:
    from tf_keras import layers

    x = layers.Conv2D(filters, size, strides, padding="same", kernel_initializer="he_normal", name=name)(x)
    return layers.BatchNormalization(name=f"{name}_norm")(x)


def dataset() -> Dataset:
    """CIFAR-10: 49 700 training, 300 calibration, 10 000 evaluation pictures. Generated: 6 000, 300 and 1 000.

    Raises:
        BadInput: the data folder's file is not what its name says.
    """
    found = _data_folder.arrays("cifar10.npz", "CIFAR-10", _SHAPES)
    arrays, source = found or (_downloaded(), "keras.datasets.cifar10")
    if arrays is None:
        return _generated()
    images = {part: (arrays[f"x_{part}"] / np.float32(255)).astype(np.float32) for part in ("train", "test")}
    labels = {part: arrays[f"y_{part}"].astype(np.int64) for part in ("train", "test")}
    return Dataset(
        name="cifar10",
        source=source,
        train=Split({"image": images["train"][_CALIBRATION:]}, labels["train"][_CALIBRATION:]),
        calibration=Split({"image": images["train"][:_CALIBRATION]}, labels["train"][:_CALIBRATION]),
        evaluation=Split({"image": images["test"]}, labels["test"]),
    )


def _downloaded() -> dict[str, Array] | None:
    import tf_keras

    try:
        (x_train, y_train), (x_test, y_test) = tf_keras.datasets.cifar10.load_data()
    except Exception:
        return None
    return {"x_train": x_train, "y_train": y_train[:, 0], "x_test": x_test, "y_test": y_test[:, 0]}


def _generated() -> Dataset:
    train, others = _digits_on_photographs.pictures(32, 3, _GENERATED_TRAIN, _CALIBRATION + _GENERATED_EVALUATION)
    return Dataset(
        name="digits on photographs",
        source=_digits_on_photographs.SOURCE,
        train=Split({"image": train.images}, train.digits),
        calibration=Split({"image": others.images[:_CALIBRATION]}, others.digits[:_CALIBRATION]),
        evaluation=Split({"image": others.images[_CALIBRATION:]}, others.digits[_CALIBRATION:]),
    )


MODEL = SampleModel(
    summary="MLPerf Tiny's ResNet8 for 32×32 colour pictures",
    build=build,
    dataset=dataset,
    loss="sparse_categorical_crossentropy",
    epochs=12,
    batch_size=64,
    learning_rate=2e-3,
    expects="at least 94 % of the 1 000 generated pictures; on CIFAR-10 not measured here",
)
