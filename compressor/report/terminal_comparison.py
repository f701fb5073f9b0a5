"""A comparison of two runs as a table in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressor.report.comparison import Comparison, fails
from compressor.report.comparison_summary import cells

if TYPE_CHECKING:
    from rich.console import Console

_HEADERS = ("file", "figure", "verdict", "before", "after", "lost")
_STYLES = {"passed": "green", "failed": "red", "undecided": "yellow", "implausible": "yellow"}


def show(comparison: Comparison, to: Console) -> None:
    """Print what changed, then the verdict and why."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    new = comparison.new
    to.print(f"[bold]{escape(new.model)}[/] · {escape(new.recipe)} · against an earlier run")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, header in enumerate(_HEADERS):
        table.add_column(header, justify="left" if index < 3 else "right")
    changed = [each for each in comparison.changes if each.verdict != "passed" or each.value]
    for where in dict.fromkeys(cells(each)[0] for each in changed):
        table.add_row(f"[bold]{escape(where)}[/]")
        for each in changed:
            place, file, figure, verdict, *numbers = cells(each)
            if place == where:
                told = (escape(f"  {file}"), escape(figure), f"[{_STYLES[verdict]}]{verdict}[/]")
                table.add_row(*told, *map(escape, numbers))
    if changed:
        to.print(table, soft_wrap=False)
    else:
        to.print("[dim]no figure changed[/]")
    _show_verdict(comparison, to)


def _show_verdict(comparison: Comparison, to: Console) -> None:
    from rich.markup import escape

    for note in comparison.notes:
        to.print(f"[dim]{escape(note)}[/]")
    for warning in comparison.warnings:
        to.print(f"[yellow]warning:[/] {escape(warning)}")
    told = [each for each in comparison.changes if each.verdict != "passed"]
    to.print("[green]passed[/]" if comparison.passed else "[red]not passed[/]")
    for each in told:
        style = "red" if fails(each, comparison.undecided) else "yellow"
        to.print(f"  [{style}]{each.verdict}: {escape(each.message)}[/]")
