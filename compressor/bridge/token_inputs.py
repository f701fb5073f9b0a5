"""Inputs that only name rows of an embedding table are whole numbers, whatever dtype the model was saved with.

Keras makes inputs float32 unless told otherwise. As floats, token ids would be quantized to 256 levels like any other
input, and most of them would name another row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tf_keras


def whole(model: tf_keras.Model) -> tf_keras.Model:
    """The same model with int32 in place of float inputs that are read by Embedding layers alone."""
    import tf_keras

    tokens = [_names_rows(tensor) for tensor in model.inputs]
    if not any(tokens):
        return model
    inputs = [
        tf_keras.Input(batch_shape=tuple(tensor.shape), name=name, dtype="int32" if token else tensor.dtype)
        for tensor, name, token in zip(model.inputs, model.input_names, tokens, strict=True)
    ]
    again = tf_keras.models.clone_model(model, input_tensors=inputs)
    again.set_weights(model.get_weights())
    return again


def _names_rows(tensor: Any) -> bool:
    import tf_keras

    readers = [node.layer for node in tensor.node.layer.outbound_nodes]
    return bool(
        tensor.dtype.is_floating and readers and all(isinstance(each, tf_keras.layers.Embedding) for each in readers)
    )
