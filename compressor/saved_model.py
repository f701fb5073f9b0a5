"""Any function on tensors → SavedModel with signatures: what the formats of TensorFlow's side are written from.

`one` takes a single sample (all shapes constant: what microcontrollers, NPUs and the TFLite converter want),
`many` takes any number; `unrolled`, where a network has recurrent layers that would be loops, is `one` with their steps
written out, for converters that cannot quantize a loop. No Keras is needed to read it again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from compressor.values import TensorSpec

ONE, MANY, UNROLLED = "one", "many", "unrolled"


def export(
    call: Callable[[list[Any]], list[Any]],
    tracked: Any,
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    folder: Path,
    without_loops: Callable[[list[Any]], list[Any]] | None = None,
) -> None:
    """Write `call` to `folder`; `inputs` (the batch apart, of constant shape) and `outputs` name its ends.

    Args:
        tracked: the variables that `call` reads, or what holds them.
        without_loops: the same as `call`, its loops written out.
    """
    import tensorflow as tf

    def signature(call: Callable[[list[Any]], list[Any]], batch: int | None) -> Any:
        def named(*tensors: Any) -> dict[str, Any]:
            return {spec.name: result for spec, result in zip(outputs, call(list(tensors)), strict=True)}

        tensors = [tf.TensorSpec((batch, *spec.shape[1:]), spec.dtype, name=spec.name) for spec in inputs]
        return tf.function(named).get_concrete_function(*tensors)

    module = tf.Module()
    module.tracked = tracked
    signatures = {ONE: signature(call, 1), MANY: signature(call, None)}
    if without_loops is not None:
        signatures[UNROLLED] = signature(without_loops, 1)
    tf.saved_model.save(module, str(folder), signatures=signatures)


def has_unrolled(folder: Path) -> bool:
    """Whether a SavedModel of `export` has the signature without loops."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    content = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    return any(UNROLLED in graph.signature_def for graph in content.meta_graphs)
