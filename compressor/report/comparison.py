"""A report against an earlier one: what every artifact lost, and whether that is too much."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from compressor.regression_limits import RegressionLimits
from compressor.report import accuracy_change, regression
from compressor.report.cases import artifact, one_line
from compressor.report.change import Change, change
from compressor.report.conditions import differences
from compressor.report.figures import Part
from compressor.report.kept_run import Run
from compressor.report.schema import Report, Row, place

_Key = tuple[str | None, ...]


class Side(Part):
    """Which run it was."""

    model: str
    recipe: str
    host: str


class Comparison(Part):
    """What became of a run. `notes` tell of rows that are new or failed before as well, `warnings` what to heed."""

    old: Side
    new: Side
    limits: RegressionLimits
    undecided: Literal["fail", "pass"]
    passed: bool
    changes: list[Change]
    warnings: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 nothing got worse than it may, 1 something did."""
        return 0 if self.passed else 1


def compare(old: Run, new: Run, limits: RegressionLimits, undecided: Literal["fail", "pass"] = "pass") -> Comparison:
    """Join the rows of two reports and judge what changed.

    A row that is gone, failed, or is no longer measured is a failure; a new one is noted. Of emulated rows, which
    repeat measured ones on fewer samples, only that counts.

    Args:
        undecided: whether what is undecided fails.
    """
    before, after = _by_key(old.report), _by_key(new.report)
    changes = [each for key, row in before.items() for each in _changes(old, new, row, after.get(key), limits)]
    return Comparison(
        old=_side(old.report),
        new=_side(new.report),
        limits=limits,
        undecided=undecided,
        passed=not any(fails(each, undecided) for each in changes),
        changes=changes,
        warnings=differences(old.report, new.report),
        notes=list(_notes(before, after)),
    )


def _changes(old: Run, new: Run, before: Row, after: Row | None, limits: RegressionLimits) -> Iterator[Change]:
    if _lacks_numbers(before):
        return
    if after is None:
        yield change(before, "row", "still_there", "failed", "the row of the earlier run", "no such row")
        return
    finished = "a file that was written and measured, as before"
    if _lacks_numbers(after):
        why = f"{after.failed_stage or after.provenance}: {one_line(after.reason or '')}"
        yield change(after, "finished", "finished", "failed", finished, why)
        return
    yield change(after, "finished", "finished", "passed", finished, "one")
    if after.provenance != "emulated":
        yield from accuracy_change.changes(old, new, before, after, limits)
        yield from regression.changes(before, after, old.report.rows, new.report.rows, limits)


def _notes(before: dict[_Key, Row], after: dict[_Key, Row]) -> Iterator[str]:
    for key, row in after.items():
        where = f"{place(row.target, row.network)}: {artifact(row)}"
        old = before.get(key)
        if old is None:
            yield f"{where}: new"
        elif old.failed_stage is not None:
            yield f"{where}: failed before" + (" as well" if row.failed_stage is not None else ", and finished now")


def _lacks_numbers(row: Row) -> bool:
    return row.failed_stage is not None or row.provenance == "skipped"


def _by_key(report: Report) -> dict[_Key, Row]:
    found: dict[_Key, Row] = {}
    for row in report.rows:
        found.setdefault((row.network, row.target, row.stage, artifact(row)), row)
    return found


def _side(report: Report) -> Side:
    return Side(model=report.model.name, recipe=report.recipe.name, host=report.environment.host)


def fails(one: Change, undecided: Literal["fail", "pass"]) -> bool:
    """Whether the verdict is not passed because of it."""
    return one.verdict == "failed" or (one.verdict == "undecided" and undecided == "fail")
