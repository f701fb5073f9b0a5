"""What single operators take, by the runtime's own profile."""

from __future__ import annotations

from compressor.report.page import figures_as_text as text
from compressor.report.page.section import Section
from compressor.report.page.table import Cell, Line, Table, columns, number
from compressor.report.schema import Report, Row

_COLUMNS = columns(("operator", "layer", "name"), ("ms", "share"))


def section(report: Report) -> Section | None:
    """A table for every row that was profiled; None where none was."""
    profiled = {(row.network, row.path, row.runtime): row for row in report.rows if row.operator_times}
    if not profiled:
        return None
    lead = "Of compressed files that are slower than the float32 file: where their time goes."
    return Section(
        "operators", "Operator times", lead, {"tables": [_table(row) for row in profiled.values()]}, folded=True
    )


def _table(row: Row) -> Table:
    lines = tuple(
        Line(
            (
                Cell(each.op),
                Cell(each.layer or "–"),
                Cell(each.name),
                number(each.ms, "{:.4f}"),
                Cell(text.percent(each.share), each.share, share=each.share),
            )
        )
        for each in row.operator_times
    )
    of = f"{row.network}: " if row.network else ""
    return Table(f"{of}{row.format} {row.precision} on {row.runtime}", _COLUMNS, lines)
