"""How a network's answers hang on its weights, for importance by what a weight does to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.keras_graph import flat
from compressor.values import Array

if TYPE_CHECKING:
    import tf_keras

    from compressor.channel_pruning.importance import Slopes
    from compressor.training import Trainer


def of_answers(model: tf_keras.Model, trainer: Trainer) -> Slopes:
    """Slopes of the answers' square, summed over the calibration samples, which need no labels."""
    import tensorflow as tf

    variables = list(model.trainable_variables)
    totals = {id(variable): np.zeros(variable.shape) for variable in variables}
    for samples in trainer.calibration_batches():
        with tf.GradientTape() as tape:
            loss = tf.add_n([tf.reduce_sum(tf.square(each)) for each in flat(model(samples, training=False))])
        for variable, slope in zip(variables, tape.gradient(loss, variables), strict=True):
            if slope is not None:
                totals[id(variable)] += tf.convert_to_tensor(slope).numpy()

    def slopes(layer: Any) -> list[Array]:
        return [totals.get(id(weight), np.zeros(weight.shape)) for weight in layer.weights]

    return slopes
