"""The parity matrix as tables: one for each format, what is out of order first."""

from __future__ import annotations

from collections.abc import Sequence

from compressor.report.evidence import ParityCell
from compressor.report.layout import ABSENT
from compressor.report.schema import place

HEADERS = (
    *("stage", "runtime", "against", "agreement", "max |error|", "mean |error|", "SQNR dB", "cosine"),
    *("LSB", "tolerance", "verdict"),
)


def tables(cells: Sequence[ParityCell]) -> dict[str, list[ParityCell]]:
    """The cells with numbers by format, and by network where there are several."""
    told = [cell for cell in cells if cell.reason is None]
    names = dict.fromkeys(place(cell.format, cell.network) for cell in told)
    return {
        name: sorted((cell for cell in told if place(cell.format, cell.network) == name), key=_order) for name in names
    }


def line(cell: ParityCell) -> tuple[str, ...]:
    """A cell under `HEADERS`."""
    return (
        _stage(cell),
        _runtime(cell),
        f"{cell.against} on {cell.against_runtime}" if cell.against != "keras" else cell.against_runtime,
        ABSENT if cell.agreement is None else f"{cell.agreement:.2%}",
        ABSENT if cell.max_abs_error is None else f"{cell.max_abs_error:.1e}",
        ABSENT if cell.mean_abs_error is None else f"{cell.mean_abs_error:.1e}",
        ABSENT if cell.sqnr_db is None else f"{cell.sqnr_db:.1f}",
        ABSENT if cell.cosine is None else f"{cell.cosine:.6f}",
        ABSENT if cell.max_lsb is None else f"{cell.max_lsb} ({cell.differing} of {cell.values})",
        tolerance(cell),
        verdict(cell),
    )


def tolerance(cell: ParityCell) -> str:
    """The largest difference that is in order."""
    if cell.limit is None:
        return ABSENT
    return f"{cell.limit:g} LSB" if cell.limit_unit == "lsb" else f"{cell.limit:.1e}"


def difference(cell: ParityCell) -> str:
    """The largest difference, in the unit of its tolerance."""
    return f"{cell.max_lsb} LSB" if cell.limit_unit == "lsb" else f"{cell.max_abs_error or 0.0:.1e}"


def verdict(cell: ParityCell) -> str:
    """A word for a cell."""
    if cell.diverges is not None:
        return f"**{cell.diverges.stage}**"
    if cell.limit is None:
        return "by the limits" if cell.against == "float32" else ABSENT
    return "rounding grew" if cell.within is None else "within" if cell.within else "**out of tolerance**"


def file(cell: ParityCell) -> str:
    """Which file on which runtime, in a few words."""
    return place(f"{_stage(cell)} {cell.format} on {_runtime(cell)}", cell.network)


def sentences(cells: Sequence[ParityCell]) -> list[str]:
    """What is out of order, one sentence for each fault of each file, at the runtime that shows it first."""
    faulty: dict[tuple[str | None, ...], str] = {}
    for cell in cells:
        if cell.diverges is not None:
            what = (cell.network, cell.format, cell.precision, cell.stage, cell.diverges.stage)
            faulty.setdefault(what, f"{file(cell)}: {cell.diverges.stage}: {cell.diverges.told}")
    return list(faulty.values())


def reasons(cells: Sequence[ParityCell]) -> list[str]:
    """Why cells have no numbers."""
    return list(dict.fromkeys(f"{file(cell)}: {cell.reason}" for cell in cells if cell.reason is not None))


def _order(cell: ParityCell) -> bool:
    return cell.diverges is None and cell.within is not False


def _stage(cell: ParityCell) -> str:
    return cell.stage if cell.precision == cell.stage else f"{cell.stage} {cell.precision}"


def _runtime(cell: ParityCell) -> str:
    return cell.runtime if cell.host is None else f"{cell.runtime}, {cell.host.partition(' by ')[0]}"
