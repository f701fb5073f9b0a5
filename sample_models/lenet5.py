"""Caffe's LeNet-5 on MNIST: convolutions of 20 and 50, Dense 500, evaluated on all 10 000 test images.

Network: `examples/mnist/lenet.prototxt` of Caffe (BSD-2), after LeCun's LeNet-5; the only ReLU is on the Dense layer.
Data: LeCun, Cortes, Burges, usually given as CC BY-SA 3.0. Read from `mnist.npz` in the folder that COMPRESSOR_DATA
names, else downloaded by Keras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressor.sample import SampleModel
from sample_models import _mnist

if TYPE_CHECKING:
    import tf_keras


def build() -> tf_keras.Model:
    """The untrained network: (28, 28, 1) → 10 probabilities, 431 080 parameters."""
    from tf_keras import Sequential, layers

    return Sequential(
        [
            layers.Input((28, 28, 1), name="image"),
            layers.Conv2D(20, 5, name="conv_1"),
            layers.MaxPooling2D(name="pool_1"),
            layers.Conv2D(50, 5, name="conv_2"),
            layers.MaxPooling2D(name="pool_2"),
            layers.Flatten(name="flatten"),
            layers.Dense(500, activation="relu", name="dense"),
            layers.Dropout(0.4, name="dropout"),
            layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="lenet5",
    )


MODEL = SampleModel(
    summary="Caffe's LeNet-5 (20-50-500) on MNIST",
    build=build,
    dataset=_mnist.dataset,
    loss="sparse_categorical_crossentropy",
    epochs=12,
    batch_size=128,
    expects="at least 99.20 % of the 10 000 test images: an error of 0.80 % or less",
)
