"""Operators of an ONNX file by the time they take, as ONNX Runtime's own profile has it.

Source: onnxruntime.ai/docs/performance/tune-performance/profiling-tools.html.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compressor.measurement import latency
from compressor.onnx_view.listing import layer_named
from compressor.runtimes.onnxruntime import OnnxSession
from compressor.values import Array

_TIMED_S, _LEAST = 0.5, 5
_KERNEL = "_kernel_time"


@dataclass(frozen=True, slots=True)
class OperatorTime:
    """What one operator takes of a run; see `compressor.report.figures.OperatorTime`."""

    op: str
    name: str
    layer: str
    ms: float
    share: float


def profile(path: Path, sample: Mapping[str, Array], threads: int) -> tuple[OperatorTime, ...]:
    """All operators as the runtime executes them, after its own optimizations, the longest first.

    The first run does not count. Profiling takes time itself, which is spread over operators: shares are what to read.
    """
    with tempfile.TemporaryDirectory() as folder:
        session = OnnxSession(path, threads, profile=Path(folder) / "profile")
        runs = len(latency.repeated(session, sample, _TIMED_S, _LEAST))
        events = json.loads(Path(session.end_profile()).read_text(encoding="utf-8"))
    return of_events(events, runs)


def of_events(events: list[dict[str, Any]], runs: int) -> tuple[OperatorTime, ...]:
    """The operators in a profile of so many runs, the longest first."""
    durations: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith(_KERNEL):
            durations[event["args"]["op_name"], event["name"].removesuffix(_KERNEL)].append(event["dur"] / 1e3)
    means: dict[tuple[str, str], float] = {}
    for key, times in durations.items():
        # An operator in a loop runs several times a run.
        first = len(times) // runs
        means[key] = sum(times[first:]) / max(runs - 1, 1)
    total = sum(means.values()) or 1.0
    return tuple(
        OperatorTime(op, name, layer_named(name), round(ms, 5), round(ms / total, 4))
        for (op, name), ms in sorted(means.items(), key=lambda item: (-item[1], item[0]))
    )
