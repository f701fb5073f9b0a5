"""The compressed files that a verdict is about, numbered: the same number stands for one everywhere in the page."""

from __future__ import annotations

from dataclasses import dataclass

from compressor.report import gate
from compressor.report.schema import Report, Row

NOT_JUDGED = "not judged"
# From worst to best.
_ORDER = ("failed", "implausible", "undecided", "passed", NOT_JUDGED)


@dataclass(frozen=True, slots=True)
class Entry:
    """One compressed file on one runtime, for every target that takes the very same.

    Attributes:
        rows: positions in the report.
        row: the first of them.
        stands_in: what was timed on this host is not the device.
    """

    number: int
    rows: tuple[int, ...]
    row: Row
    baseline: Row | None
    targets: tuple[str, ...]
    verdict: str
    stands_in: bool

    @property
    def title(self) -> str:
        """The file, and its network where there are several."""
        named = f"{self.row.format} {self.row.precision}"
        return f"{self.row.network}: {named}" if self.row.network else named

    @property
    def where(self) -> str:
        """What ran it, and for whom."""
        return f"{self.row.runtime} · for {', '.join(self.targets)}"

    @property
    def size_ratio(self) -> float | None:
        """Compressed bytes / float32 bytes."""
        return gate.size_ratio(self.row, self.baseline)

    @property
    def latency_ratio(self) -> float | None:
        """As it was measured turn about, else of the medians of both rows."""
        measured = self.row.latency_ratio
        return measured.ratio if measured else gate.latency_ratio(self.row, self.baseline)


def entries(report: Report) -> tuple[Entry, ...]:
    """The compressed rows that were measured here or failed, equal ones as one."""
    same: dict[object, list[int]] = {}
    for position, row in enumerate(report.rows):
        if row.stage == "compressed" and (row.provenance == "measured" or row.failed_stage):
            same.setdefault((*_identity(row), verdict_of(report, position)), []).append(position)
    return tuple(_entry(report, number, positions) for number, positions in enumerate(same.values(), 1))


def verdict_of(report: Report, position: int) -> str:
    """The worst verdict on a row; of a report without judgements, whether it violates a limit."""
    judgements = [each.verdict for each in report.verdict.judgements if each.row == position]
    row = report.rows[position]
    if any(_about(row) == _about(each) for each in report.verdict.violations) and "implausible" not in judgements:
        judgements.append("failed")
    if not judgements and not report.verdict.judgements and _is_judged(report, row):
        judgements.append("passed")
    return min(judgements, key=_ORDER.index, default=NOT_JUDGED)


def _is_judged(report: Report, row: Row) -> bool:
    return row.provenance == "measured" and bool(report.recipe.limits.model_dump(exclude_none=True))


def _about(of: object) -> tuple[object, ...]:
    return tuple(getattr(of, name) for name in ("network", "target", "format", "precision", "runtime"))


def _identity(row: Row) -> tuple[object, ...]:
    return (row.network, row.format, row.precision, row.runtime, row.sha256, row.drop, row.reason, row.failed_stage)


def _entry(report: Report, number: int, positions: list[int]) -> Entry:
    row = report.rows[positions[0]]
    targets = tuple(dict.fromkeys(report.rows[position].target for position in positions))
    return Entry(
        number=number,
        rows=tuple(positions),
        row=row,
        baseline=gate.baseline_of(row, report.rows),
        targets=targets,
        verdict=verdict_of(report, positions[0]),
        stands_in=all(_is_absent(report, target) for target in targets),
    )


def _is_absent(report: Report, target: str) -> bool:
    """The device is not here: a runtime on this host spoke for it."""
    return any(
        row.target == target and row.provenance in ("skipped", "estimated") and row.failed_stage is None
        for row in report.rows
    )
