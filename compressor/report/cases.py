"""What a report says, one case for each limit and artifact: JUnit, summaries and annotations all tell these."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from compressor.report import parity_limit
from compressor.report.advice import what_to_do
from compressor.report.evidence import ParityCell
from compressor.report.schema import Judgement, Report, Row, Verdict, Violation, place

Outcome = Literal["passed", "failed", "implausible", "undecided", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that was asked of one artifact.

    Attributes:
        suite: target, and network where there are several.
        classname: `compressor.MODEL.RECIPE.TARGET`, the same from run to run.
        name: limit and artifact; no two of a class have the same.
        fails: the verdict is not passed because of it.
        told: what came of it, in one sentence.
        todo: what to do about it.
    """

    suite: str
    classname: str
    name: str
    outcome: Outcome
    fails: bool
    told: str = ""
    todo: str = ""


def cases_of(report: Report) -> list[Case]:
    """All cases of a report, in the order of its rows, then parity, then what was not judged."""
    return distinct(_cases(report))


def _cases(report: Report) -> Iterator[Case]:
    verdict = report.verdict
    judged = {index: [each for each in verdict.judgements if each.row == index] for index in range(len(report.rows))}
    for index, row in enumerate(report.rows):
        if not any(each.limit == "finished" for each in judged[index]):
            yield _finished(report, row)
        for judgement in judged[index]:
            yield _judged(report, row, judgement)
    for violation in _without_judgement(verdict, report.rows):
        yield _case(report, violation, violation.limit, "failed", violation.message, fails=True)
    for cell in report.parity:
        yield from _parity(report, cell)
    for told in verdict.not_judged:
        limit, _, why = told.partition(": ")
        yield Case("not judged", _class(report, "not judged"), limit, "skipped", fails=False, told=why or told)


def _finished(report: Report, row: Row) -> Case:
    """Whether there is a file with numbers at all."""
    why = one_line(row.reason or "")
    if row.failed_stage is not None:
        told = f"{row.title}: failed ({row.failed_stage}): {why}"
        return _case(report, row, "finished", "error", told, fails=True)
    if row.provenance == "skipped":
        return _case(report, row, "finished", "skipped", why, fails=False)
    return _case(report, row, "finished", "passed", "", fails=False)


def _judged(report: Report, row: Row, judgement: Judgement) -> Case:
    verdict = report.verdict
    fails = {
        "passed": False,
        "failed": True,
        "undecided": verdict.undecided == "fail",
        "implausible": verdict.implausible == "fail",
    }
    failed_stage = judgement.limit == "finished" and judgement.verdict == "failed"
    outcome: Outcome = "error" if failed_stage else judgement.verdict
    return _case(report, row, judgement.limit, outcome, judgement.message, fails[judgement.verdict])


def _without_judgement(verdict: Verdict, rows: Sequence[Row]) -> list[Violation]:
    """Violations of reports that have no judgements yet; a row that failed is told by itself."""
    judged = {(each.limit, *_identity(rows[each.row])) for each in verdict.judgements if each.row < len(rows)}
    judged |= {("finished", *_identity(row)) for row in rows}
    return [each for each in verdict.violations if (each.limit, *_identity(each)) not in judged]


def _identity(of: Row | Violation) -> tuple[str | None, ...]:
    return of.network, of.target, of.format, of.precision, of.runtime


def _parity(report: Report, cell: ParityCell) -> Iterator[Case]:
    """Only where the pair has a tolerance of its own, and no row failed for it, which then tells."""
    concerned = any(parity_limit.concerns(cell, row) for row in report.rows)
    if cell.within is None or (not cell.within and concerned and parity_limit.fatal(cell)):
        return
    against = cell.against if cell.against != "same file" else f"same file on {cell.against_runtime}"
    suite = place("parity", cell.network)
    name = f"parity: {cell.stage} {_named(cell.format, cell.precision, cell.runtime, cell.host)} against {against}"
    told = f"{name}: " + ("within its tolerance" if cell.within else f"out of it, and no row fails: {_beyond(cell)}")
    outcome: Outcome = "passed" if cell.within else "skipped"
    yield Case(suite, _class(report, "parity", cell.network), name, outcome, fails=False, told=told)


def _beyond(cell: ParityCell) -> str:
    far = cell.max_lsb if cell.limit_unit == "lsb" else cell.max_abs_error
    unit = " integer steps" if cell.limit_unit == "lsb" else ""
    limit = "" if cell.limit is None else f"expected a difference of at most {cell.limit:g}{unit}, "
    received = "no numbers" if far is None else f"{far:.4g}{unit}"
    return f"{limit}received {received}" + (f"; {one_line(cell.diverges.told)}" if cell.diverges else "")


def _case(report: Report, of: Row | Violation, limit: str, outcome: Outcome, told: str, fails: bool) -> Case:
    name = (
        f"{limit}: {artifact(of)}" if isinstance(of, Row) else f"{limit}: {_named(of.format, of.precision, of.runtime)}"
    )
    todo = what_to_do(limit, outcome) if outcome not in ("passed", "skipped") else ""
    where = _class(report, of.target, of.network)
    return Case(place(of.target, of.network), where, name, outcome, fails, one_line(told), todo)


def artifact(row: Row) -> str:
    """An artifact in a few words, the same from run to run."""
    baseline = "baseline " if row.stage == "float32" else ""
    return baseline + _named(row.format, row.precision, row.runtime, row.host if row.provenance == "emulated" else None)


def _named(written: str, precision: str, runtime: str, host: str | None = None) -> str:
    # The core alone: what emulates it has a version.
    core = "" if host is None else f" ({host.partition(' by ')[0]})"
    return f"{written} {precision} on {runtime}{core}"


def _class(report: Report, *parts: str | None) -> str:
    return class_name(report.model.name, report.recipe.name, *parts)


def class_name(*parts: str | None) -> str:
    """Names joined by dots; what is not part of a word becomes an underscore, since CI takes names apart at dots."""
    named = ("compressor", *parts)
    return ".".join(re.sub(r"[^\w-]+", "_", part) for part in named if part)


def one_line(text: str) -> str:
    """Text without line breaks."""
    return " ".join(text.split())


def distinct(cases: Iterable[Case]) -> list[Case]:
    """GitLab drops all but the first of several cases of one name: those that follow get a number."""
    seen: Counter[tuple[str, str]] = Counter()
    told = []
    for case in cases:
        key = (case.classname, case.name)
        seen[key] += 1
        while seen[key] > 1:
            case = replace(case, name=f"{key[1]} #{seen[key]}")
            key = (case.classname, case.name)
            seen[key] += 1
        told.append(case)
    return told
