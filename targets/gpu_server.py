"""Servers with NVIDIA GPUs (DGX and the like): TensorRT-ready ONNX, built into an engine on the server."""

from compressor.target import Device, Fact, Route, Target, Variant
from compressor.values import Precision

_SUPPORT = "https://docs.nvidia.com/deeplearning/tensorrt/latest/getting-started/support-matrix.html"
_CAPABILITY = "https://developer.nvidia.com/cuda-gpus"

TARGET = Target(
    name="gpu_server",
    summary="server with NVIDIA GPUs from A100 on: TensorRT-ready ONNX (symmetric QDQ, batch 1), TensorRT 10",
    routes=(Route("onnx_tensorrt", (Precision.FLOAT32, Precision.FLOAT16, Precision.INT8), "onnxruntime"),),
    device=Device(
        runtime="tensorrt",
        reason="no TensorRT here; build on the server with `trtexec --onnx=FILE --saveEngine=FILE.plan` "
        "(TensorRT 10: add `--int8 --fp16` for an int8 file, `--fp16` for a float16 file)",
    ),
    refusals={
        Precision.DYNAMIC_INT8: "TensorRT needs scales that are constants (no DynamicQuantizeLinear); use int8",
        Precision.INT16X8: "TensorRT has no int16 arithmetic; use int8 or float16",
    },
    sources=("https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/work-quantized-types.html",),
    facts={
        "gpus": Fact(
            ("7.0 V100", "7.5 T4", "8.0 A100", "8.9 L4, L40", "9.0 H100, H200", "10.0 B200"),
            _CAPABILITY,
            confirmed=False,
        ),
        "oldest_compute_capability": Fact(8.0, _CAPABILITY, confirmed=False),
        "number_formats": Fact(("float32", "float16", "int8", "bfloat16 from 8.0", "fp8 from 8.9"), _SUPPORT),
        "sparsity": Fact("2:4 from 8.0, with `trtexec --sparsity=enable`", _SUPPORT),
        "tensorrt": Fact("10.0", _SUPPORT),
        "tensorrt_major": Fact(10, _SUPPORT),
    },
    variants=(
        Variant(
            "gpu_server_trt11",
            "server with NVIDIA GPUs and TensorRT 11, which takes precision from the file",
            {"tensorrt": Fact("11.0", _SUPPORT), "tensorrt_major": Fact(11, _SUPPORT)},
        ),
        Variant(
            "gpu_server_t4",
            "server with T4 GPUs, TensorRT 10: Turing, without bfloat16, fp8 and 2:4 sparsity",
            {"oldest_compute_capability": Fact(7.5, _CAPABILITY, confirmed=False)},
        ),
    ),
    placement="tensorrt",
)
