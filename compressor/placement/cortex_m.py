"""What runs on a Cortex-M: every operator that TensorFlow Lite Micro has a kernel for, all on the core."""

from __future__ import annotations

from pathlib import Path

from compressor import tflite_view
from compressor.placement import Placement
from compressor.placing import Decision, Placing
from compressor.target import Target
from compressor.tflite_view import Operator, View
from compressor.tflm import c_array, operators


def place(view: View, target: Target) -> Placing:
    """There is no accelerator: an operator runs on the core, or not at all."""
    return Placing(tuple(map(_decision, view.operators)))


def _decision(operator: Operator) -> Decision:
    first = operator.inputs[0] if operator.inputs else None
    constants = {tensor.type.lower() for tensor in operator.constants}
    reason = operators.why_not(operator.op, "" if first is None else first.type.lower(), constants)
    if reason is None:
        return Decision("cpu", "TensorFlow Lite Micro has a kernel for it")
    return Decision("unsupported", reason, "replace the layer, or write it in another precision")


def read(path: Path) -> View:
    """The model in a C array, or a `.tflite` file.

    Raises:
        BadInput: it is neither.
    """
    return tflite_view.parse(c_array.content(path)) if path.suffix == c_array.SUFFIX else tflite_view.read(path)


PLACEMENT = Placement(summary="Cortex-M: operators that TensorFlow Lite Micro has kernels for", place=place, read=read)
