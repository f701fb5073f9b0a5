"""Keras 3 model → tf_keras model: the graph is walked, each layer made again, each weight copied, the result proven.

tensorflow-model-optimization takes tf_keras models only. A layer that cannot be made again is named.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.bridge import keras_layers, keras_operations
from compressor.errors import BadInput
from compressor.values import Array, as_float

if TYPE_CHECKING:
    import keras
    import tf_keras

_TOLERANCE = 1e-5
# Of a layer, relative to its largest output.
_LAYER_TOLERANCE = 1e-4
_SAMPLES = 2
_ROUNDING = 5e-7
_MASKS = {"mask", "query_mask", "key_mask", "value_mask"}


def bridge(model: keras.Model) -> tuple[tf_keras.Model, float]:
    """The same model in tf_keras, and the largest difference of any output on sample inputs.

    Raises:
        BadInput: a layer or operation cannot be made again, a layer answers otherwise than its original, or the
            outputs differ by more than 1e-5.
    """
    maker = _Bridge()
    bridged = maker.model(model)
    maker.check_layers(model)
    return bridged, prove(model, bridged)


def back(bridged: tf_keras.Model, model: keras.Model) -> keras.Model:
    """The Keras 3 model with the weights of the tf_keras model that was once made of it, changed in place.

    Raises:
        BadInput: the two do not belong together, or do not answer the same afterwards.
    """
    _copy_back(bridged, model)
    prove(model, bridged)
    return model


def _copy_back(bridged: tf_keras.Model, model: keras.Model) -> None:
    import keras

    for layer in (layer for layer in model.layers if layer.weights):
        made = bridged.get_layer(keras_layers.fit_name(layer.name))
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
        outputs = graph._run_through_graph(inputs, operation_fn=self._symbolic, call_fn=_call)
        return tf_keras.Model(inputs, _flat(_resolved(outputs)), name=keras_layers.fit_name(model.name))

    def check_layers(self, model: keras.Model) -> None:
        """Run the graph on samples and hold each layer against its original, fed with the same numbers.

        The outputs of the whole network alone prove little where its answers hardly vary, as with random weights.
        """
        graph = _graph(model)
        graph._run_through_graph(
            [_samples(tensor) for tensor in graph.inputs], operation_fn=self._checked, call_fn=_call
        )

    def _checked(self, operation: Any) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            if id(operation) not in self._made:
                # Nothing but a mask, which tf_keras makes itself.
                return operation(*arguments, **keywords)
            # Attention of Keras 3 takes the masks off its inputs.
            if "training" in inspect.signature(operation.call).parameters:
                # Layers that change images at random take themselves to be in training unless told.
                keywords["training"] = False
            found = self._made[id(operation)](*arguments, **_without_masks(arguments, keywords))
            wanted = operation(*arguments, **keywords)
            _check_equal(operation, _arrays(found), _arrays(wanted))
            return wanted

        return call

    def _symbolic(self, operation: Any) -> Callable[..., Any]:
        """What calls the made layer at once, and a raw operation when its result is asked for.

        Keras 3 states masks as operations of the graph, tf_keras hands them on unseen: most are never asked for.
        """
        import keras

        if not isinstance(operation, keras.Layer):
            count = len(keras.tree.flatten(operation.output)) if operation._inbound_nodes else 1
            return lambda *arguments, **keywords: _Later.all(
                count, lambda: self._operation(operation)(*_resolved(arguments), **_resolved(keywords))
            )

        def call(*arguments: Any, **keywords: Any) -> Any:
            given = _resolved(arguments)
            return self._operation(operation)(
                *given, **_resolved(_without_defaults(operation, _without_masks(given, keywords)))
            )

        return call

    def _operation(self, operation: Any) -> Callable[..., Any]:
        import keras

        if id(operation) not in self._made:
            if isinstance(operation, keras.Model):
                self._made[id(operation)] = self.model(operation)
            elif isinstance(operation, keras.Layer):
                self._made[id(operation)] = keras_layers.remake(operation, self.model)
            else:
                self._made[id(operation)] = keras_operations.remake(operation)
        return self._made[id(operation)]


class _Later:
    """One of the results of an operation that is done when it is asked for, once."""

    def __init__(self, results: Callable[[], list[Any]], index: int) -> None:
        self._results, self._index = results, index

    @staticmethod
    def all(count: int, done: Callable[[], Any]) -> Any:
        """All results, in the structure of one where there is one."""
        import keras

        results = functools.cache(lambda: keras.tree.flatten(done()))
        each = [_Later(results, index) for index in range(count)]
        return each[0] if count == 1 else each

    def value(self) -> Any:
        """The result itself."""
        return self._results()[self._index]


def _resolved(values: Any) -> Any:
    import keras

    return keras.tree.map_structure(lambda value: value.value() if isinstance(value, _Later) else value, values)


def _without_masks(arguments: Any, keywords: dict[str, Any]) -> dict[str, Any]:
    """Keywords without the masks that the inputs carry: tf_keras layers find these by themselves."""
    import keras

    tensors = keras.tree.flatten((arguments, [value for name, value in keywords.items() if name not in _MASKS]))
    masked = any(getattr(tensor, "_keras_mask", None) is not None for tensor in tensors)
    return {name: value for name, value in keywords.items() if not (masked and name in _MASKS)}


def _without_defaults(operation: Any, keywords: dict[str, Any]) -> dict[str, Any]:
    """Keywords without the mode that Keras 3 records with a layer: stated, it would keep Dropout off in training."""
    mode = inspect.signature(operation.call).parameters.get("training")
    plain = mode is not None and keywords.get("training") == mode.default
    return {name: value for name, value in keywords.items() if not (plain and name == "training")}


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
    return keras_layers.fit_name(str(tensor._keras_history.operation.name))


def _call(operation: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    return operation(*arguments, **{name: value for name, value in keywords.items() if value is not None})


def _flat(outputs: Any) -> Any:
    import keras

    flat = keras.tree.flatten(outputs)
    return flat[0] if len(flat) == 1 else flat


def _arrays(values: Any) -> list[Array]:
    import keras

    return [np.asarray(value) for value in keras.tree.flatten(values)]


def _check_equal(operation: Any, found: list[Array], wanted: list[Array]) -> None:
    for ours, theirs in zip(found, wanted, strict=True):
        scale = float(np.abs(as_float(theirs)).max(initial=0))
        if ours.shape != theirs.shape or _distance(ours, theirs) > _LAYER_TOLERANCE * scale:
            raise BadInput(
                f"layer '{operation.name}' ({type(operation).__name__}) answers otherwise when made again in tf_keras",
                fix="replace the layer, or use a model without it",
            )


def prove(model: keras.Model, bridged: tf_keras.Model) -> float:
    """The largest difference of any output on sample inputs, once it is shown to be none of the bridge's making.

    Raises:
        BadInput: the outputs differ by more than 1e-5, and by more than a rounding of the inputs explains.
    """
    samples = [_samples(tensor) for tensor in bridged.inputs]
    wanted = _answers(model, samples)
    received = _arrays(bridged(samples[0] if len(samples) == 1 else samples, training=False))
    pairs = list(zip(received, wanted, strict=True))
    difference = max(_distance(ours, theirs) for ours, theirs in pairs)
    close = all(np.allclose(ours, theirs, rtol=_TOLERANCE, atol=_TOLERANCE) for ours, theirs in pairs)
    if not close and difference > _own_noise(model, samples, wanted):
        raise BadInput(
            "the model could not be made again: the answers in tf_keras and in Keras 3 differ",
            expected=f"outputs equal within {_TOLERANCE:g} on sample inputs",
            received=f"a difference of {difference:.3g}",
        )
    return difference


def _answers(model: keras.Model, samples: list[Any]) -> list[Array]:
    import keras

    structured = keras.tree.pack_sequence_as(_graph(model)._inputs_struct, samples)
    return _arrays(model(structured, training=False))


def _own_noise(model: keras.Model, samples: list[Any], answers: list[Array]) -> float:
    """How much the model's own answers change when its inputs change by a few float32 roundings.

    A deep network whose activations explode, as some do with random weights, blows a rounding up to any size.
    """
    nudged = [sample * (1 + _ROUNDING) if sample.dtype.is_floating else sample for sample in samples]
    again = _answers(model, nudged)
    return max(_distance(ours, theirs) for ours, theirs in zip(again, answers, strict=True))


def _distance(ours: Array, theirs: Array) -> float:
    """The largest difference, of conditions and unsigned numbers too."""
    return float(np.abs(as_float(ours) - as_float(theirs)).max(initial=0))


def _samples(tensor: Any) -> Any:
    import tensorflow as tf

    shape = (_SAMPLES, *(8 if size is None else size for size in tensor.shape[1:]))
    dtype, random = tf.as_dtype(tensor.dtype), np.random.default_rng(0)
    # Of both signs; as token ids, which models take as floats too, they are 0 and 1.
    values = random.uniform(-0.99, 1.99, size=shape) if dtype.is_floating else random.integers(0, 2, shape)
    return tf.constant(values, dtype)
