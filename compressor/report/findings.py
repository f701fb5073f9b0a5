"""What is told of a report, or of a comparison of two, to whoever reads it in CI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compressor.report import comparison_summary, pull_request
from compressor.report.cases import Case, cases_of
from compressor.report.comparison import Comparison
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


def of_comparison(comparison: Comparison) -> Findings:
    """What a comparison tells."""
    cases = comparison_summary.cases_of(comparison)
    new, old = comparison.new, comparison.old
    properties = {"model": new.model, "recipe": new.recipe, "host": new.host, "host.before": old.host}
    limits = {f"limit.{name}": f"{value:g}" for name, value in comparison.limits.model_dump().items()}
    return Findings(
        name=f"compressor {new.model} {new.recipe} against an earlier run",
        passed=comparison.passed,
        sentence=pull_request.verdict_sentence(comparison.passed, cases),
        cases=cases,
        warnings=comparison.warnings,
        properties=properties | limits,
        markdown=comparison_summary.render(comparison),
    )
