"""Models that TensorFlow runs: tf_keras, Keras 3 and plain SavedModel graphs, as one kind of network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor import saved_model
from compressor.networks import Network, grouped, recurrent, sized
from compressor.values import Array, Split, TensorSpec, clean_name

if TYPE_CHECKING:
    import keras
    import tf_keras


@dataclass(frozen=True)
class TensorFlowNetwork:
    """A function on tensors and the variables it reads.

    Attributes:
        call: tensors in the order of `inputs` → tensors in the order of `outputs`. It is traced anew for every file,
            so that shapes known there reach every operator: converters need them.
        variables: every `tf.Variable`, by name.
        tracked: what has to stay alive, and be saved, for `call` to work.
        without_loops: the same as `call` with the steps of recurrent layers written out, where there are such.
        writing: what `call` is traced within for a file.
    """

    call: Callable[[list[Any]], list[Any]]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    variables: dict[str, Any]
    tracked: Any
    without_loops: Callable[[list[Any]], list[Any]] | None = None
    writing: Callable[[], AbstractContextManager[None]] = nullcontext

    @property
    def parameters(self) -> int:
        """Number of values in all variables."""
        return sum(int(np.prod(variable.shape)) for variable in self.variables.values())

    def weights(self) -> Iterator[tuple[str, Array]]:
        """Every variable that holds numbers."""
        for name, variable in self.variables.items():
            if variable.dtype.is_floating or variable.dtype.is_integer:
                yield name, variable.numpy()

    def answers(self, samples: Split) -> dict[str, Array]:
        """Outputs by name for a block of samples."""
        import tensorflow as tf

        fed = [tf.constant(samples.inputs[spec.name], spec.dtype) for spec in self.inputs]
        return {spec.name: result.numpy() for spec, result in zip(self.outputs, self._compiled(fed), strict=True)}

    @cached_property
    def _compiled(self) -> Callable[[list[Any]], list[Any]]:
        import tensorflow as tf

        compiled: Callable[[list[Any]], list[Any]] = tf.function(self.call, reduce_retracing=True)
        return compiled

    def leave(self, shapes: Mapping[str, tuple[int, ...]], destination: Path) -> None:
        """Write a SavedModel with the signatures that formats read."""
        inputs = sized(self.inputs, shapes)
        without_loops = self.without_loops if recurrent.short_enough(shapes) else None
        with self.writing():
            saved_model.export(self.call, self.tracked, inputs, self.outputs, destination, without_loops)


def of_tf_keras(model: tf_keras.Model) -> TensorFlowNetwork:
    """The network of a tf_keras model; its Dropout and the like are off, and every call starts from a fresh state."""
    _settle(model)

    def call(tensors: list[Any]) -> list[Any]:
        with recurrent.fresh_state(model):
            results = model(tensors[0] if len(tensors) == 1 else tensors, training=False)
        return list(results) if isinstance(results, (list, tuple)) else [results]

    loops = recurrent.loops(model)

    def without_loops(tensors: list[Any]) -> list[Any]:
        with recurrent.written_out(loops):
            return call(tensors)

    return TensorFlowNetwork(
        call,
        _specs(unique(model.input_names), model.inputs),
        _specs(unique(model.output_names), model.outputs),
        {weight.name: weight for weight in model.weights},
        list(model.weights),
        without_loops if loops else None,
        lambda: grouped.as_operators(model),
    )


def in_place_of(model: tf_keras.Model, original: Network) -> TensorFlowNetwork:
    """The network of a model that took the place of another, under the names of its inputs and outputs."""
    network = of_tf_keras(model)
    outputs = zip(network.outputs, original.outputs, strict=True)
    return replace(
        network, inputs=original.inputs, outputs=tuple(replace(spec, name=other.name) for spec, other in outputs)
    )


def _settle(model: tf_keras.Model) -> None:
    """Put aside what layers keep of their making and cannot be carried into another graph."""
    for layer in model._flatten_layers():
        # Regularizers of activations leave the symbol of a loss, which training inside a wrapper would read.
        layer._losses = []
        if type(layer).__name__ == "Normalization" and layer.built:
            layer.finalize_state()
            # As tensors, tf2onnx would make them inputs.
            layer.mean, layer.variance = np.asarray(layer.mean), np.asarray(layer.variance)


def of_keras_3(model: keras.Model) -> TensorFlowNetwork:
    """The network of a Keras 3 model on the TensorFlow backend, as it is."""
    import keras

    model = functional(model)

    def call(tensors: list[Any]) -> list[Any]:
        structured = keras.tree.pack_sequence_as(model._inputs_struct, tensors)
        return list(keras.tree.flatten(model(structured, training=False)))

    variables = {variable.path: variable.value for variable in model.variables}
    inputs = unique([str(tensor._keras_history.operation.name) for tensor in model.inputs])
    outputs = unique([str(name) for name in model.output_names])
    return TensorFlowNetwork(
        call,
        _specs(inputs, model.inputs),
        _specs(outputs, model.outputs),
        variables,
        list(variables.values()),
    )


def functional(model: keras.Model) -> keras.Model:
    """The model as one with symbolic inputs: a subclassed one is called on inputs of the shape it was built for."""
    import keras

    if isinstance(model, keras.Sequential):
        return model._functional
    if hasattr(model, "_inputs_struct"):
        return model
    shapes = (getattr(model, "_build_shapes_dict", None) or {}).values()
    inputs = [keras.Input(batch_shape=tuple(shape)) for shape in shapes]
    return keras.Model(inputs, model(*inputs), name=model.name)


def unique(names: list[str]) -> list[str]:
    """Names made fit for every file format, each of them once."""
    clean: list[str] = []
    for name in names:
        word = clean_name(name)
        clean.append(word if word not in clean else f"{word}_{len(clean)}")
    return clean


def _specs(names: list[str], tensors: Any) -> tuple[TensorSpec, ...]:
    return tuple(
        # Keras tells shapes as tuples and dtypes as names, TensorFlow as objects of its own.
        TensorSpec(name, (None, *tuple(tensor.shape)[1:]), getattr(tensor.dtype, "name", tensor.dtype))
        for name, tensor in zip(names, tensors, strict=True)
    )
