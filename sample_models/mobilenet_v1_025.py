"""MLPerf Tiny's visual wake words network, MobileNet v1 with a quarter of the filters, on 96×96 colour pictures.

Network: `vww_model.py` of visual wake words in github.com/mlcommons/tiny (Apache-2.0), after Howard et al.
(arXiv:1704.04861).
Data: generated, for no set with and without persons is at hand: is there a handwritten digit on a crop of a photograph?
Digits and photographs are real and come with scikit-learn; accuracies say nothing about Visual Wake Words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressor.sample import SampleModel
from compressor.values import Dataset, Split
from sample_models import _digits_on_photographs

if TYPE_CHECKING:
    import tf_keras

_SIZE, _ZOOM = 96, 4
_TRAIN, _CALIBRATION, _EVALUATION = 1600, 100, 500
# Filters and stride of each depthwise-separable block.
_BLOCKS = ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *((128, 1),) * 5, (256, 2), (256, 1))


def build() -> tf_keras.Model:
    """The untrained network: (96, 96, 3) → 2 probabilities (without, with a digit), 221 794 parameters."""
    from tf_keras import Model, layers

    image = layers.Input((_SIZE, _SIZE, 3), name="image")
    x = layers.Conv2D(8, 3, 2, padding="same", name="conv")(image)
    x = layers.BatchNormalization(name="conv_norm")(x)
    x = layers.ReLU(name="conv_relu")(x)
    for block, (filters, strides) in enumerate(_BLOCKS, start=1):
        x = layers.DepthwiseConv2D(3, strides, padding="same", name=f"depthwise_{block}")(x)
        x = layers.BatchNormalization(name=f"depthwise_{block}_norm")(x)
        x = layers.ReLU(name=f"depthwise_{block}_relu")(x)
        x = layers.Conv2D(filters, 1, name=f"pointwise_{block}")(x)
        x = layers.BatchNormalization(name=f"pointwise_{block}_norm")(x)
        x = layers.ReLU(name=f"pointwise_{block}_relu")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return Model(image, layers.Dense(2, activation="softmax", name="class")(x), name="mobilenet_v1_025")


def dataset() -> Dataset:
    """1 600 training, 100 calibration and 500 evaluation pictures, half of them with a digit."""
    train, others = _digits_on_photographs.pictures(_SIZE, _ZOOM, _TRAIN, _CALIBRATION + _EVALUATION, drawn=0.5)
    return Dataset(
        name="digit or none",
        source=_digits_on_photographs.SOURCE,
        train=Split({"image": train.images}, train.drawn),
        calibration=Split({"image": others.images[:_CALIBRATION]}, others.drawn[:_CALIBRATION]),
        evaluation=Split({"image": others.images[_CALIBRATION:]}, others.drawn[_CALIBRATION:]),
    )


MODEL = SampleModel(
    summary="MLPerf Tiny's visual wake words MobileNet v1 ×0.25: a digit or none",
    build=build,
    dataset=dataset,
    loss="sparse_categorical_crossentropy",
    epochs=20,
    batch_size=32,
    learning_rate=3e-3,
    expects="at least 90 % of the 500 generated pictures",
)
