"""The parity matrix as a heat map: stages down, runtimes and what they are compared with across."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compressor.report.evidence import ParityCell
from compressor.report.page import figures_as_text as text
from compressor.report.page.section import Section
from compressor.report.page.table import Cell, Line, Table, columns, number
from compressor.report.schema import Report

# Decibels of SQNR at which the colour is faintest and strongest.
_FAINT, _STRONG = 10.0, 60.0
_COLUMNS = columns(
    ("file", "runtime", "against", "tolerance"),
    ("agreement", "max |error|", "mean |error|", "SQNR dB", "cosine", "values", "differ", "steps", "samples"),
)


@dataclass(frozen=True, slots=True)
class Heat:
    """One cell of the map: `strength` is that of its colour, in percent."""

    state: str
    strength: int
    main: str
    small: str


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The files of one format: heads are a runtime and what it is compared with."""

    title: str
    heads: tuple[tuple[str, str], ...]
    lines: tuple[HeatLine, ...]


@dataclass(frozen=True, slots=True)
class HeatLine:
    """One stage of one file, and its cells; None where nothing was compared."""

    stage: str
    file: str
    cells: tuple[Heat | None, ...]


def section(report: Report) -> Section:
    """The map, what is out of tolerance and where it begins, and every figure as a table."""
    if not report.parity:
        return Section("parity", "Parity", "No parity matrix was measured in this run.")
    kinds = dict.fromkeys((cell.network, cell.format) for cell in report.parity)
    out = [cell for cell in report.parity if cell.within is False]
    judged = sum(cell.within is not None for cell in report.parity)
    lead = (
        f"{text.counted(len(report.parity), 'pair')} compared, {judged} with a tolerance of their own, "
        f"{len(out)} out of it. ✓ within, ✗ out, no sign: what the limits judge. Numbers are SQNR, below it the "
        "largest difference."
    )
    content = {
        "maps": [_map([each for each in report.parity if (each.network, each.format) == kind]) for kind in kinds],
        "out": [(f"{_file(cell)} on {cell.runtime} against {_against(cell)}", _diverges(cell)) for cell in out],
        "table": Table("Every pair with every figure", _COLUMNS, tuple(_line(cell) for cell in report.parity)),
        "absent": tuple(dict.fromkeys(f"{_file(c)} on {c.runtime}: {c.reason}" for c in report.parity if c.reason)),
    }
    return Section("parity", "Parity", lead, content)


def _head(cell: ParityCell) -> tuple[str, str, str]:
    return cell.runtime, cell.against, cell.against_runtime if cell.against == "same file" else ""


def _map(cells: Sequence[ParityCell]) -> HeatMap:
    heads = tuple(dict.fromkeys(map(_head, cells)))
    of = f"{cells[0].network}: " if cells[0].network else ""
    return HeatMap(f"{of}{cells[0].format}", tuple(map(_words, heads)), _lines(cells, heads))


def _words(head: tuple[str, str, str]) -> tuple[str, str]:
    runtime, against, other = head
    if other == runtime:
        return runtime, "against this machine"
    told = {"keras": "against Keras", "float32": "against float32", "same file": f"against {other}"}
    return runtime, told[against]


def _against(cell: ParityCell) -> str:
    return {"keras": "Keras", "float32": "the float32 file", "same file": cell.against_runtime}[cell.against]


def _file(cell: ParityCell) -> str:
    of = f"{cell.network}: " if cell.network else ""
    on = f", {cell.host}" if cell.host else ""
    return f"{of}{cell.stage} {cell.format} {cell.precision}{on}"


def _lines(cells: Sequence[ParityCell], heads: Sequence[tuple[str, str, str]]) -> tuple[HeatLine, ...]:
    found: dict[tuple[str, str], dict[tuple[str, str, str], Heat]] = {}
    for cell in cells:
        line = found.setdefault((cell.stage, ", ".join(filter(None, (cell.precision, cell.host)))), {})
        line[_head(cell)] = _heat(cell)
    return tuple(HeatLine(*names, tuple(line.get(head) for head in heads)) for names, line in found.items())


def _heat(cell: ParityCell) -> Heat:
    if cell.reason and cell.sqnr_db is None:
        return Heat("absent", 0, "not here", "")
    state = {True: "within", False: "out", None: "unjudged"}[cell.within]
    sqnr = cell.sqnr_db
    part = 0.0 if sqnr is None else min(max((sqnr - _FAINT) / (_STRONG - _FAINT), 0.0), 1.0)
    # What is out of tolerance is the stronger, the farther it is off.
    strength = round(8 + 27 * (1 - part if state == "out" else part))
    return Heat(state, strength, "equal" if cell.max_abs_error == 0 else _decibels(sqnr), _difference(cell))


def _decibels(sqnr: float | None) -> str:
    return "–" if sqnr is None else f"{sqnr:.1f} dB"


def _difference(cell: ParityCell) -> str:
    if cell.max_lsb is not None:
        of = f", {cell.differing:,} of {cell.values:,}" if cell.differing and cell.values else ""
        return f"{text.counted(cell.max_lsb, 'step')}{of}"
    return "" if cell.max_abs_error is None else f"{cell.max_abs_error:.1e}"


def _diverges(cell: ParityCell) -> str:
    unit = " integer steps" if cell.limit_unit == "lsb" else ""
    limit = "" if cell.limit is None else f"allowed is {cell.limit:g}{unit}"
    if cell.diverges is None:
        return f"{limit}; where it begins is not known"
    layer = f", at layer {cell.diverges.layer}" if cell.diverges.layer else ""
    return f"{limit}; begins in {cell.diverges.stage}{layer}: {cell.diverges.told}"


def _line(cell: ParityCell) -> Line:
    state = {True: "within", False: "out", None: "unjudged"}[cell.within]
    return Line(
        (
            Cell(_file(cell)),
            Cell(cell.runtime),
            Cell(_against(cell)),
            Cell(state, state=state),
            Cell(text.percent(cell.agreement, 2), cell.agreement),
            number(cell.max_abs_error, "{:.2e}"),
            number(cell.mean_abs_error, "{:.2e}"),
            number(cell.sqnr_db, "{:.1f}"),
            number(cell.cosine, "{:.6f}"),
            number(cell.values, "{:,}"),
            number(cell.differing, "{:,}"),
            number(cell.max_lsb),
            number(cell.samples, "{:,}"),
        )
    )
