"""tf_keras model → SavedModel with two signatures: what every format is written from.

`one` takes a single sample (all shapes constant: what microcontrollers, NPUs and the TFLite converter want),
`many` takes any number. No Keras is needed to read it again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.values import TensorSpec, clean_name

if TYPE_CHECKING:
    import tf_keras

ONE, MANY = "one", "many"


def export(
    model: tf_keras.Model, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], folder: Path
) -> None:
    """Write `model` to `folder`; `inputs` and `outputs` (see `specs`) give names and sample shapes."""
    import tensorflow as tf

    def call(*tensors: Any) -> dict[str, Any]:
        results = model(tensors[0] if len(tensors) == 1 else list(tensors), training=False)
        results = results if isinstance(results, (list, tuple)) else [results]
        return {spec.name: result for spec, result in zip(outputs, results, strict=True)}

    def signature(batch: int | None) -> Any:
        tensors = [tf.TensorSpec((batch, *spec.shape[1:]), spec.dtype, name=spec.name) for spec in inputs]
        return tf.function(call).get_concrete_function(*tensors)

    module = tf.Module()
    module.tracked = list(model.weights)
    tf.saved_model.save(module, str(folder), signatures={ONE: signature(1), MANY: signature(None)})


def specs(
    model: tf_keras.Model, sample_shapes: dict[str, tuple[int, ...]]
) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Input and output specs; free input dimensions take the data's size. First dimension is None: the batch."""
    names = input_names(model)
    inputs = tuple(
        TensorSpec(name, (None, *sample_shapes[name]), tensor.dtype.name)
        for name, tensor in zip(names, model.inputs, strict=True)
    )
    outputs = tuple(
        TensorSpec(name, tuple(tensor.shape), tensor.dtype.name)
        for name, tensor in zip(_unique(model.output_names), model.outputs, strict=True)
    )
    return inputs, outputs


def input_names(model: tf_keras.Model) -> list[str]:
    """The model's input names, made fit for every file format."""
    return _unique(model.input_names)


def _unique(names: list[str]) -> list[str]:
    clean: list[str] = []
    for name in names:
        word = clean_name(name)
        clean.append(word if word not in clean else f"{word}_{len(clean)}")
    return clean
