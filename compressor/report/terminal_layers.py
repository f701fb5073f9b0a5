"""The layers of a compressed file as a table in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from compressor.report.evidence import LayersPart, LayerValue

_HEADERS = ("rank", "layer", "op", "bits", "error", "introduced", "inherited", "SQNR", "gain", "range use", "saturated")
_LEFT = ("layer", "op")
_MOST_TOLD = 3


def table(part: LayersPart) -> Table:
    """One line per tensor, in running order; those that introduce most stand out."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in _HEADERS:
        made.add_column(header, justify="left" if header in _LEFT else "right", no_wrap=header != "layer")
    for each in part.layers:
        worst = each.rank is not None and each.rank <= _MOST_TOLD
        made.add_row(*cells(each), style="bold" if worst else None)
    return made


def cells(value: LayerValue) -> tuple[str, ...]:
    """What a line says."""
    from rich.markup import escape

    return (
        "" if value.rank is None else str(value.rank),
        escape(value.layer),
        escape(value.op),
        str(value.bits),
        _percent(value.error),
        _percent(value.introduced),
        _percent(value.inherited),
        f"{value.sqnr_db:.1f}",
        "" if value.gain is None else f"{value.gain:.3f}",
        _percent(value.range_use, 0),
        _percent(value.saturated),
    )


def _percent(share: float | None, digits: int = 2) -> str:
    return "" if share is None else f"{100 * share:.{digits}f} %"
