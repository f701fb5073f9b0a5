"""NCNN on the CPU, in float32 arithmetic; int8 files compute their convolutions and dense layers in int8."""

from __future__ import annotations

from compressor.ncnn_model.session import open_session
from compressor.runtimes import Runtime

RUNTIME = Runtime(
    summary="NCNN on the CPU, float32 arithmetic (options of float16 off)",
    suffixes=(".ncnn",),
    package="ncnn",
    pip_name="ncnn",
    open=open_session,
)
