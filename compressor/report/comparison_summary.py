"""A comparison of two runs as cases, and as Markdown for a pull request or a GitHub step."""

from __future__ import annotations

from compressor.report import layout
from compressor.report.advice import what_to_do
from compressor.report.cases import Case, class_name, distinct
from compressor.report.change import Change
from compressor.report.comparison import Comparison, fails
from compressor.report.github_markdown import Block, bullets, escaped, escaped_line, fitted, folded, table
from compressor.report.pull_request import problems, verdict_sentence
from compressor.report.schema import place

_HEADERS = ("target", "file", "figure", "verdict", "before", "after", "lost")


def cases_of(comparison: Comparison) -> list[Case]:
    """One case for each figure of each artifact."""
    return distinct(_case(comparison, each) for each in comparison.changes)


def _case(comparison: Comparison, each: Change) -> Case:
    new = comparison.new
    return Case(
        suite=place(each.target, each.network),
        classname=class_name(new.model, new.recipe, "compare", each.target, each.network),
        name=f"{each.figure}: {each.artifact}",
        outcome=each.verdict,
        fails=fails(each, comparison.undecided),
        told=each.message,
        todo=what_to_do(each.limit, each.verdict) if each.verdict != "passed" else "",
    )


def render(comparison: Comparison) -> str:
    """The summary, at most 65 000 bytes."""
    new, cases = comparison.new, cases_of(comparison)
    changed = [each for each in comparison.changes if each.verdict != "passed" or each.value]
    blocks = [
        Block([f"### {escaped(new.model)}: {escaped(new.recipe)}, against an earlier run"]),
        Block([f"**{escaped(verdict_sentence(comparison.passed, cases))}**"]),
        *problems(cases),
        bullets("Warnings", map(escaped_line, comparison.warnings), rest="warnings"),
        bullets("New", map(escaped_line, comparison.notes), rest="rows"),
        folded("What changed", table(_HEADERS, map(cells, changed), words=4, rest="figures")),
    ]
    return fitted(blocks)


def cells(each: Change) -> tuple[str, ...]:
    """A change under target, file, figure, verdict, before, after and lost."""
    return (
        place(each.target, each.network),
        each.artifact,
        each.figure,
        each.verdict,
        _number(each.before),
        _number(each.after),
        layout.ABSENT if each.value is None else f"{each.value:+.3g} {each.expected.rpartition(' ')[2]}",
    )


def _number(value: float | None) -> str:
    if value is None:
        return layout.ABSENT
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
