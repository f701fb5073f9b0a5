"""Every row of the report in one table."""

from __future__ import annotations

from collections.abc import Sequence

from compressor.report import gate, layout
from compressor.report.page import figures_as_text as text
from compressor.report.page.entries import Entry, verdict_of
from compressor.report.page.section import Section
from compressor.report.page.table import Cell, Line, Table, columns, number
from compressor.report.page.verdict import state_of
from compressor.report.schema import Report, Row

_COLUMNS = columns(
    ("file", "target", "runtime", "verdict"),
    (
        "no.",
        "drop",
        "95 % interval",
        "KB",
        "of float32",
        "p50 ms",
        "latency ratio",
        "agreement",
        "metric",
        "SQNR dB",
        "max |error|",
        "deflated KB",
        "packed KB",
        "p99 ms",
        "peak MB",
    ),
)


def section(report: Report, found: Sequence[Entry]) -> Section:
    """The table, and under it why rows have no numbers and what is to be known of them."""
    numbers = {position: entry.number for entry in found for position in entry.rows}
    lines = tuple(
        Line(_cells(report, position, row, numbers.get(position)), f"row-{position}")
        for position, row in enumerate(report.rows)
    )
    lead = (
        "Baseline rows are compared with Keras, every other row with its baseline. Drop: positive is worse. "
        "A head sorts the table."
    )
    table = Table("Every file on every runtime", _COLUMNS, lines)
    return Section("artifacts", "Files", lead, {"table": table, "notes": _notes(report)})


def _cells(report: Report, position: int, row: Row, entry: int | None) -> tuple[Cell, ...]:
    baseline = gate.baseline_of(row, report.rows) if row.stage == "compressed" else None
    ratio = row.latency_ratio.ratio if row.latency_ratio else gate.latency_ratio(row, baseline)
    between, latency = row.drop_interval, row.latency_ms
    state = state_of(row, verdict_of(report, position))
    interval = Cell(text.interval(between), between.high) if between else Cell(layout.ABSENT)
    return (
        Cell(f"{row.format} {row.precision}"),
        Cell(f"{row.target}: {row.network}" if row.network else row.target),
        Cell(row.runtime),
        Cell(_told(row, state), state=state),
        number(entry, "{:d}"),
        Cell(text.drop(row), row.drop),
        interval,
        number(_thousands(row.bytes), "{:,.1f}"),
        number(gate.size_ratio(row, baseline), "{:.3f}"),
        number(latency.p50 if latency else None, "{:.4f}"),
        number(ratio, "{:.2f}"),
        Cell(text.percent(row.agreement, 2), row.agreement),
        Cell(layout.number(row.metric.value), row.metric.value) if row.metric else Cell(layout.ABSENT),
        number(row.sqnr_db, "{:.1f}"),
        number(row.max_abs_error, "{:.1e}"),
        number(_thousands(row.bytes_deflated), "{:,.1f}"),
        number(_thousands(row.bytes_packed), "{:,.1f}"),
        number(latency.p99 if latency else None, "{:.4f}"),
        number(_thousands(_thousands(row.peak_rss_bytes)), "{:,.1f}"),
    )


def _told(row: Row, state: str) -> str:
    if row.failed_stage:
        return f"failed: {row.failed_stage}"
    if state == "skipped":
        return "not here"
    return state


def _thousands(value: float | None) -> float | None:
    return None if value is None else value / 1000


def _notes(report: Report) -> tuple[str, ...]:
    """What the table leaves out, each line once."""
    told = [f"{row.title}: {layout.reason(row)}" for row in report.rows if row.provenance == "skipped"]
    told += [f"{row.title}: {note}" for row in report.rows for note in row.notes]
    told += [f"{row.title}: PSNR {row.psnr_db:.1f} dB" for row in report.rows if row.psnr_db is not None]
    told += [*layout.estimates(report.rows), *layout.emulations(report.rows)]
    return tuple(dict.fromkeys(told))
