"""Layers that a user brings: the module that `--custom-objects` names in the tests."""

import keras
import tf_keras


@tf_keras.utils.register_keras_serializable("own")
class Doubled(tf_keras.layers.Layer):
    """Twice its input, in tf_keras."""

    def call(self, x):
        """Twice `x`."""
        return 2 * x


@keras.saving.register_keras_serializable("own")
class Tripled(keras.layers.Layer):
    """Three times its input, in Keras 3."""

    def call(self, x):
        """Three times `x`."""
        return 3 * x
