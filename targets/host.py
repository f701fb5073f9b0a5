"""This machine: LiteRT and ONNX Runtime on the CPU. The row everyone can reproduce."""

from compressor.target import Route, Target
from compressor.values import Precision

TARGET = Target(
    name="host",
    summary="this machine's CPU: LiteRT and ONNX Runtime",
    routes=(
        Route("tflite", tuple(Precision), "litert"),
        Route("onnx", tuple(Precision), "onnxruntime"),
    ),
)
