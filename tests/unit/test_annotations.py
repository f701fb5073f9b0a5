"""Annotations of a GitHub workflow: escapes, kinds, and no more than are shown."""

from __future__ import annotations

import re

from hypothesis import given
from judged_reports import TEXT, any_report, judged

from compressor.report import annotations
from compressor.report.cases import Case, cases_of
from compressor.report.schema import Report

_COMMAND = re.compile(r"::(error|warning|notice) title=([^:,\r\n]*)::([^\r\n]*)")


def undone(text: str) -> str:
    """As the runner reads it: the percent sign comes last."""
    for sign, code in (("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C"), ("%", "%25")):
        text = text.replace(code, sign)
    return text


def read(line: str) -> tuple[str, str, str]:
    found = _COMMAND.fullmatch(line)
    assert found is not None, line
    return found[1], undone(found[2]), undone(found[3])


def case(name: str, told: str, outcome: str = "failed") -> Case:
    return Case("host", "c", name, outcome, fails=outcome == "failed", told=told)  # type: ignore[arg-type]


@given(TEXT, TEXT)
def test_any_text_comes_through(name: str, told: str) -> None:
    (failed, notice) = annotations.lines([case(name, told)], [], "Not passed")
    assert read(failed) == ("error", f"failed: host: {name}", told)
    assert read(notice) == ("notice", "compressor", "Not passed")


def test_the_escapes_are_those_of_the_toolkit() -> None:
    (line, _) = annotations.lines([case("a:b,c%d\r\n", "e:f,g%h\r\n")], [], "")
    assert line == "::error title=failed%3A host%3A a%3Ab%2Cc%25d%0D%0A::e:f,g%25h%0D%0A"


def test_undecided_is_a_warning_unless_it_fails() -> None:
    def kinds(report: Report) -> list[str]:
        lines = map(read, annotations.lines(cases_of(report), report.warnings, "x"))
        return [kind for kind, title, _ in lines if title.startswith("undecided")]

    assert kinds(judged(undecided="pass")) == ["warning"]
    assert kinds(judged(undecided="fail")) == ["error"]


def test_no_more_than_ten_of_a_kind_are_told_and_the_last_counts_the_rest() -> None:
    for count in (10, 11, 25):
        lines = [read(line) for line in annotations.lines([case(str(n), "t") for n in range(count)], ["w"] * 12, "v")]
        errors = [text for kind, _, text in lines if kind == "error"]
        assert len(errors) == 10
        assert errors[-1] == ("t" if count == 10 else f"{count - 9} more are in the summary and in the report")
        assert sum(kind == "warning" for kind, _, _ in lines) == 10


@given(any_report())
def test_every_line_is_one_command(report: Report) -> None:
    for line in annotations.lines(cases_of(report), report.warnings, "x"):
        read(line)
