"""C++ source for TensorFlow Lite Micro: the very `.tflite` file as an array in flash."""

from __future__ import annotations

from pathlib import Path

from compressor.errors import StageFailed
from compressor.formats import Calibration, Format
from compressor.tflm import c_array, operators
from compressor.tflm.arena import arena
from compressor.values import Precision, Source


def write(source: Source, precision: Precision, calibration: Calibration, destination: Path) -> tuple[str, ...]:
    """Write the `.tflite` file that `source.model` is as C++; the notes say what it needs on the device.

    Raises:
        StageFailed: operators that TFLM cannot run, each by name.
        BadInput: tensors of a type that TFLM has no memory for.
    """
    content = source.model.read_bytes()
    refused = operators.refusals(content)
    if refused:
        told = "".join(f"\n  {each}" for each in refused)
        raise StageFailed(f"TensorFlow Lite Micro cannot run this file:{told}")
    destination.write_text(c_array.source(content), encoding="ascii", newline="\n")
    needed = f"flash {len(content)} bytes for the model", str(arena(content))
    return *needed, f"operators {', '.join(operators.names(content))}", *operators.cautions(content)


FORMAT = Format(
    summary="TFLite as a C array for TensorFlow Lite Micro",
    suffix=c_array.SUFFIX,
    precisions=(Precision.FLOAT32, Precision.INT8, Precision.INT16X8),
    write=write,
    made_of="tflite",
)
