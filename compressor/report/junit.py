"""Cases as JUnit XML, in the form that Jenkins's xUnit plugin (junit-10.xsd) and GitLab read.

GitLab shows `classname` as the suite and the text inside failures, not their `message`; Jenkins shows both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from compressor.report.cases import Case
from compressor.report.schema import Report

# What XML 1.0 has no place for, even escaped: https://www.w3.org/TR/xml/#charsets
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(cases: Sequence[Case], properties: Mapping[str, str], name: str, timestamp: str | None = None) -> str:
    """The whole XML file; the same cases give the same bytes.

    Args:
        properties: of every suite.
        name: of all suites together.
        timestamp: of every suite, by ISO 8601; left out unless given.
    """
    root = Element("testsuites", {"name": _allowed(name), **_counts(cases)})
    for suite in dict.fromkeys(case.suite for case in cases):
        _add_suite(root, suite, [case for case in cases if case.suite == suite], properties, timestamp)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def properties_of(report: Report) -> dict[str, str]:
    """What a report was made of and with."""
    told = {
        "model": report.model.name,
        "recipe": report.recipe.name,
        "host": report.environment.host,
        "python": report.environment.python,
        "seed": str(report.environment.seed),
        **{f"version.{name}": version for name, version in sorted(report.environment.versions.items())},
        "sha256.data": report.data.sha256,
    }
    if report.model.sha256 is not None:
        told["sha256.model"] = report.model.sha256
    return told | {f"sha256.{row.path}": row.sha256 for row in report.rows if row.path and row.sha256}


def _add_suite(
    root: Element, name: str, cases: Sequence[Case], properties: Mapping[str, str], timestamp: str | None
) -> None:
    attributes = {"name": _allowed(name), **_counts(cases), "skipped": _count(cases, ["skipped"])}
    if timestamp is not None:
        attributes["timestamp"] = timestamp
    suite = SubElement(root, "testsuite", attributes)
    listed = SubElement(suite, "properties")
    for key, value in properties.items():
        SubElement(listed, "property", {"name": _allowed(key), "value": _allowed(value)})
    for case in cases:
        _add_case(suite, case)


def _add_case(suite: Element, case: Case) -> None:
    element = SubElement(suite, "testcase", {"classname": _allowed(case.classname), "name": _allowed(case.name)})
    told = _allowed(case.told)
    text = told if not case.todo else f"{told}\nwhat to do: {_allowed(case.todo)}"
    if case.outcome == "skipped":
        SubElement(element, "skipped", {"message": told}).text = told
    elif case.fails:
        kind = "error" if case.outcome == "error" else "failure"
        SubElement(element, kind, {"message": told, "type": case.outcome}).text = text
    elif case.told:
        # It passes by the policy of the verdict, or has something to say all the same.
        SubElement(element, "system-out").text = told if case.outcome == "passed" else f"{case.outcome}: {text}"


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    failing = [case for case in cases if case.fails]
    errors = sum(case.outcome == "error" for case in failing)
    return {"tests": str(len(cases)), "failures": str(len(failing) - errors), "errors": str(errors)}


def _count(cases: Iterable[Case], outcomes: Sequence[str]) -> str:
    return str(sum(case.outcome in outcomes for case in cases))


def _allowed(text: str) -> str:
    """Text with a replacement character for what XML 1.0 forbids."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
