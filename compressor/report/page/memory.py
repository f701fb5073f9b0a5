"""What running the files takes of memory."""

from __future__ import annotations

from compressor.report.page import figures_as_text as text
from compressor.report.page.section import Section
from compressor.report.page.table import Cell, Line, Table, columns
from compressor.report.schema import Report, Row

_COLUMNS = columns(
    ("file", "target", "runtime"), ("peak", "runtime alone", "over that", "TFLM arena", "RAM of the chip", "its flash")
)


def section(report: Report) -> Section | None:
    """A table of every row whose memory is known; None where there is none."""
    rows = [row for row in report.rows if row.memory is not None or row.peak_rss_bytes is not None]
    if not rows:
        return None
    lead = (
        "Peak: resident memory of the measuring process. Over that: what the file itself takes, beyond the runtime. "
        "Arena, RAM and flash are estimates of TensorFlow Lite Micro on a 32-bit core."
    )
    table = Table("Memory of every file", _COLUMNS, tuple(Line(_cells(row)) for row in rows))
    return Section("memory", "Memory", lead, {"table": table}, folded=True)


def _cells(row: Row) -> tuple[Cell, ...]:
    memory = row.memory
    figures = [row.peak_rss_bytes]
    names = ("baseline_bytes", "over_baseline_bytes", "arena_bytes", "ram_bytes", "flash_bytes")
    figures += [getattr(memory, name) if memory else None for name in names]
    words = (
        Cell(f"{row.format} {row.precision}"),
        Cell(f"{row.target}: {row.network}" if row.network else row.target),
        Cell(row.runtime),
    )
    return words + tuple(Cell(text.size(each), each) for each in figures)
