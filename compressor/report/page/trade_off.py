"""What the compressed files cost and bring: size and latency against the drop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compressor.limits import Limits
from compressor.report.figures import Interval
from compressor.report.page import svg
from compressor.report.page.entries import Entry
from compressor.report.page.section import Section
from compressor.report.schema import Report

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

_SIZE = (440, 320)
# What the axes leave of the picture, roughly, and how far apart numbers stand.
_WIDTH, _HEIGHT, _APART = 370, 260, 19
_COLOURS = {"failed": svg.BAD, "implausible": svg.THIRD, "undecided": svg.SECOND, "passed": svg.GOOD}


@dataclass(frozen=True, slots=True)
class Point:
    """One file in a plot; `low` and `high` are the interval of `y`."""

    number: int
    verdict: str
    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class _Axis:
    """What a plot has on its horizontal axis."""

    key: str
    title: str
    word: str
    label: str
    value: Callable[[Entry], float | None]
    limit: float | None
    noise: float


def section(report: Report, found: Sequence[Entry]) -> Section | None:
    """Plots of size and of latency against the drop, a pair for every unit of it; None where no file has both."""
    limits = report.recipe.limits
    noise = max((each.row.latency_ratio.noise for each in found if each.row.latency_ratio), default=0.0)
    axes = (
        _Axis("size", "Size and accuracy", "size", "size, float32 = 1", _size_of, limits.max_size_ratio, 0.0),
        _Axis(
            "speed",
            "Latency and accuracy",
            "latency",
            "latency, float32 = 1",
            _time_of,
            limits.max_latency_ratio,
            noise,
        ),
    )
    units = dict.fromkeys(each.row.drop_unit for each in found if _height(each) is not None)
    plots = [plot for unit in units for axis in axes if (plot := _plot(axis, unit, found, limits))]
    lead = (
        "Down and to the left is better. Each number is a file of the cards above; the ring is the float32 file that "
        "it is compared with. Bars are 95 % intervals, dashed lines are limits."
    )
    return Section("trade-off", "Trade-off", lead, {"plots": plots}) if plots else None


def _size_of(entry: Entry) -> float | None:
    return entry.size_ratio


def _time_of(entry: Entry) -> float | None:
    return None if entry.stands_in else entry.latency_ratio


def _height(entry: Entry) -> tuple[float, Interval | None] | None:
    """The drop; without labels, the share of answers that differ, in percent."""
    row = entry.row
    if row.drop is not None:
        return row.drop, row.drop_interval
    return None if row.agreement is None else (100 * (1 - row.agreement), None)


def _plot(axis: _Axis, unit: str | None, found: Sequence[Entry], limits: Limits) -> Markup | None:
    points = _points(axis, unit, found)
    if not points:
        return None
    allowed = limits.of_drop(unit)[1] if unit else None
    label = f"drop, {unit}" if unit else "answers that differ, %"
    told = "; ".join(
        f"{point.number} ({point.verdict}): {axis.word} {point.x:.3g} of float32, {label} {point.y:.3g}"
        for point in points
    )
    key = f"trade-off-{axis.key}-{unit or 'none'}"

    def draw(axes: Axes) -> None:
        axes.set_xlabel(axis.label)
        axes.set_ylabel(label, rotation_mode="anchor")
        _frame(axes, points, axis, allowed)
        _limits(axes, axis, allowed)
        axes.plot([1], [0], marker="o", markersize=11, markeredgecolor=svg.BASE, markerfacecolor="none", mew=2)
        _mark(axes, points)

    return svg.plot(key, _SIZE, axis.title, f"{told}.", draw)


def _points(axis: _Axis, unit: str | None, found: Sequence[Entry]) -> list[Point]:
    points = []
    for entry in found:
        x, height = axis.value(entry), _height(entry)
        if x is not None and height is not None and entry.row.drop_unit == unit:
            y, between = height
            low, high = (between.low, between.high) if between else (y, y)
            points.append(Point(entry.number, entry.verdict, x, y, low, high))
    return points


def _frame(axes: Axes, points: Sequence[Point], axis: _Axis, allowed: float | None) -> None:
    """Room for every point and limit, and for the float32 file."""
    right = max([1.0, axis.limit or 0, *(point.x for point in points)])
    low = min([0.0, *(point.low for point in points)])
    high = max([0.0, allowed or 0, *(point.high for point in points)])
    room = (high - low or 1.0) * 0.14
    axes.set_xlim(0, right * 1.12)
    axes.set_ylim(low - room, high + room)


def _limits(axes: Axes, axis: _Axis, allowed: float | None) -> None:
    if allowed is not None:
        axes.axhline(allowed, color=svg.BAD, linestyle="--", linewidth=1.2)
        axes.axhspan(allowed, axes.get_ylim()[1], color=svg.BAD, alpha=0.06, linewidth=0)
    if axis.limit is not None:
        axes.axvline(axis.limit, color=svg.BAD, linestyle="--", linewidth=1.2)
        axes.axvspan(axis.limit, axes.get_xlim()[1], color=svg.BAD, alpha=0.06, linewidth=0)
    if axis.noise:
        axes.axvspan(1 - axis.noise, 1 + axis.noise, color=svg.BASE, alpha=0.25, linewidth=0)


def _mark(axes: Axes, points: Sequence[Point]) -> None:
    """Points with their intervals, and their numbers beside them where they would cover one another."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    taken: list[tuple[float, float]] = []
    for point in points:
        colour = _COLOURS.get(point.verdict, svg.ACCENT)
        spread = [[max(point.y - point.low, 0)], [max(point.high - point.y, 0)]]
        axes.errorbar(point.x, point.y, yerr=spread, color=colour, elinewidth=1.4, capsize=3, marker="o", markersize=4)
        at = (point.x - left) / (right - left) * _WIDTH, (point.y - low) / (high - low) * _HEIGHT
        moved = _free(at, taken)
        taken.append(moved)
        axes.annotate(
            str(point.number),
            (point.x, point.y),
            xytext=(moved[0] - at[0], moved[1] - at[1]),
            textcoords="offset points",
            ha="center",
            va="center_baseline",
            color=svg.PAPER,
            fontsize=11,
            fontweight="bold",
            bbox={"boxstyle": "circle,pad=0.25", "facecolor": colour, "edgecolor": svg.PAPER, "linewidth": 1},
            zorder=5,
        )


def _free(at: tuple[float, float], taken: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The nearest place to the right of a point, in its line, where no number stands."""
    x, y = at[0] + _APART * 0.75, at[1] + _APART * 0.6
    while any(abs(x - left) < _APART and abs(y - low) < _APART for left, low in taken):
        x += 2
    return x, y
