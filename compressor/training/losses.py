"""Losses: which one fits, and whether it gets probabilities or logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.values import Array

if TYPE_CHECKING:
    import tf_keras


# By their names in lower case; cross-entropies are chosen by the labels, which may be written otherwise than then.
_OF_VALUES = (
    *("mean_squared_error", "mse", "mean_absolute_error", "mae", "mean_absolute_percentage_error", "mape"),
    *("mean_squared_logarithmic_error", "msle", "huber", "huber_loss", "log_cosh", "logcosh", "poisson"),
    *("cosine_similarity", "hinge", "squared_hinge", "kl_divergence", "kullback_leibler_divergence", "kld"),
)
# Softmax and sigmoid stay probabilities through these.
_ONLY_SHAPE = ("Flatten", "Permute", "Reshape", "RepeatVector", "Cropping1D", "Cropping2D", "Cropping3D")
_ONLY_SHAPE_FUNCTIONS = ("cast", "expand_dims", "identity", "reshape", "squeeze", "transpose")
_SQUASHING_FUNCTIONS = {
    "nn.softmax": "softmax",
    "math.sigmoid": "sigmoid",
    "nn.sigmoid": "sigmoid",
    "sigmoid": "sigmoid",
}


def of_file(name: str | None) -> str | None:
    """The loss that a file names, where Keras has it and it does not hang on how labels are written; else None."""
    return name if name in _OF_VALUES else None


def choose_loss(model: tf_keras.Model, labels: Array) -> str:
    """The loss that fits the labels: cross-entropy for class numbers, one-hot rows or 0/1, else squared error."""
    units = int(model.outputs[0].shape[-1]) if len(model.outputs[0].shape) > 1 else 1
    whole = np.issubdtype(labels.dtype, np.integer) or bool(np.all(labels == np.round(labels)))
    if units > 1 and whole and labels.ndim < len(model.outputs[0].shape):
        return "sparse_categorical_crossentropy"
    if units > 1 and whole and bool(np.all(labels.sum(-1) == 1)) and labels.min() >= 0:
        return "categorical_crossentropy"
    if units == 1 and whole and set(np.unique(labels)) <= {0, 1}:
        return "binary_crossentropy"
    return "mean_squared_error"


def loss_object(name: str, model: tf_keras.Model) -> Any:
    """The Keras loss of that name; cross-entropies know whether the model answers probabilities or logits."""
    import tf_keras

    loss = tf_keras.losses.get(name)
    if not name.endswith("crossentropy"):
        return loss
    squashed = last_activation(model) in ("softmax", "sigmoid")
    return {
        "sparse_categorical_crossentropy": tf_keras.losses.SparseCategoricalCrossentropy,
        "categorical_crossentropy": tf_keras.losses.CategoricalCrossentropy,
        "binary_crossentropy": tf_keras.losses.BinaryCrossentropy,
    }[name](from_logits=not squashed)


def last_activation(model: tf_keras.Model, output: int = 0) -> str:
    """Name of the activation at an output, seen through wrappers, nested models and layers that only change shape."""
    layer = _last_that_computes(model, output)
    if type(layer).__name__ == "Softmax":
        return "softmax"
    if _function(layer) in _SQUASHING_FUNCTIONS:
        return _SQUASHING_FUNCTIONS[_function(layer)]
    activation = layer.get_config().get("activation", "linear")
    if isinstance(activation, dict):
        # Quantization-aware training replaces the activation by a wrapper that keeps its name inside.
        activation = activation.get("config", {}).get("activation", activation.get("class_name", ""))
    return str(activation)


def _last_that_computes(model: tf_keras.Model, output: int = 0) -> Any:
    """The layer whose answers are the model's, but for their shape."""
    tensors = getattr(model, "outputs", None)
    tensor = tensors[output] if tensors else None
    layer = model.layers[-1] if tensor is None else tensor._keras_history.layer
    while True:
        inner = layer
        while getattr(inner, "layer", None) is not None:
            inner = inner.layer
        if getattr(inner, "layers", None):
            return _last_that_computes(inner, 0 if tensor is None else tensor._keras_history.tensor_index)
        if tensor is None or not _only_shape(inner):
            return inner
        tensor = layer.inbound_nodes[tensor._keras_history.node_index].keras_inputs[0]
        layer = tensor._keras_history.layer


def _only_shape(layer: Any) -> bool:
    """Whether probabilities stay probabilities through a layer, as behind a last `Activation("linear", "float32")`."""
    linear = type(layer).__name__ == "Activation" and layer.get_config().get("activation") == "linear"
    return linear or type(layer).__name__ in _ONLY_SHAPE or _function(layer) in _ONLY_SHAPE_FUNCTIONS


def _function(layer: Any) -> str:
    """What a layer made of a function calls, as TensorFlow's API names it; "" for others."""
    return str(getattr(layer, "symbol", None) or "")


def told_metric(loss: str) -> str:
    """The Keras metric that says most beside this loss while training."""
    return "accuracy" if loss.endswith("crossentropy") else "mean_absolute_error"
