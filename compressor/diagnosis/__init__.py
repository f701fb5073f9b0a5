"""Where a compressed file leaves its float32 file: layer by layer, and what is out of order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from compressor.values import Array

if TYPE_CHECKING:
    from compressor.report.evidence import Divergence, LayersPart


def layers(
    float_file: Path, compressed_file: Path, inputs: Mapping[str, Array], runtime: str | None = None
) -> LayersPart:
    """Every tensor of a compressed file against the same one of its float32 file, and what is out of order.

    What an operator *introduces* is measured by running it alone on the float32 file's own values, rounded to the
    scales of its inputs; the rest of a tensor's error is *inherited*. This is the per-layer analysis of TensorFlow's
    Quantization Debugger (tensorflow.org/lite/performance/quantization_debugger), for files of both formats.

    Args:
        inputs: samples by input name, as the model takes them; a single input may go without a name ("").
        runtime: of the compressed file; None for the first that opens it.

    Raises:
        BadInput: a file that cannot be looked into, or samples that do not fit.
        MissingTool: the runtime is not here; or `onnx`, for ONNX files.
    """
    from compressor.diagnosis import part

    return part.of(float_file, compressed_file, inputs, runtime)


def locate(
    reference: Path,
    file: Path,
    inputs: Mapping[str, Array],
    stage: Literal["conversion", "compression", "runtime"],
    runtime: str | None = None,
    log: Path | None = None,
) -> Divergence | None:
    """The first layer whose answers differ by more than they may, and how; None where none does.

    Args:
        reference: of a conversion the Keras file (`.h5`, `.keras`), of a compression the float32 file, of a runtime the
            file itself: its reference kernels are what others are compared with.
        inputs: samples by input name, as the model takes them.
        runtime: of `file`; None for the first that opens it.
        log: receives what TensorFlow prints while it runs a Keras file, in a process of its own; None throws it away.

    Raises:
        BadInput: a file that cannot be looked into, or samples that do not fit.
        MissingTool: a runtime, `onnx` or TensorFlow is not here.
        StageFailed: TensorFlow did not run the Keras file.
    """
    from compressor.diagnosis import divergence

    return divergence.first(reference, file, inputs, stage, runtime, log)
