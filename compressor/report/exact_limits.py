"""Limits on what is known exactly: sizes, memory, placement, and how far the answers are from the reference."""

from __future__ import annotations

from collections.abc import Iterator

from compressor.limits import TargetLimits
from compressor.report.judging import Judged
from compressor.report.schema import Answer, Judgement, Row


def judge(judged: Judged, limits: TargetLimits) -> Iterator[Judgement]:
    """Parity of every measured row; size, memory and placement of the compressed ones."""
    row = judged.row
    yield from _at_most(judged, "max_abs_error", limits.max_abs_error, row.max_abs_error, "")
    yield from _at_least(judged, "min_sqnr_db", limits.min_sqnr_db, row.sqnr_db, " dB")
    if row.stage == "compressed":
        yield from _sizes(judged, limits)
        yield from of_device(judged, limits)


def of_device(judged: Judged, limits: TargetLimits) -> Iterator[Judgement]:
    """Memory and placement, where the row knows of them."""
    ram, flash, share = ram_bytes(judged), flash_bytes(judged.row), accelerated_share(judged.row)
    if ram is not None:
        yield from _at_most(judged, "max_ram_bytes", limits.max_ram_bytes, ram, " bytes")
    if flash is not None:
        yield from _at_most(judged, "max_flash_bytes", limits.max_flash_bytes, flash, " bytes")
    if share is not None:
        yield from _at_least(judged, "min_accelerated_share", limits.min_accelerated_share, share, "")


def ram_bytes(judged: Judged) -> int | None:
    """Of a microcontroller, by its memory plan or its compiler's estimate; of a device that is here, as measured."""
    memory, estimate = judged.row.memory, judged.row.estimate
    if memory is not None and memory.ram_bytes is not None:
        return memory.ram_bytes
    if estimate is not None:
        return estimate.sram_bytes
    return None if memory is None or judged.stood_in_for else memory.over_baseline_bytes


def flash_bytes(row: Row) -> int | None:
    """Of a microcontroller, by its memory plan or its compiler's estimate."""
    if row.memory is not None and row.memory.flash_bytes is not None:
        return row.memory.flash_bytes
    return None if row.estimate is None else row.estimate.flash_bytes


def accelerated_share(row: Row) -> float | None:
    """Share of the work that the target accelerates; told once, of the row that was measured."""
    told = row.placement if row.provenance == "measured" else None
    return None if told is None else told.accelerated_macs_share


def size_ratio(row: Row, baseline: Row | None) -> float | None:
    """Compressed bytes / float32 bytes."""
    return None if baseline is None or not baseline.bytes or row.bytes is None else row.bytes / baseline.bytes


def deflated_ratio(row: Row, baseline: Row | None) -> float | None:
    """The same of both files after deflate."""
    if baseline is None or not baseline.bytes_deflated or row.bytes_deflated is None:
        return None
    return row.bytes_deflated / baseline.bytes_deflated


def packed_ratio(row: Row, baseline: Row | None) -> float | None:
    """The same of both files as `compressor pack` packs them."""
    if baseline is None or not baseline.bytes_packed or row.bytes_packed is None:
        return None
    return row.bytes_packed / baseline.bytes_packed


def _sizes(judged: Judged, limits: TargetLimits) -> Iterator[Judgement]:
    row, baseline = judged.row, judged.baseline
    ratio, deflated = size_ratio(row, baseline), deflated_ratio(row, baseline)
    yield from _at_most(judged, "max_size_ratio", limits.max_size_ratio, ratio, " of the float32 bytes")
    yield from _at_most(judged, "max_bytes", limits.max_bytes, row.bytes, " bytes")
    unit = " of the float32 bytes, both deflated"
    yield from _at_most(judged, "max_deflated_ratio", limits.max_deflated_ratio, deflated, unit)
    unit = " of the float32 bytes, both packed"
    yield from _at_most(judged, "max_packed_ratio", limits.max_packed_ratio, packed_ratio(row, baseline), unit)


def _at_most(judged: Judged, limit: str, allowed: float | None, value: float | None, unit: str) -> Iterator[Judgement]:
    if allowed is not None:
        verdict: Answer = "passed" if value is not None and value <= allowed else "failed"
        yield judged.judged(limit, verdict, f"at most {_number(allowed)}{unit}", _told(value), value=value)


def _at_least(judged: Judged, limit: str, allowed: float | None, value: float | None, unit: str) -> Iterator[Judgement]:
    if allowed is not None:
        verdict: Answer = "passed" if value is not None and value >= allowed else "failed"
        yield judged.judged(limit, verdict, f"at least {_number(allowed)}{unit}", _told(value), value=value)


def _told(value: float | None) -> str:
    return "not known: it could not be measured" if value is None else _number(value, 6)


def _number(value: float, digits: int = 6) -> str:
    return str(value) if isinstance(value, int) else f"{value:.{digits}g}"
