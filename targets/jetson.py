"""NVIDIA Jetson: TensorRT-ready ONNX, built into an engine on the device."""

from compressor.target import Device, Fact, Route, Target, Variant
from compressor.values import Precision

_SUPPORT = "https://docs.nvidia.com/deeplearning/tensorrt/latest/getting-started/support-matrix.html"
_JETPACK = "https://developer.nvidia.com/embedded/jetpack-archive"
_MODULES = "https://developer.nvidia.com/embedded/jetson-modules"
_ORIN = {
    "compute_capability": Fact("8.7", _SUPPORT),
    "number_formats": Fact(("float32", "float16", "bfloat16", "int8", "2:4 sparse int8"), _SUPPORT),
    "tensorrt": Fact("10.3 with JetPack 6.1 and 6.2", _JETPACK, confirmed=False),
}

TARGET = Target(
    name="jetson",
    summary="NVIDIA Jetson: TensorRT-ready ONNX (symmetric QDQ, static batch 1)",
    routes=(Route("onnx_tensorrt", (Precision.FLOAT32, Precision.FLOAT16, Precision.INT8), "onnxruntime"),),
    device=Device(
        runtime="tensorrt",
        reason="no TensorRT here; build on the Jetson with `trtexec --onnx=FILE --saveEngine=FILE.plan` "
        "(TensorRT 8 to 10: add `--int8 --fp16` for an int8 file, `--fp16` for a float16 file)",
    ),
    refusals={
        Precision.DYNAMIC_INT8: "TensorRT needs scales that are constants (no DynamicQuantizeLinear); use int8",
        Precision.INT16X8: "TensorRT has no int16 arithmetic; use int8 or float16",
    },
    sources=("https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/work-quantized-types.html",),
    facts={"number_formats": Fact(("float32", "float16", "int8"), _SUPPORT)},
    variants=(
        Variant(
            "jetson_orin_nano",
            "Jetson Orin Nano, 4 and 8 GB: Ampere, no DLA",
            {**_ORIN, "dla_cores": Fact(0, _MODULES, confirmed=False)},
        ),
        Variant(
            "jetson_orin_nx",
            "Jetson Orin NX, 8 and 16 GB: Ampere, one or two DLA of version 2",
            {**_ORIN, "dla_cores": Fact("1 (8 GB), 2 (16 GB)", _MODULES, confirmed=False)},
        ),
        Variant(
            "jetson_agx_orin",
            "Jetson AGX Orin, 32 and 64 GB: Ampere, two DLA of version 2",
            {**_ORIN, "dla_cores": Fact(2, _MODULES)},
        ),
        Variant(
            "jetson_xavier",
            "Jetson AGX Xavier and Xavier NX: Volta, two DLA of version 1",
            {
                "compute_capability": Fact("7.2", _SUPPORT),
                "tensorrt": Fact("8.5 with JetPack 5.1, the last", _JETPACK, confirmed=False),
                "dla_cores": Fact(2, _MODULES),
            },
        ),
        Variant(
            "jetson_thor",
            "Jetson AGX Thor: Blackwell, fp8 and fp4, no DLA",
            {
                "compute_capability": Fact("10.1 or 11.0, by TensorRT's release", _SUPPORT),
                "number_formats": Fact(("float32", "float16", "bfloat16", "int8", "fp8", "fp4"), _SUPPORT),
                "tensorrt": Fact("10.13 or later; 11.4.1 with JetPack 7.2.2", _SUPPORT),
                "dla_cores": Fact(0, _MODULES),
            },
        ),
    ),
)
