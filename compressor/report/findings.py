"""What is told of a report, or of a comparison of two, to whoever reads it in CI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compressor.report import pull_request
from compressor.report.cases import Case, cases_of
from compressor.report.junit import properties_of
from compressor.report.schema import Report


@dataclass(frozen=True, slots=True)
class Findings:
    """The same findings in every form.

    Attributes:
        name: of the whole.
        passed: the verdict.
        sentence: the verdict in words.
        cases: one for each limit and artifact.
        warnings: what to know besides.
        properties: what it was made of and with.
        markdown: the summary.
    """

    name: str
    passed: bool
    sentence: str
    cases: Sequence[Case]
    warnings: Sequence[str]
    properties: Mapping[str, str]
    markdown: str


def of_report(report: Report) -> Findings:
    """What a report tells."""
    return Findings(
        name=f"compressor {report.model.name} {report.recipe.name}",
        passed=report.verdict.passed,
        sentence=pull_request.sentence(report),
        cases=cases_of(report),
        warnings=report.warnings,
        properties=properties_of(report),
        markdown=pull_request.render(report),
    )
