"""Every limit on every row it applies to."""

from __future__ import annotations

from dataclasses import dataclass

from compressor.report.layout import ABSENT
from compressor.report.page.figures_as_text import counted, interval
from compressor.report.page.section import Section
from compressor.report.page.table import Cell, Line, Table, columns, number
from compressor.report.schema import Judgement, Report

_ORDER = ("failed", "implausible", "undecided", "passed")
_COLUMNS = columns(("limit", "verdict", "row", "expected"), ("received", "95 % interval", "more samples"))


@dataclass(frozen=True, slots=True)
class Count:
    """How many judgements came to one verdict."""

    state: str
    count: int


def section(report: Report) -> Section:
    """The table of judgements, those that did not pass first."""
    judgements = report.verdict.judgements
    if not judgements:
        lead = "This report has no judgements of single limits: it is of an earlier version, or no limit was set."
        return Section("judgements", "Judgements", lead)
    ordered = sorted(judgements, key=lambda each: (_ORDER.index(each.verdict), each.limit, each.row))
    table = Table("Limits and rows", _COLUMNS, tuple(Line(_cells(report, each)) for each in ordered))
    counts = [Count(state, sum(each.verdict == state for each in judgements)) for state in _ORDER]
    lead = (
        f"{counted(len(judgements), 'judgement')}. Undecided: the interval straddles the limit, and counts as "
        f"{_word(report.verdict.undecided)}. Implausible: better than the float32 file by more than chance allows, and "
        f"counts as {_word(report.verdict.implausible)}."
    )
    return Section(
        "judgements", "Judgements", lead, {"table": table, "counts": [each for each in counts if each.count]}
    )


def _word(verdict: str) -> str:
    return "passed" if verdict == "pass" else "failed"


def _cells(report: Report, judgement: Judgement) -> tuple[Cell, ...]:
    between = judgement.interval
    return (
        Cell(judgement.limit),
        Cell(judgement.verdict, state=judgement.verdict),
        Cell(report.rows[judgement.row].title, href=f"#row-{judgement.row}"),
        Cell(judgement.expected),
        Cell(" ".join(judgement.received.split()), judgement.value),
        Cell(interval(between, "{:.3g}"), between.high) if between else Cell(ABSENT),
        number(judgement.more_samples, "{:,}"),
    )
