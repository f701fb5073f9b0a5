"""What parity says to the gate: a file that is not what it was made of, or not the same everywhere, is a violation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from compressor.report.evidence import ParityCell
from compressor.report.parity_table import difference, file, tolerance
from compressor.report.schema import Row, Verdict, Violation

LIMIT = "parity"
# A fault of compression is told by the numbers that a recipe's limits judge.
_FATAL = ("conversion", "runtime", "state")


def combined(verdict: Verdict, cells: Sequence[ParityCell], rows: Sequence[Row]) -> Verdict:
    """A verdict, and what the parity matrix has against the rows: each file on each runtime once, at its worst cell."""
    found = list(violations(cells, rows))
    passed = verdict.passed and not found
    return verdict.model_copy(update={"passed": passed, "violations": [*verdict.violations, *found]})


def violations(cells: Iterable[ParityCell], rows: Sequence[Row]) -> Iterator[Violation]:
    """Of cells that are out of order by toolchain or runtime, where a row is about that file on that runtime."""
    found = [cell for cell in cells if fatal(cell)]
    for position, row in enumerate(rows):
        cell = next((each for each in found if concerns(each, row)), None)
        if cell is not None:
            yield _violation(cell, row, position)


def fatal(cell: ParityCell) -> bool:
    """A fault of toolchain, runtime or state: no row about that file and runtime passes."""
    return cell.diverges is not None and cell.diverges.stage in _FATAL


def concerns(cell: ParityCell, row: Row) -> bool:
    """The row is about the file and the runtime of a cell."""
    emulated = cell.stage == "emulated"
    where = row.provenance == "emulated" and row.host == cell.host if emulated else row.provenance == "measured"
    same = (row.network, row.format, row.precision, row.runtime) == (
        *(cell.network, cell.format, cell.precision, cell.runtime),
    )
    return where and same and (emulated or row.stage == cell.stage)


def _violation(cell: ParityCell, row: Row, position: int) -> Violation:
    assert cell.diverges is not None
    expected, received = (
        f"at most {tolerance(cell)}" if cell.limit is not None else "the same answers",
        cell.diverges.told,
    )
    if cell.within is False:
        received = f"{difference(cell)}: {received}"
    told = f"{row.title}: {LIMIT}: {file(cell)} against {cell.against}: expected {expected}, received {received}"
    return row.violation(LIMIT, position, expected, received, told)
