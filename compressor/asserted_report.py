"""A report that tests assert on: rows by what they are, and failures that say what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from compressor.limits import Limits
from compressor.report.cases import artifact, cases_of
from compressor.report.schema import Report, Row, place
from compressor.verbs.gate import gate


@dataclass(frozen=True, slots=True)
class AssertedReport:
    """A report of a run; `report` is the whole of it.

    Example:
        >>> compressor_report.assert_passed()
        >>> assert compressor_report.row(target="coral", precision="int8").drop < 0.5
    """

    report: Report

    def rows(
        self,
        *,
        target: str | None = None,
        format: str | None = None,
        precision: str | None = None,
        runtime: str | None = None,
        stage: str | None = None,
        network: str | None = None,
    ) -> tuple[Row, ...]:
        """All rows that are what is given; None takes any."""
        asked = {
            **{"target": target, "format": format, "precision": precision},
            **{"runtime": runtime, "stage": stage, "network": network},
        }
        wanted = {name: value for name, value in asked.items() if value is not None}
        return tuple(row for row in self.report.rows if all(getattr(row, name) == wanted[name] for name in wanted))

    def row(
        self,
        *,
        target: str | None = None,
        format: str | None = None,
        precision: str | None = None,
        runtime: str | None = None,
        stage: str | None = "compressed",
        network: str | None = None,
    ) -> Row:
        """The only row that is what is given; a compressed one unless said otherwise.

        Raises:
            AssertionError: none, or several; the message lists what there is.
        """
        found = self.rows(
            target=target, format=format, precision=precision, runtime=runtime, stage=stage, network=network
        )
        if len(found) != 1:
            told = _listed(found or self.report.rows)
            which = "no row is" if not found else f"{len(found)} rows are"
            raise AssertionError(f"{which} what was asked for; {'these' if found else 'there'} are:{told}")
        return found[0]

    def assert_passed(self, **limits: Any) -> None:
        """Assert that the verdict is passed; with limits, that the rows keep those as well.

        Args:
            limits: fields of `compressor.Limits`, each in the place of the recipe's own.

        Raises:
            AssertionError: with every failure in a line of its own.
        """
        report = gate(self.report, Limits(**limits)) if limits else self.report
        if not report.verdict.passed:
            failing = [case.told for case in cases_of(report) if case.fails]
            raise AssertionError(
                f"compressor: {len(failing)} checks failed:" + "".join(f"\n  {each}" for each in failing)
            )


def _listed(rows: Sequence[Row]) -> str:
    return "".join(f"\n  {place(row.target, row.network)}: {artifact(row)} ({row.stage})" for row in rows)
