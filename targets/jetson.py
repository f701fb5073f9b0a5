"""NVIDIA Jetson: TensorRT-ready ONNX, built into an engine on the device."""

from compressor.target import Device, Route, Target
from compressor.values import Precision

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
)
