"""Errors of single layers: what each adds, and what came to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compressor.report.evidence import LayersPart, LayerValue
from compressor.report.layout import ABSENT
from compressor.report.page import figures_as_text as text
from compressor.report.page import svg
from compressor.report.page.section import Section
from compressor.report.page.table import Cell, Line, Table, columns, number
from compressor.report.schema import Report

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

# More bars than these are no picture any more.
_BARS = 24
_WIDTH, _BAR, _AROUND = 480, 26, 70
_COLUMNS = columns(
    ("layer", "operator", "tensor"),
    ("no.", "bits", "error", "introduced", "inherited", "SQNR dB", "max |error|", "gain", "range used", "saturated"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """The layers of one file."""

    title: str
    told: str
    faults: tuple[str, ...]
    plot: Markup
    table: Table


def section(report: Report) -> Section:
    """For every compressed file a plot of its layers and a table."""
    if not report.layers:
        return Section("layers", "Layers", "The layers of this run were not compared.")
    faults = sum(len(part.faults) for part in report.layers)
    told = f"{text.counted(faults, 'fault')} found. " if faults else "No fault was found. "
    lead = (
        f"{told}Introduced is what a layer adds when it is given the float32 file's own values, inherited what comes "
        "from the layers before; both as a share of the layer's values (root mean square)."
    )
    parts = [_part(number, part) for number, part in enumerate(report.layers) if part.layers]
    return Section("layers", "Layers", lead, {"parts": parts})


def _part(position: int, part: LayersPart) -> Part:
    of = f"{part.network}: " if part.network else ""
    title = f"{of}{part.format} {part.precision} on {part.runtime}"
    shown = _shown(part.layers)
    told = f"{text.counted(len(part.layers), 'layer')} over {text.counted(part.samples, 'sample')}"
    if len(shown) < len(part.layers):
        told += f"; drawn are the {len(shown)} with most error"
    lines = tuple(Line(_cells(layer)) for layer in part.layers)
    return Part(
        title, told, tuple(part.faults), _plot(position, title, shown), Table(f"Layers: {title}", _COLUMNS, lines)
    )


def _shown(layers: Sequence[LayerValue]) -> list[LayerValue]:
    """The layers with most error, in the order they run in."""
    worst = sorted(layers, key=lambda layer: -max(layer.introduced or 0, layer.error))[:_BARS]
    return sorted(worst, key=lambda layer: layer.index)


def _plot(position: int, title: str, layers: Sequence[LayerValue]) -> Markup:
    told = "; ".join(
        f"{layer.layer or layer.op}: {layer.bits} bits, introduced {text.percent(layer.introduced)}, "
        f"inherited {text.percent(layer.inherited)}"
        for layer in layers
    )
    size = _WIDTH, _AROUND + _BAR * len(layers)
    return svg.plot(f"layers-{position}", size, f"Error of each layer, {title}", told, lambda axes: _draw(axes, layers))


def _draw(axes: Axes, layers: Sequence[LayerValue]) -> None:
    places = range(len(layers))
    # Where the two are not told apart, the whole error stands for what came.
    added = [100 * (layer.introduced or 0) for layer in layers]
    came = [100 * (layer.error if layer.inherited is None else layer.inherited) for layer in layers]
    axes.barh([place - 0.19 for place in places], added, 0.34, color=svg.ACCENT, label="introduced")
    axes.barh([place + 0.19 for place in places], came, 0.34, color=svg.BASE, alpha=0.55, label="inherited")
    right = max([*added, *came, 1e-9]) * 1.14
    for place, layer in enumerate(layers):
        end = max(added[place], came[place]) + right * 0.012
        axes.text(end, place, f"{layer.bits} bit", va="center_baseline", fontsize=10, color=svg.QUIET)
    axes.set_yticks(list(places), [svg.label(layer.layer or layer.op, 22) for layer in layers])
    axes.set_ylim(len(layers) - 0.4, -0.6)
    axes.set_xlim(0, right)
    axes.set_xlabel("error, % of the layer's values")
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0, labelcolor=svg.INK)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0, handlelength=1.2)


def _cells(layer: LayerValue) -> tuple[Cell, ...]:
    return (
        Cell(layer.layer or layer.tensor),
        Cell(layer.op),
        Cell(layer.tensor),
        number(layer.index),
        number(layer.bits),
        _share(layer.error),
        _share(layer.introduced),
        _share(layer.inherited),
        number(layer.sqnr_db, "{:.1f}"),
        number(layer.max_abs_error, "{:.2e}"),
        number(layer.gain, "{:.4f}"),
        _share(layer.range_use),
        _share(layer.saturated),
    )


def _share(value: float | None) -> Cell:
    return Cell(ABSENT) if value is None else Cell(text.percent(value, 2), value)
