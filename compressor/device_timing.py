"""Latency of a device that is this very machine: where its own tool is installed and its processor the target's."""

from __future__ import annotations

from typing import Any

from compressor import onnx_view
from compressor.report.figures import LatencyValue
from compressor.target import Target
from compressor.tensorrt import trtexec
from compressor.values import Artifact, Provenance


def of(artifact: Artifact, target: Target, timeout: float) -> dict[str, Any] | None:
    """The cells of a measured row; None where no tool of the target is here.

    Raises:
        MissingTool: it is here, but for another device.
        StageFailed: it refused the file, crashed, hung or printed nothing that can be read.
    """
    if target.placement != "tensorrt" or trtexec.program() is None:
        return None
    graph = onnx_view.read(artifact.path)
    timed = trtexec.time(artifact.path, graph, target, str(artifact.precision), timeout)
    figures = timed.latency
    latency = LatencyValue(p50=figures[50], p90=figures[90], p99=figures[99], threads=1, runs=timed.queries)
    throughput = f"{timed.throughput:g} inferences per second"
    return {
        "provenance": Provenance.MEASURED.value,
        "host": f"{timed.device}, TensorRT {timed.version}",
        "latency_ms": latency,
        "notes": [f"by trtexec, on random inputs: {throughput}; answers were not compared"],
    }
