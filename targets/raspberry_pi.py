"""Raspberry Pi 4 and 5 (64-bit OS): LiteRT with XNNPACK on Cortex-A cores."""

from compressor.target import Device, Route, Target
from compressor.values import Precision

TARGET = Target(
    name="raspberry_pi",
    summary="Raspberry Pi 4/5, 64-bit: LiteRT with XNNPACK",
    routes=(Route("tflite", tuple(Precision), "litert"),),
    device=Device(
        runtime="litert on the board",
        reason="no board here; copy the file and data.npz there, install this package (no TensorFlow needed), and run "
        "`compressor measure FILE --data data.npz`: latency counts only from the board itself",
    ),
    sources=("https://ai.google.dev/edge/litert/microcontrollers/python",),
)
