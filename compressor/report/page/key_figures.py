"""The figures a decision hangs on, one card for every compressed file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compressor.report.layout import ABSENT, reason
from compressor.report.page import figures_as_text as text
from compressor.report.page.entries import Entry
from compressor.report.page.latency import difference
from compressor.report.schema import Report


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a card."""

    name: str
    value: str
    aside: str


@dataclass(frozen=True, slots=True)
class Card:
    """One compressed file: its figures, or why it has none."""

    number: int
    title: str
    where: str
    verdict: str
    href: str
    figures: tuple[Figure, ...]
    reason: str


def cards(report: Report, found: Sequence[Entry]) -> tuple[Card, ...]:
    """A card for every compressed file, in the order of the report."""
    return tuple(_card(report, entry) for entry in found)


def _card(report: Report, entry: Entry) -> Card:
    failed = entry.row.failed_stage is not None
    return Card(
        number=entry.number,
        title=entry.title,
        where=entry.where,
        verdict="failed" if failed else entry.verdict,
        href=f"#row-{entry.rows[0]}",
        figures=() if failed else (_size(entry), _drop(report, entry), _latency(entry)),
        reason=reason(entry.row) if failed else "",
    )


def _size(entry: Entry) -> Figure:
    before = f" of {text.size(entry.baseline.bytes)}" if entry.baseline else ""
    value = text.percent(entry.size_ratio, 0) if entry.size_ratio is not None else text.size(entry.row.bytes)
    return Figure("Size", value, f"{text.size(entry.row.bytes)}{before}")


def _drop(report: Report, entry: Entry) -> Figure:
    row = entry.row
    if row.drop is None:
        aside = "no labels: no drop" if row.metric is None else "not compared"
        return Figure("Agreement", text.percent(row.agreement, 2), aside)
    between = text.interval(row.drop_interval)
    own = {each.name: each.data for each in report.model.networks}.get(row.network or "", report.data)
    aside = f"95 %: {between}" if between else f"{text.counted(own.evaluation, 'sample')}, no interval"
    return Figure(f"Drop, {row.drop_unit}", f"{row.drop:+.2f}".replace("-", "−"), aside)


def _latency(entry: Entry) -> Figure:
    row = entry.row
    if entry.stands_in:
        return Figure("Latency", ABSENT, "the device is not here")
    measured = row.latency_ratio
    if measured is None:
        return Figure("Latency", text.times(entry.latency_ratio), "noise not measured")
    aside = f"{difference(row)} (±{text.percent(measured.noise)})"
    return Figure("Latency", text.times(measured.ratio), aside.replace("within the noise", "no difference"))
