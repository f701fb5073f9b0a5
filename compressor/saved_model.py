"""Any function on tensors → SavedModel with two signatures: what the formats of TensorFlow's side are written from.

`one` takes a single sample (all shapes constant: what microcontrollers, NPUs and the TFLite converter want),
`many` takes any number. No Keras is needed to read it again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from compressor.values import TensorSpec

ONE, MANY = "one", "many"


def export(
    call: Callable[[list[Any]], list[Any]],
    tracked: Any,
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    folder: Path,
) -> None:
    """Write `call` to `folder`; `inputs` (the batch apart, of constant shape) and `outputs` name its ends.

    Args:
        tracked: the variables that `call` reads, or what holds them.
    """
    import tensorflow as tf

    def named(*tensors: Any) -> dict[str, Any]:
        return {spec.name: result for spec, result in zip(outputs, call(list(tensors)), strict=True)}

    def signature(batch: int | None) -> Any:
        tensors = [tf.TensorSpec((batch, *spec.shape[1:]), spec.dtype, name=spec.name) for spec in inputs]
        return tf.function(named).get_concrete_function(*tensors)

    module = tf.Module()
    module.tracked = tracked
    tf.saved_model.save(module, str(folder), signatures={ONE: signature(1), MANY: signature(None)})
