"""Cases as GitHub's workflow commands, which a log shows as annotations.

Form and escapes: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands and `command.ts` of
actions/toolkit. A step shows 10 errors, 10 warnings and 10 notices; what is beyond is dropped without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from compressor.report.cases import Case

Kind = Literal["error", "warning", "notice"]

_SHOWN = 10
_IN_TEXT = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTY = _IN_TEXT | {":": "%3A", ",": "%2C"}


def lines(cases: Sequence[Case], warnings: Iterable[str], verdict: str) -> list[str]:
    """One line for each annotation: failures as errors, undecided and warnings as such, the verdict as a notice.

    Args:
        verdict: one sentence.
    """
    failing = [case for case in cases if case.fails]
    open_ones = [case for case in cases if not case.fails and case.outcome in ("undecided", "implausible")]
    told: dict[Kind, list[tuple[str, str]]] = {
        "error": [(f"{case.outcome}: {case.suite}: {case.name}", _with_advice(case)) for case in failing],
        "warning": [(f"{case.outcome}: {case.suite}: {case.name}", _with_advice(case)) for case in open_ones]
        + [("compressor", warning) for warning in warnings],
        "notice": [("compressor", verdict)],
    }
    return [_command(kind, title, text) for kind, each in told.items() for title, text in _shown(each)]


def error(message: str) -> str:
    """The annotation of a command that could not be carried out."""
    return _command("error", "compressor", message)


def _shown(told: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """As many as are shown, the last of which says how many are not."""
    if len(told) <= _SHOWN:
        return list(told)
    rest = len(told) - _SHOWN + 1
    return [*told[: _SHOWN - 1], ("compressor", f"{rest} more are in the summary and in the report")]


def _with_advice(case: Case) -> str:
    return f"{case.told}\nwhat to do: {case.todo}" if case.todo else case.told


def _command(kind: Kind, title: str, text: str) -> str:
    return f"::{kind} title={_escaped(title, _IN_PROPERTY)}::{_escaped(text, _IN_TEXT)}"


def _escaped(text: str, escapes: dict[str, str]) -> str:
    return "".join(escapes.get(letter, letter) for letter in text)
