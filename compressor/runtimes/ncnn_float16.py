"""NCNN on the CPU with its default options, as apps run it: float16 between layers where the machine has it."""

from __future__ import annotations

from compressor.ncnn_model.session import open_float16_session
from compressor.runtimes import Runtime

RUNTIME = Runtime(
    summary="NCNN on the CPU with its default options: float16 where there is any",
    suffixes=(".ncnn",),
    package="ncnn",
    pip_name="ncnn",
    open=open_float16_session,
)
