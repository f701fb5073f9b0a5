"""Coral Edge TPU: full-integer TFLite with static shapes and batch 1, then Google's own compiler."""

from compressor.target import Device, Route, Target
from compressor.values import Precision

_FLOAT = "the Edge TPU computes in int8 only; use a recipe with precision int8"

TARGET = Target(
    name="coral",
    summary="Coral Edge TPU (USB, PCIe, M.2, Dev Board): full int8 TFLite, batch 1",
    # The Edge TPU's integer arithmetic is that of the reference kernels, not of XNNPACK.
    routes=(Route("tflite", (Precision.INT8,), "litert_reference", baseline_runtime="litert"),),
    device=Device(
        runtime="edgetpu",
        reason="no Edge TPU here; compile with `edgetpu_compiler -s FILE` (x86-64 Linux) and run the result with the "
        "libedgetpu delegate of LiteRT",
    ),
    refusals={
        Precision.FLOAT32: _FLOAT,
        Precision.FLOAT16: _FLOAT,
        Precision.DYNAMIC_INT8: "its activations stay float; use a recipe with precision int8",
        Precision.INT16X8: "its activations are int16; use a recipe with precision int8",
    },
    sources=("https://coral.ai/docs/edgetpu/models-intro/",),
)
