"""The one row of figures that Vela leaves: its own estimate of time and memory."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping

from compressor.errors import StageFailed
from compressor.placing import Estimate

_KIB = 1024
_MEMORIES = {
    "sram_bytes": ("sram_memory_used",),
    "dram_bytes": ("dram_memory_used",),
    "flash_bytes": ("on_chip_flash_memory_used", "off_chip_flash_memory_used"),
}


def estimate(content: str, version: str) -> Estimate | None:
    """What Vela expects of one inference; None where nothing runs on the NPU, which it writes as 0 and `nan`.

    Raises:
        StageFailed: it is no such table.
    """
    try:
        row = next(csv.DictReader(content.splitlines()), None) or {}
        figures = {name: _number(row, name) for name in ("cycles_total", "inference_time", "core_clock")}
        memory = {name: round(_KIB * sum(_number(row, each) for each in used)) for name, used in _MEMORIES.items()}
        nothing = not figures["cycles_total"] or not math.isfinite(_number(row, "inferences_per_second"))
    except (KeyError, TypeError, ValueError, csv.Error):
        told = " ".join(content.split())[:120] or "nothing"
        raise StageFailed("vela left a summary that cannot be read", received=told) from None
    if nothing:
        return None
    return Estimate(
        f"Vela {version}".strip(),
        cycles=round(figures["cycles_total"]),
        clock_hz=round(figures["core_clock"]),
        inference_ms=figures["inference_time"] * 1e3,
        inferences_per_second=1 / figures["inference_time"],
        **memory,
    )


def _number(row: Mapping[str, str], name: str) -> float:
    value = float(row[name])
    if name != "inferences_per_second" and not math.isfinite(value):
        raise ValueError(name)
    return value
