"""LiteRT with its reference kernels: slow and exact, the arithmetic that microcontrollers and the Edge TPU follow."""

from __future__ import annotations

from pathlib import Path

from compressor.runtimes import Runtime
from compressor.tflite_view.session import Kernels, TfliteSession
from compressor.tflm import c_array


def open_session(path: Path, threads: int) -> TfliteSession:
    """Open a `.tflite` file, or the one inside a C array; one thread whatever `threads` says.

    TensorFlow Lite Micro computes with the same kernels, and takes its model as a C array.
    """
    read = c_array.content if path.suffix == c_array.SUFFIX else Path.read_bytes
    return TfliteSession(path, threads, Kernels.REFERENCE, read)


RUNTIME = Runtime(
    summary="TFLite interpreter, reference kernels (bit-exact with integer devices)",
    suffixes=(".tflite", c_array.SUFFIX),
    package="ai_edge_litert",
    pip_name="ai-edge-litert",
    open=open_session,
    module="ai_edge_litert.interpreter",
)
