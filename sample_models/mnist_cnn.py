"""The same network on 28×28 MNIST, evaluated on all 10 000 test images.

Data: LeCun, Cortes, Burges. Read from `mnist.npz` in the folder that COMPRESSOR_DATA names, else downloaded by Keras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressor.sample import SampleModel
from sample_models import _grey_image_cnn, _mnist

if TYPE_CHECKING:
    import tf_keras


def build() -> tf_keras.Model:
    """The untrained network."""
    return _grey_image_cnn.build("mnist_cnn", 28)


MODEL = SampleModel(
    summary="CNN on MNIST, 28×28 handwritten digits",
    build=build,
    dataset=_mnist.dataset,
    loss="sparse_categorical_crossentropy",
    epochs=6,
    batch_size=128,
    expects="at least 99.0 % of the 10 000 test images",
)
