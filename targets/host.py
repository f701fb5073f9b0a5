"""This machine: LiteRT and ONNX Runtime on the CPU. The row everyone can reproduce."""

from compressor.target import Fact, Route, Target
from compressor.values import Precision

TARGET = Target(
    name="host",
    summary="this machine's CPU: LiteRT and ONNX Runtime",
    routes=(
        Route("tflite", tuple(Precision), "litert"),
        Route("onnx", tuple(Precision), "onnxruntime"),
    ),
    facts={
        "number_formats": Fact(("float32", "float16", "int8", "uint8", "int16"), "https://ai.google.dev/edge/litert")
    },
    placement="cpu",
)
