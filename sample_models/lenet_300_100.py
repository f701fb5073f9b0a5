"""LeCun's fully connected LeNet-300-100 on MNIST: 784-300-100-10, evaluated on all 10 000 test images.

Network: LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition" (1998), with ReLU;
dropout works in training alone. Data: LeCun, Cortes, Burges, usually given as CC BY-SA 3.0. Read from `mnist.npz` in
the folder that COMPRESSOR_DATA names, else downloaded by Keras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressor.sample import SampleModel
from sample_models import _mnist

if TYPE_CHECKING:
    import tf_keras


def build() -> tf_keras.Model:
    """The untrained network: (28, 28, 1) → 10 probabilities, 266 610 parameters."""
    from tf_keras import Sequential, layers

    return Sequential(
        [
            layers.Input((28, 28, 1), name="image"),
            layers.Flatten(name="flatten"),
            layers.Dense(300, activation="relu", name="dense_1"),
            layers.Dropout(0.4, name="dropout_1"),
            layers.Dense(100, activation="relu", name="dense_2"),
            layers.Dropout(0.2, name="dropout_2"),
            layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="lenet_300_100",
    )


MODEL = SampleModel(
    summary="LeCun's fully connected 784-300-100-10 on MNIST",
    build=build,
    dataset=_mnist.dataset,
    loss="sparse_categorical_crossentropy",
    epochs=30,
    batch_size=128,
    learning_rate=2e-3,
    expects="at least 98.36 % of the 10 000 test images: an error of 1.64 % or less",
)
