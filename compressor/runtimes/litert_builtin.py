"""LiteRT with its own optimized kernels and no delegate: what runs where XNNPACK refuses an operator."""

from __future__ import annotations

from pathlib import Path

from compressor.runtimes import Runtime
from compressor.tflite_view.session import Kernels, TfliteSession


def open_session(path: Path, threads: int) -> TfliteSession:
    """Open a `.tflite` file with `threads` threads."""
    return TfliteSession(path, threads, Kernels.BUILTIN)


RUNTIME = Runtime(
    summary="TFLite interpreter, its own optimized kernels without XNNPACK",
    suffixes=(".tflite",),
    package="ai_edge_litert",
    pip_name="ai-edge-litert",
    open=open_session,
    module="ai_edge_litert.interpreter",
)
