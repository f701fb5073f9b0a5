"""The report as a table in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compressor.report import page
from compressor.report.figures import MetricValue
from compressor.report.layout import (
    HEADERS,
    cells,
    doubts,
    emulations,
    estimates,
    limits_kept,
    no_limits,
    number,
    placements,
    reason,
)
from compressor.report.schema import DataPart, Report, Row, place

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

# Left out of the terminal, where width is short; report.md has them all.
_HIDDEN = {"p99 ms", "SQNR dB"}
# Left out as well where the terminal is narrow.
_HIDDEN_WHEN_NARROW = {"runtime", "agreement", "max |error|", "deflated KB", "packed KB"}
_WIDE = 128
_WIDTH_OFF_TERMINAL = 142


def console() -> Console:
    """A console on stdout: colour only on a terminal, and no line breaks inside tables elsewhere."""
    from rich.console import Console

    plain = Console(highlight=False)
    # Off a terminal, long lines are left to the reader of the pipe to break.
    return plain if plain.is_terminal else Console(highlight=False, soft_wrap=True, width=_WIDTH_OFF_TERMINAL)


def show(report: Report, out: Path | None, to: Console) -> None:
    """Print table, verdict and where the files are."""
    from rich.markup import escape

    to.print(f"[bold]{escape(report.model.name)}[/] · {escape(report.recipe.name)} · {escape(report.recipe.summary)}")
    for who, metric, data in _judged(report):
        if metric:
            samples = f"{data.evaluation} samples of {escape(data.name)}"
            to.print(f"{escape(who)}Keras {metric.name} {number(metric.value)} on {samples}")
    to.print(_table(report.rows, to.width), soft_wrap=False)
    for row in report.rows:
        if row.provenance == "skipped":
            style = "yellow" if row.impossible else "red" if row.failed_stage else "dim"
            to.print(f"[{style}]{escape(row.title)}: {escape(reason(row))}[/]")
    _show_devices(report.rows, to)
    for warning in report.warnings:
        to.print(f"[yellow]warning:[/] {escape(warning)}")
    show_verdict(report, to)
    if out is not None:
        for bundle in dict.fromkeys(row.bundle for row in report.rows if row.bundle):
            to.print(f"bundle: {escape(str(out / bundle))}.tar.gz")
        to.print(f"report: {escape(str(out / 'report.md'))}")
        _show_page(out, to)


def _show_page(out: Path, to: Console) -> None:
    """The page, if it is there; else how it is made, where packages for it are missing."""
    from rich.markup import escape

    if (out / page.NAME).is_file():
        to.print(f"report: {escape(str(out / page.NAME))}")
    elif lacking := page.lacking():
        to.print(f"[dim]no {page.NAME}: {', '.join(lacking)} not installed (pip install 'compressor\\[report]')[/]")


def _show_devices(rows: list[Row], to: Console) -> None:
    """What is known of each device besides what was measured here."""
    from rich.markup import escape

    for where in dict.fromkeys(place(row.target, row.network) for row in rows):
        of_it = [row for row in rows if place(row.target, row.network) == where]
        for told in estimates(of_it):
            to.print(f"[cyan]{escape(where)}: {escape(told)}[/]")
        for told in (*placements(of_it), *emulations(of_it)):
            to.print(f"[dim]{escape(where)}: {escape(told)}[/]")


def show_verdict(report: Report, to: Console) -> None:
    """Print whether the limits hold and, if not, which one and where."""
    from rich.markup import escape

    for told in report.verdict.not_judged:
        to.print(f"[yellow]not judged:[/] {escape(told)}")
    for told in doubts(report):
        to.print(f"[yellow]{escape(' '.join(told.split()))}[/]")
    if report.verdict.passed:
        told = ", ".join(f"{name} {value:g}" for name, value in limits_kept(report).items())
        to.print(f"[green]passed[/]: {told or no_limits(report).lower()}")
        return
    to.print("[red]not passed[/]")
    for violation in report.verdict.violations:
        to.print(f"  [red]{escape(' '.join(violation.message.split()))}[/]")


def _judged(report: Report) -> list[tuple[str, MetricValue | None, DataPart]]:
    """Keras's own metric and its data, for every network where there are several."""
    if report.model.networks:
        return [(f"{each.name}: ", each.metric, each.data) for each in report.model.networks]
    return [("", report.model.metric, report.data)]


def _table(rows: list[Row], width: int) -> Table:
    """One line per measured row, under its target and network; the less width there is, the fewer columns are shown."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    hidden = _HIDDEN if width >= _WIDE else _HIDDEN | _HIDDEN_WHEN_NARROW
    shown = [index for index, header in enumerate(HEADERS) if header not in hidden]
    for index in shown:
        table.add_column(HEADERS[index], justify="left" if index < 2 else "right", no_wrap=index > 0)
    measured = [row for row in rows if row.provenance not in ("skipped", "estimated")]
    for where in dict.fromkeys(place(row.target, row.network) for row in measured):
        table.add_row(f"[bold]{where}[/]")
        for row in (row for row in measured if place(row.target, row.network) == where):
            file, *values = (cells(row)[index] for index in shown)
            table.add_row(f"  {file}", *values)
    return table
