"""tf_keras model → Keras 3 `.keras`, so that what was compressed can be trained on.

A model that came from Keras 3 gets its new weights back; one that was born in tf_keras is made again layer by layer.
Either way both must answer the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.bridge import keras_bridge, keras_layers
from compressor.bridge.layer_settings import parameters
from compressor.errors import BadInput
from compressor.files import whole_file

if TYPE_CHECKING:
    import keras
    import tf_keras

# How random numbers are drawn is of training, not of the model.
_IGNORED = {"rng_type", "batch_input_shape", "query_shape", "key_shape", "value_shape"}
_RENAMED = {("LeakyReLU", "alpha"): "negative_slope"}
# Arithmetic that tf_keras records by its TensorFlow name, and what Keras 3 calls it.
_OPERATIONS = {
    "math.add": "add",
    "__operators__.add": "add",
    "math.subtract": "subtract",
    "math.multiply": "multiply",
    "math.truediv": "true_divide",
    "linalg.matmul": "matmul",
    "nn.relu": "relu",
    "nn.silu": "silu",
    "math.sigmoid": "sigmoid",
    "math.tanh": "tanh",
    "math.reduce_mean": "mean",
    "math.reduce_sum": "sum",
    "math.reduce_max": "max",
    "concat": "concatenate",
    "reshape": "reshape",
}
# What an operation's second operand and the like are called there. The first is always given by its place.
_KEYWORDS = {"y": "x2", "b": "x2"}


def save(model: tf_keras.Model, original: keras.Model | None, path: Path) -> tuple[str, ...]:
    """Write `model` to `path`, in the form of the Keras 3 model it came from where there is one.

    Returns:
        Nothing, or the sentence that says why there is no such file.
    """
    try:
        # Weights of another shape have no place in the model that it came from.
        smaller = original is not None and model.count_params() != original.count_params()
        again = made(model) if original is None or smaller else keras_bridge.back(model, original)
    except BadInput as error:
        return (f"{path.name} was not written: {str(error).splitlines()[0]}",)
    except Exception as error:
        # Keras 3 says in many ways that it does not take what Keras 2 took; everything else of the run is there.
        reason = " ".join(str(error).split())[:200]
        return (f"{path.name} was not written: Keras 3 refuses the model: {type(error).__name__}: {reason}",)
    with whole_file(path) as temporary:
        again.save(temporary)
    return ()


def made(model: tf_keras.Model) -> keras.Model:
    """The same model in Keras 3.

    Raises:
        BadInput: a layer that Keras 3 lacks, an operation that is no layer, or answers that differ.
    """
    again = _Maker().model(model)
    keras_bridge.prove(again, model)
    return again


class _Maker:
    """Remembers what has been made, so that a layer that is shared stays shared."""

    def __init__(self) -> None:
        self._made: dict[int, Any] = {}

    def model(self, model: tf_keras.Model) -> keras.Model:
        import keras
        import tensorflow as tf

        tensors = {
            id(tensor): keras.Input(batch_shape=tuple(tensor.shape), dtype=tensor.dtype.name, name=_fit_name(name))
            for tensor, name in zip(model.inputs, model.input_names, strict=True)
        }
        inputs = list(tensors.values())
        for depth in sorted(model._nodes_by_depth, reverse=True):
            for node in model._nodes_by_depth[depth]:
                if not node.is_input:
                    results = self._called(node, tensors)
                    tensors |= dict(zip(map(id, tf.nest.flatten(node.outputs)), results, strict=True))
        outputs = [tensors[id(tensor)] for tensor in model.outputs]
        again = keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs, name=_fit_name(model.name))
        self._copy_weights(model)
        return again

    def _called(self, node: Any, tensors: dict[int, Any]) -> list[Any]:
        import keras
        import tensorflow as tf

        def replaced(value: Any) -> Any:
            return tensors.get(id(value), value)

        layer = self._layer(node.layer)
        arguments = tf.nest.map_structure(replaced, node.call_args)
        keywords = {
            name: tf.nest.map_structure(replaced, value)
            for name, value in node.call_kwargs.items()
            if value is not None and name != "training"
        }
        if not isinstance(layer, keras.Layer):
            keywords = {_KEYWORDS.get(name, name): value for name, value in keywords.items() if name != "name"}
        results = list(keras.tree.flatten(layer(*arguments, **keywords)))
        if not isinstance(layer, keras.Layer):
            # An operation names itself, and may take the name of a layer.
            results[0]._keras_history.operation.name = _fit_name(node.layer.name)
        return results

    def _layer(self, layer: Any) -> Any:
        import tf_keras

        if id(layer) not in self._made:
            nested = isinstance(layer, tf_keras.Model)
            self._made[id(layer)] = (layer, self.model(layer) if nested else _remade(layer))
        return self._made[id(layer)][1]

    def _copy_weights(self, model: tf_keras.Model) -> None:
        import keras

        for layer in model.layers:
            again = self._made.get(id(layer), (None, None))[1]
            if layer.weights and isinstance(again, keras.Layer) and not isinstance(again, keras.Model):
                keras_layers.copy_weights_back(layer, again)


def _remade(layer: tf_keras.layers.Layer) -> Any:
    import keras

    name = type(layer).__name__
    if name == "TFOpLambda" and layer.symbol in _OPERATIONS:
        return getattr(keras.ops, _OPERATIONS[layer.symbol])
    cls = getattr(keras.layers, name, None)
    if cls is None or not type(layer).__module__.startswith("tf_keras."):
        raise BadInput(f"Keras 3 has no layer like '{layer.name}' ({name})")
    config = layer.get_config()
    try:
        for key in ("layer", "backward_layer"):
            if isinstance(config.get(key), dict):
                inner = layer.forward_layer if name == "Bidirectional" and key == "layer" else getattr(layer, key)
                config[key] = _remade(inner)
        if name == "Normalization":
            config |= {key: np.ravel(getattr(layer, key)) for key in ("mean", "variance")}
        return cls(**_cleaned(layer, cls, config))
    except (TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInput(f"layer '{layer.name}' ({name}) cannot be made again in Keras 3: {reason}") from None


def _cleaned(layer: tf_keras.layers.Layer, cls: type, config: dict[str, Any]) -> dict[str, Any]:
    """The settings that Keras 3 takes; what it lacks must not have been used."""
    taken = set(parameters(cls)) | {"name", "dtype", "trainable"}
    cleaned = {}
    for key, value in config.items():
        if key in _IGNORED or key.endswith("_initializer"):
            continue
        key = _RENAMED.get((cls.__name__, key), key)
        if key in taken:
            cleaned[key] = _plain_value(key, value)
        elif value and not _is_default(layer, key, value):
            raise ValueError(f"Keras 3 has no setting '{key}', which is {value!r} here")
    return cleaned


def _plain_value(key: str, value: Any) -> Any:
    if key == "name":
        return _fit_name(value)
    if key == "axis" and isinstance(value, Sequence) and len(value) == 1:
        return value[0]
    return value


def _fit_name(name: str) -> str:
    """Keras 3 takes no slashes, which networks of Keras 2 have."""
    return name.replace("/", "_")


def _is_default(layer: tf_keras.layers.Layer, key: str, value: Any) -> bool:
    taken = parameters(type(layer))
    default = taken[key].default if key in taken else 1
    # How many groups, or which kernel a recurrent layer uses, where Keras 3 has no such choice.
    return bool(value == default) or (key in ("implementation", "groups") and value in (1, 2))
