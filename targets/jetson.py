"""NVIDIA Jetson: TensorRT-ready ONNX, built into an engine on the device, for its GPU or its DLA."""

from compressor.target import Device, Fact, Route, Target, Variant
from compressor.values import Precision

_SUPPORT = "https://docs.nvidia.com/deeplearning/tensorrt/latest/getting-started/support-matrix.html"
_NOTES = "https://docs.nvidia.com/deeplearning/tensorrt/latest/getting-started/release-notes.html"
_RESTRICTIONS = "https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/work-with-dla.html"
_JETPACK = "https://developer.nvidia.com/embedded/jetpack-archive"
_MODULES = "https://developer.nvidia.com/embedded/jetson-modules"
_TENSORRT_10_3 = {
    "tensorrt": Fact("10.3", _JETPACK, confirmed=False),
    "tensorrt_major": Fact(10, _JETPACK, confirmed=False),
    "jetpack": Fact("6.1 and 6.2", _JETPACK, confirmed=False),
}
_ORIN = {
    **_TENSORRT_10_3,
    "compute_capability": Fact(8.7, _SUPPORT),
    "number_formats": Fact(("float32", "float16", "bfloat16", "int8", "2:4 sparse int8"), _SUPPORT),
}
_XAVIER = {
    "tensorrt": Fact("8.5", _JETPACK, confirmed=False),
    "tensorrt_major": Fact(8, _JETPACK, confirmed=False),
    "jetpack": Fact("5.1, the last", _JETPACK, confirmed=False),
    "compute_capability": Fact(7.2, _SUPPORT),
    "dla_cores": Fact(2, _MODULES),
}
_THOR = {
    "compute_capability": Fact(11.0, _SUPPORT, confirmed=False),
    "number_formats": Fact(("float32", "float16", "bfloat16", "int8", "fp8", "fp4"), _SUPPORT),
    "dla_cores": Fact(0, _MODULES),
}
_DLA_1 = {"dla_version": Fact(1, _RESTRICTIONS), "fallback": Fact("GPU", _RESTRICTIONS)}
_DLA_2 = {"dla_version": Fact(2, _RESTRICTIONS), "fallback": Fact("GPU", _RESTRICTIONS)}
_NX = {**_ORIN, "dla_cores": Fact("1 (8 GB), 2 (16 GB)", _MODULES, confirmed=False)}
_AGX = {**_ORIN, "dla_cores": Fact(2, _MODULES)}
_JETPACK_7_2 = {
    "tensorrt": Fact("11.4.1", _NOTES),
    "tensorrt_major": Fact(11, _NOTES),
    "jetpack": Fact("7.2.2 or later", _NOTES),
}

TARGET = Target(
    name="jetson",
    summary="NVIDIA Jetson: TensorRT-ready ONNX (symmetric QDQ, static batch 1), TensorRT 10.3 on Orin",
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
    facts={**_ORIN, "number_formats": Fact(("float32", "float16", "int8"), _SUPPORT)},
    variants=(
        Variant(
            "jetson_orin_nano",
            "Jetson Orin Nano, 4 and 8 GB: Ampere, no DLA",
            {**_ORIN, "dla_cores": Fact(0, _MODULES, confirmed=False)},
        ),
        Variant("jetson_orin_nx", "Jetson Orin NX, 8 and 16 GB: Ampere, one or two DLA of version 2", _NX),
        Variant("jetson_orin_nx_dla", "Jetson Orin NX, on its DLA, with GPU fallback", {**_NX, **_DLA_2}),
        Variant("jetson_agx_orin", "Jetson AGX Orin, 32 and 64 GB: Ampere, two DLA of version 2", _AGX),
        Variant("jetson_agx_orin_dla", "Jetson AGX Orin, on its DLA, with GPU fallback", {**_AGX, **_DLA_2}),
        Variant(
            "jetson_agx_orin_dla_trt11",
            "Jetson AGX Orin, on its DLA with GPU fallback, TensorRT 11.4.1",
            {**_AGX, **_DLA_2, **_JETPACK_7_2},
        ),
        Variant("jetson_xavier", "Jetson AGX Xavier and Xavier NX: Volta, two DLA of version 1", _XAVIER),
        Variant("jetson_xavier_dla", "Jetson Xavier, on its DLA, with GPU fallback", {**_XAVIER, **_DLA_1}),
        Variant(
            "jetson_thor",
            "Jetson AGX Thor: Blackwell, fp8 and fp4, no DLA, TensorRT 10.13",
            {
                **_THOR,
                "tensorrt": Fact("10.13", _SUPPORT),
                "tensorrt_major": Fact(10, _SUPPORT),
                "jetpack": Fact("7.0", _JETPACK, confirmed=False),
            },
        ),
        Variant("jetson_thor_trt11", "Jetson AGX Thor with TensorRT 11.4.1", {**_THOR, **_JETPACK_7_2}),
    ),
    placement="tensorrt",
)
