"""Which rows a violation is about."""

from __future__ import annotations

from collections.abc import Sequence

from compressor.report.schema import Row, Violation


def violated(violation: Violation, rows: Sequence[Row]) -> list[int]:
    """Positions of the rows: the one that is told, or, of reports that tell none, all of that file and runtime."""
    if violation.row is not None and 0 <= violation.row < len(rows):
        return [violation.row]
    return [position for position, row in enumerate(rows) if _about(row) == _about(violation)]


def _about(of: Row | Violation) -> tuple[str | None, ...]:
    return of.network, of.target, of.format, of.precision, of.runtime
