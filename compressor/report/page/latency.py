"""How long single runs took: the share of runs below each duration, and every file's figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from compressor.report.layout import ABSENT
from compressor.report.page import figures_as_text as text
from compressor.report.page import svg
from compressor.report.page.section import Section
from compressor.report.page.table import Cell, Line, Table, columns, number
from compressor.report.schema import Report, Row

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

_PLOTS = 8
_SIZE = (440, 280)
# The quantile at which a plot ends: a few runs that were interrupted would leave no room for the others.
_LAST = 39
# A plot of durations further apart than this has a logarithmic axis.
_WIDE = 6
_LINES = ("-", (0, (6, 2)), (0, (2, 2)), "-.")
_COLUMNS = columns(
    ("file", "runtime", "difference"),
    ("p50 ms", "95 % interval", "p90 ms", "p99 ms", "runs", "threads", "ratio", "ratio, 95 % interval", "A/A noise"),
)


def section(report: Report) -> Section | None:
    """Plots of the rows with quantiles, a table of all that were timed; None where none was."""
    timed = _timed(report.rows)
    if not timed:
        return None
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in timed:
        if row.latency_ms and len(row.latency_ms.quantiles) > 1:
            groups.setdefault((row.network, row.format), []).append(row)
    plots = [_plot(position, rows) for position, rows in enumerate(list(groups.values())[:_PLOTS])]
    lead = (
        "Left is faster, upright is steadier. Grey is the float32 file; the grey band is how far it is from itself "
        "when it is run against itself (A/A): a difference within it is none."
        if plots
        else "This report has medians only: the distribution of the runs was not kept."
    )
    table = Table("Latency of one sample", _COLUMNS, tuple(Line(_cells(row)) for row in timed))
    return Section("latency", "Latency", lead, {"plots": plots, "table": table})


def _timed(rows: Sequence[Row]) -> list[Row]:
    """Measured rows, the same file on the same runtime once."""
    measured = [row for row in rows if row.provenance == "measured" and row.latency_ms is not None]
    first: dict[tuple[object, ...], Row] = {}
    for row in measured:
        first.setdefault((row.network, row.path, row.runtime, row.host), row)
    return list(first.values())


def _title(row: Row) -> str:
    of = f"{row.network}: " if row.network else ""
    return f"{of}{row.precision} on {row.runtime}"


def _plot(position: int, rows: Sequence[Row]) -> tuple[str, Markup]:
    of = f"{rows[0].network}: " if rows[0].network else ""
    name = f"Latency of {of}{rows[0].format}"
    told = "; ".join(
        f"{_title(row)}: median {row.latency_ms.p50:.4f} ms, 99 % below {row.latency_ms.p99:.4f} ms"
        for row in rows
        if row.latency_ms
    )
    plot = svg.plot(f"latency-{position}", _SIZE, name, told, lambda axes: _draw(axes, rows))
    return f"{of}{rows[0].format}", plot


def _draw(axes: Axes, rows: Sequence[Row]) -> None:
    noise = max((row.latency_ratio.noise for row in rows if row.latency_ratio), default=0.0)
    colours = (svg.ACCENT, svg.SECOND, svg.THIRD, svg.GOOD)
    drawn = 0
    ends: list[float] = []
    for row in rows:
        assert row.latency_ms is not None
        quantiles = row.latency_ms.quantiles
        ends += [quantiles[0], quantiles[min(_LAST, len(quantiles) - 1)]]
        shares = [100 * at / (len(quantiles) - 1) for at in range(len(quantiles))]
        if row.stage == "float32":
            axes.plot(quantiles, shares, color=svg.BASE, linewidth=2, label=svg.label(_title(row)))
            half = noise * row.latency_ms.p50
            axes.axvspan(row.latency_ms.p50 - half, row.latency_ms.p50 + half, color=svg.BASE, alpha=0.22, linewidth=0)
        else:
            style = _LINES[drawn // len(colours) % len(_LINES)]
            colour = colours[drawn % len(colours)]
            axes.plot(quantiles, shares, color=colour, linestyle=style, linewidth=2, label=svg.label(_title(row)))
            drawn += 1
    _frame(axes, min(ends), max(ends))
    axes.set_ylabel("runs below, %", rotation_mode="anchor")
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2, handlelength=1.4, columnspacing=1.2
    )


def _frame(axes: Axes, first: float, last: float) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_ylim(0, 100)
    axes.set_xlabel("ms for one sample")
    if first <= 0 or last / first < _WIDE:
        room = (last - first or last or 1.0) * 0.05
        axes.set_xlim(max(first - room, 0), last + room)
        axes.locator_params(axis="x", nbins=5)
        return
    axes.set_xscale("log")
    axes.set_xlim(first * 0.9, last * 1.1)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _cells(row: Row) -> tuple[Cell, ...]:
    latency, ratio = row.latency_ms, row.latency_ratio
    assert latency is not None
    between = latency.p50_interval
    return (
        Cell(f"{row.network}: {row.format} {row.precision}" if row.network else f"{row.format} {row.precision}"),
        Cell(row.runtime),
        Cell(difference(row)),
        number(latency.p50, "{:.4f}"),
        Cell(text.interval(between, "{:.4f}"), between.high) if between else Cell(ABSENT),
        number(latency.p90, "{:.4f}"),
        number(latency.p99, "{:.4f}"),
        number(latency.runs, "{:,}"),
        number(latency.threads),
        number(ratio.ratio if ratio else None, "{:.3f}"),
        Cell(text.interval(ratio.interval, "{:.3f}"), ratio.interval.high) if ratio else Cell(ABSENT),
        Cell(f"±{text.percent(ratio.noise)}", ratio.noise) if ratio else Cell(ABSENT),
    )


def difference(row: Row) -> str:
    """Whether the compressed file is faster than the float32 one by more than the noise of the machine."""
    ratio = row.latency_ratio
    if ratio is None:
        return ABSENT
    if ratio.interval.low > 1 + ratio.noise:
        return "slower"
    return "faster" if ratio.interval.high < 1 - ratio.noise else "within the noise"
