"""LiteRT (the TFLite interpreter) with its default kernels: XNNPACK where it can, as on a phone or a Raspberry Pi."""

from __future__ import annotations

from pathlib import Path

from compressor.runtimes import Runtime
from compressor.tflite_view.session import Kernels, TfliteSession


def open_session(path: Path, threads: int) -> TfliteSession:
    """Open a `.tflite` file with `threads` threads."""
    return TfliteSession(path, threads, Kernels.DEFAULT)


RUNTIME = Runtime(
    summary="TFLite interpreter, XNNPACK kernels",
    suffixes=(".tflite",),
    package="ai_edge_litert",
    pip_name="ai-edge-litert",
    open=open_session,
    module="ai_edge_litert.interpreter",
)
