"""Weights before and after: how they are spread, how many are zero, how many differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from compressor.report.evidence import WeightsPart
from compressor.report.page import figures_as_text as text
from compressor.report.page import svg
from compressor.report.page.section import Section
from compressor.report.page.table import Cell, Line, Table, columns, number
from compressor.report.schema import Report

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

_PLOTS = 24
_SIZE = (300, 170)
_COLUMNS = columns(
    ("kernel", "file", "shape"),
    ("weights", "bits", "zeros before", "zeros after", "distinct before", "distinct after"),
)


@dataclass(frozen=True, slots=True)
class Kernel:
    """The plot of one kernel, and a line about it."""

    title: str
    told: str
    plot: Markup


def section(report: Report) -> Section:
    """Histograms of the largest kernels, and a table of all."""
    if not report.weights:
        return Section("weights", "Weights", "The weights of this run were not compared.", folded=True)
    largest = sorted(range(len(report.weights)), key=lambda at: -prod(report.weights[at].shape))[:_PLOTS]
    shown = [report.weights[at] for at in sorted(largest)]
    few = len(shown) < len(report.weights)
    only = f"The {len(shown)} largest of {len(report.weights)} kernels are drawn. " if few else ""
    lead = f"{only}Grey: the float32 file; colour: the compressed file. Counts are on a logarithmic scale."
    lines = tuple(Line(_cells(part)) for part in report.weights)
    content = {
        "kernels": [_kernel(position, part) for position, part in enumerate(shown)],
        "table": Table("Every kernel", _COLUMNS, lines),
    }
    return Section("weights", "Weights", lead, content, folded=True)


def _kernel(position: int, part: WeightsPart) -> Kernel:
    of = f"{part.network}: " if part.network else ""
    told = (
        f"{part.bits} bits · zeros {text.percent(part.sparsity_before)} → {text.percent(part.sparsity_after)} · "
        f"distinct {part.distinct_before:,} → {part.distinct_after:,}"
    )
    title = f"{of}{part.layer}, {part.format} {part.precision}"
    plot = svg.plot(f"weights-{position}", _SIZE, f"Weights of {title}", told, lambda axes: _draw(axes, part))
    return Kernel(title, told, plot)


def _draw(axes: Axes, part: WeightsPart) -> None:
    axes.stairs(part.before, part.edges, fill=True, color=svg.BASE, alpha=0.35, baseline=0.5)
    axes.stairs(part.after, part.edges, color=svg.ACCENT, linewidth=1.5, baseline=0.5)
    axes.set_yscale("log")
    axes.set_ylim(0.5, 2.0 * max([1, *part.before, *part.after]))
    axes.set_yticks([])
    axes.minorticks_off()
    axes.spines["left"].set_visible(False)
    axes.grid(False)
    axes.locator_params(axis="x", nbins=4)


def _cells(part: WeightsPart) -> tuple[Cell, ...]:
    return (
        Cell(part.layer or part.tensor),
        Cell(f"{part.network}: {part.format} {part.precision}" if part.network else f"{part.format} {part.precision}"),
        Cell(_shape(part.shape)),
        number(prod(part.shape), "{:,}"),
        number(part.bits),
        Cell(text.percent(part.sparsity_before), part.sparsity_before),
        Cell(text.percent(part.sparsity_after), part.sparsity_after),
        number(part.distinct_before, "{:,}"),
        number(part.distinct_after, "{:,}"),
    )


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))
