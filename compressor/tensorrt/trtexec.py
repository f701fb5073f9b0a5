"""`trtexec`, NVIDIA's own program: run in a child process, and its log read.

The form of the log is that of TensorRT 8 to 10, which state version, device and latencies so.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from compressor.errors import MissingTool, StageFailed
from compressor.lint.tensorrt.sparsity import sparse_layers
from compressor.onnx_view import Graph
from compressor.process import run_to_end
from compressor.target import Target
from compressor.tensorrt import command
from compressor.tensorrt.board import Board

HELP = "it comes with TensorRT, in /usr/src/tensorrt/bin on a Jetson; add that folder to PATH"
_VERSION = re.compile(r"\[TensorRT v(\d+)\]")
_DEVICE = re.compile(r"Selected Device: (.+)")
_CAPABILITY = re.compile(r"Compute Capability: (\d+\.\d+)")
_THROUGHPUT = re.compile(r"Throughput: ([\d.]+) qps")
_LATENCY = re.compile(r"\] Latency: (.+)")
_QUERIES = re.compile(r"Timing trace has (\d+) queries")
_FIGURE = re.compile(r"(median|percentile\((\d+)%\)) = ([\d.]+) ms")
_PASSED = "&&&& PASSED TensorRT.trtexec"


@dataclass(frozen=True, slots=True)
class Timed:
    """What a log says.

    Attributes:
        version: TensorRT's, such as 10.3.0.
        device: name of the GPU.
        capability: its compute capability.
        latency: milliseconds for one batch, by percentile; 50 is the median.
        throughput: batches per second.
        queries: how many were timed.
    """

    version: str
    device: str
    capability: float
    latency: dict[int, float]
    throughput: float
    queries: int


def program() -> str | None:
    """The program on PATH."""
    return shutil.which(command.PROGRAM)


def time(path: Path, graph: Graph, target: Target, precision: str, timeout: float) -> Timed:
    """Build an engine of a file and time it; the engine is thrown away.

    Raises:
        MissingTool: no trtexec on PATH, or its GPU is not the target's.
        StageFailed: it refused the file, crashed, took longer than `timeout` seconds, or printed no latencies.
    """
    found, board = program(), Board.of(target)
    if found is None:
        raise MissingTool(f"{command.PROGRAM} is not on PATH", fix=HELP)
    with tempfile.TemporaryDirectory(prefix="compressor-") as folder:
        plan = str(Path(folder) / "model.plan")
        sparse = bool(sparse_layers(graph))
        words = command.words(board, str(path.resolve()), plan, precision, board.profiles(graph), sparse)
        done = run_to_end(f"{command.PROGRAM} on {path.name}", [found, *words[1:]], timeout)
    if done.returncode != 0 or _PASSED not in done.stdout:
        raise StageFailed(f"{command.PROGRAM} refused {path.name}", received=_told(done.stdout + done.stderr))
    timed = parsed(done.stdout)
    if not board.is_gpu(timed.capability):
        raise MissingTool(
            f"{command.PROGRAM} ran on {timed.device}, of compute capability {timed.capability:g}: not {target.name}",
            expected=f"{board.capability:g}{'' if board.exact else ' or later'}",
        )
    return timed


def parsed(log: str) -> Timed:
    """What a log says.

    Raises:
        StageFailed: it has no latencies, or does not say of which device.
    """
    version, device, capability = _VERSION.search(log), _DEVICE.search(log), _CAPABILITY.search(log)
    throughput, line, queries = _THROUGHPUT.search(log), _LATENCY.search(log), _QUERIES.search(log)
    latency = {}
    for name, percent, value in _FIGURE.findall(line[1]) if line else ():
        latency[50 if name == "median" else int(percent)] = float(value)
    if not (version and device and capability and throughput and {50, 90, 99} <= set(latency)):
        raise StageFailed(f"{command.PROGRAM} printed no latencies", received=_told(log))
    return Timed(
        _release(version[1]),
        device[1].strip(),
        float(capability[1]),
        latency,
        float(throughput[1]),
        int(queries[1]) if queries else 0,
    )


def _release(code: str) -> str:
    """8502 → 8.5.2, 100300 → 10.3.0."""
    number = int(code)
    thousands = 1000 if number < 10000 else 10000
    return f"{number // thousands}.{number % thousands // 100}.{number % 100}"


def _told(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if "[E]" in line or "FAILED" in line]
    return "; ".join((errors or lines)[-4:])[:400] or "nothing"
