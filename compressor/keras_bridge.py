"""Keras 3 model → tf_keras model: the graph is walked, each layer made again, each weight copied, the result proven.

tensorflow-model-optimization takes tf_keras models only. A layer that cannot be made again is named.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor import keras_layers, keras_operations
from compressor.errors import BadInput
from compressor.values import Array

if TYPE_CHECKING:
    import keras
    import tf_keras

_TOLERANCE = 1e-5
_SAMPLES = 2


def from_file(path: Path) -> tuple[tf_keras.Model, float, keras.Model]:
    """Load a Keras 3 file, whose configuration has been checked, and bridge it; also returns what was loaded.

    Raises:
        BadInput: Keras cannot load it, or it cannot be made again.
    """
    import keras

    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise BadInput(f"{path} cannot be loaded by Keras {keras.__version__}: {reason}") from None
    return *bridge(model), model


def bridge(model: keras.Model) -> tuple[tf_keras.Model, float]:
    """The same model in tf_keras, and the largest difference of any output on sample inputs.

    Raises:
        BadInput: a layer or operation cannot be made again, or the outputs differ by more than 1e-5.
    """
    bridged = _Bridge().model(model)
    return bridged, _proven(model, bridged)


def back(bridged: tf_keras.Model, model: keras.Model) -> keras.Model:
    """The Keras 3 model with the weights of the tf_keras model that was once made of it, changed in place.

    Raises:
        BadInput: the two do not belong together, or do not answer the same afterwards.
    """
    _copy_back(bridged, model)
    _proven(model, bridged)
    return model


def _copy_back(bridged: tf_keras.Model, model: keras.Model) -> None:
    import keras

    for layer in (layer for layer in model.layers if layer.weights):
        made = bridged.get_layer(layer.name)
        if isinstance(layer, keras.Model):
            _copy_back(made, layer)
        else:
            keras_layers.copy_weights_back(made, layer)


class _Bridge:
    """Remembers what has been made, so that a layer that is shared stays shared."""

    def __init__(self) -> None:
        self._made: dict[int, Callable[..., Any]] = {}

    def model(self, model: keras.Model) -> tf_keras.Model:
        import tf_keras

        graph = _graph(model)
        inputs = [
            tf_keras.Input(batch_shape=tuple(tensor.shape), dtype=tensor.dtype, name=_input_name(tensor))
            for tensor in graph.inputs
        ]
        outputs = graph._run_through_graph(inputs, operation_fn=self._operation, call_fn=_call)
        return tf_keras.Model(inputs, _flat(outputs), name=model.name)

    def _operation(self, operation: Any) -> Callable[..., Any]:
        import keras

        if id(operation) not in self._made:
            if isinstance(operation, keras.Model):
                self._made[id(operation)] = self.model(operation)
            elif isinstance(operation, keras.Layer):
                self._made[id(operation)] = keras_layers.remake(operation)
            else:
                self._made[id(operation)] = keras_operations.remake(operation)
        return self._made[id(operation)]


def _graph(model: keras.Model) -> Any:
    import keras

    if isinstance(model, keras.Sequential):
        model = getattr(model, "_functional", None)
    if model is None or not hasattr(model, "_run_through_graph"):
        raise BadInput(
            "the model has no graph of layers that could be made again",
            expected="a Sequential or functional model with known input shapes",
            received="a subclassed or unbuilt model",
            fix="rebuild it with keras.Model(inputs, outputs) and save it again",
        )
    return model


def _input_name(tensor: Any) -> str:
    return str(tensor._keras_history.operation.name)


def _call(operation: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    return operation(*arguments, **{name: value for name, value in keywords.items() if value is not None})


def _flat(outputs: Any) -> Any:
    import keras

    flat = keras.tree.flatten(outputs)
    return flat[0] if len(flat) == 1 else flat


def _proven(model: keras.Model, bridged: tf_keras.Model) -> float:
    samples = [_samples(tensor) for tensor in bridged.inputs]
    given = samples[0] if len(samples) == 1 else samples
    import keras

    structured = keras.tree.pack_sequence_as(_graph(model)._inputs_struct, samples)
    wanted = [np.asarray(value) for value in keras.tree.flatten(model(structured, training=False))]
    found = bridged(given, training=False)
    received = [np.asarray(value) for value in (found if isinstance(found, (list, tuple)) else [found])]
    pairs = list(zip(received, wanted, strict=True))
    difference = max(float(np.abs(ours - theirs).max(initial=0)) for ours, theirs in pairs)
    if not all(np.allclose(ours, theirs, rtol=_TOLERANCE, atol=_TOLERANCE) for ours, theirs in pairs):
        raise BadInput(
            "the model could not be made again in tf_keras: its answers differ",
            expected=f"outputs equal within {_TOLERANCE:g} on sample inputs",
            received=f"a difference of {difference:.3g}",
        )
    return difference


def _samples(tensor: Any) -> Array:
    shape = (_SAMPLES, *(8 if size is None else size for size in tensor.shape[1:]))
    random = np.random.default_rng(0)
    if tensor.dtype.is_floating:
        return random.normal(size=shape).astype(tensor.dtype.name)
    return random.integers(0, 2, shape).astype(tensor.dtype.name)
