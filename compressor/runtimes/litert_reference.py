"""LiteRT with its reference kernels: slow and exact, the arithmetic that microcontrollers and the Edge TPU follow."""

from __future__ import annotations

from pathlib import Path

from compressor.runtimes import Runtime
from compressor.tflite_session import Kernels, TfliteSession


def open_session(path: Path, threads: int) -> TfliteSession:
    """Open a `.tflite` file; the reference kernels use one thread whatever `threads` says."""
    return TfliteSession(path, threads, Kernels.REFERENCE)


RUNTIME = Runtime(
    summary="TFLite interpreter, reference kernels (bit-exact with integer devices)",
    suffixes=(".tflite",),
    package="ai_edge_litert",
    pip_name="ai-edge-litert",
    open=open_session,
)
