"""Coral Edge TPU: full-integer TFLite with static shapes and batch 1, then Google's own compiler."""

from compressor.target import Device, Fact, Route, Target, Variant
from compressor.values import Precision

_FLOAT = "the Edge TPU computes in int8 only; use a recipe with precision int8"
_MODELS = "https://coral.ai/docs/edgetpu/models-intro/"
_COMPILER = "https://coral.ai/docs/edgetpu/compiler/"
_LOG = "https://github.com/google-coral/edgetpu/issues/671"
_MICRO = "https://coral.ai/static/files/Coral-Dev-Board-Micro-datasheet.pdf"
_MIB = 1 << 20

TARGET = Target(
    name="coral",
    summary="Coral Edge TPU (USB, PCIe, M.2, Dev Board): full int8 TFLite, batch 1",
    # The Edge TPU's integer arithmetic is that of the reference kernels, not of XNNPACK.
    routes=(Route("tflite", (Precision.INT8,), "litert_reference", "litert", "edgetpu"),),
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
    sources=(_MODELS,),
    facts={
        "accelerator": Fact("Edge TPU, 4 TOPS in int8", "https://coral.ai/products/accelerator/"),
        "number_formats": Fact(("int8", "uint8"), _MODELS),
        "parameter_cache_bytes": Fact(8 * _MIB, _COMPILER),
        # Seen in logs of version 16.0: 4.49 MiB used and 3.01 MiB left.
        "usable_parameter_cache_bytes": Fact(15 * _MIB // 2, _LOG),
        "compiler": Fact("edgetpu_compiler 16.0, x86-64 Linux only", _COMPILER),
        "runtime_version": Fact(14, "https://coral.ai/docs/edgetpu/compiler/#compiler-and-runtime-versions"),
    },
    variants=(
        Variant(
            name="coral-micro",
            summary="Coral Dev Board Micro: Edge TPU beside a Cortex-M7, TFLite Micro for what stays on the CPU",
            facts={
                "cpu": Fact("i.MX RT1176: Cortex-M7 at 800 MHz, Cortex-M4 at 400 MHz", _MICRO),
                "ram_bytes": Fact(64 * _MIB, _MICRO),
                "flash_bytes": Fact(128 * _MIB, _MICRO),
            },
            device=Device(
                runtime="edgetpu",
                reason="no Coral Dev Board Micro here; compile with `edgetpu_compiler -s FILE` (x86-64 Linux) and run "
                "the result with coralmicro's TFLite Micro, its Edge TPU operator registered",
            ),
            bundle="coral_micro",
        ),
    ),
    placement="coral",
)
