"""An inspection as a table in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from compressor.inspection import Inspection

_STYLES = {"accelerator": "green", "cpu": "yellow", "unsupported": "red"}


def table(inspection: Inspection) -> Table:
    """One line per operator, in the order they run in."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    made.add_column("#", justify="right", no_wrap=True)
    for header in ("operator", "layer", "where"):
        made.add_column(header, no_wrap=header != "layer")
    made.add_column("MACs", justify="right", no_wrap=True)
    made.add_column("why")
    for each in inspection.operators:
        where = f"[{_STYLES[each.where]}]{each.where}[/]"
        cells = (str(each.index), escape(each.op), escape(each.layer), where, f"{each.macs:,}", escape(each.reason))
        made.add_row(*cells)
    return made
