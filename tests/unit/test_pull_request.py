"""The summary of a pull request: its bytes, that its tables are tables whatever they hold, and that it has room."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from judged_reports import TEXT, any_report, judged
from markdown_it import MarkdownIt
from markdown_it.token import Token

from compressor.report import pull_request, schema
from compressor.report.cases import cases_of
from compressor.report.github_markdown import LARGEST, Block, bullets, escaped, escaped_line, fitted, folded, table
from compressor.report.schema import Report


def parsed(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def tables(text: str) -> list[list[int]]:
    """Cells in each row of each table."""
    found: list[list[int]] = []
    for token in parsed(text):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append(0)
        elif token.type in ("th_open", "td_open"):
            found[-1][-1] += 1
    return found


@pytest.mark.parametrize("name", ["passed", "not_passed", "two_networks"])
def test_the_summary_is_written_to_the_byte(name: str, golden: Path) -> None:
    report = schema.read(golden / f"{name}.json")
    assert pull_request.render(report) == (golden / f"{name}.summary.md").read_text(encoding="utf-8")


def test_a_judged_report_is_written_to_the_byte(golden: Path) -> None:
    assert pull_request.render(judged()) == (golden / "judged.summary.md").read_text(encoding="utf-8")


def test_the_verdict_comes_first_in_one_sentence() -> None:
    text = pull_request.render(judged())
    assert text.splitlines()[2] == "**Not passed: 3 of 12 checks failed; 1 undecided.**"
    assert pull_request.sentence(judged(undecided="fail")) == "Not passed: 4 of 12 checks failed."


def test_problems_are_listed_with_what_to_do() -> None:
    text = pull_request.render(judged())
    parts = re.split(r"\*\*(Failed|Implausible|Undecided)\*\*", text)
    assert parts[1::2] == ["Failed", "Implausible", "Undecided"]
    assert "row 5: max_accuracy_drop" in parts[4]
    assert "whether evaluation samples are among those of training" in parts[4]
    assert "row 1: min_agreement" in parts[6]
    assert "evaluate more samples" in parts[6]


def test_an_artifact_has_one_line_with_interval_and_noise() -> None:
    report = judged()
    ratio = {"ratio": 0.48, "interval": {"low": 0.47, "high": 0.5}, "noise": 0.03, "rounds": 50, "threads": 1}
    changes = {"drop_interval": {"low": -0.2, "high": 3.8}, "latency_ratio": ratio}
    row = schema.Row.model_validate({**report.rows[1].model_dump(), **changes})
    told = pull_request.render(report.model_copy(update={"rows": [report.rows[0], row, *report.rows[2:]]}))
    assert "| host | tflite int8 on litert | failed | 28.7% | +1.80 (-0.20 to +3.80) | 0.48 ± 0.03 | 97.80% |" in told


@given(any_report())
def test_tables_are_tables_whatever_they_hold(report: Report) -> None:
    compressed = [row for row in report.rows if row.stage == "compressed"]
    text = pull_request.render(report)
    short, every = tables(text)
    assert short == [7] * (len(compressed) + 1)
    assert every == [4] * (len(cases_of(report)) + 1)
    html = [token.content for token in parsed(text) if token.type == "html_block"]
    allowed = {"<details>", "</details>"}
    assert all(set(re.findall(r"</?details>", each)) <= allowed for each in html)
    assert text.count("<details>") == text.count("</details>") == 2


@given(TEXT | st.text(alphabet="|\\`*_[]<>&#!~$ \n-+=1.)", max_size=30))
@example("- a")
@example("1. a")
@example("2) a")
@example("+ a")
@example("<b>a</b> <!-- b -->")
@example("a <details> &lt;")
def test_escaped_text_reads_as_it_was(text: str) -> None:
    shown = escaped_line(text)
    blocks = [table(("a", "b"), [(text, "end")], words=2), bullets("Title", [f"{shown}end"], rest="items")]
    lines = [token for token in parsed(fitted(blocks)) if token.type == "inline"]
    assert [token.content for token in lines[:2]] == ["a", "b"]
    assert lines[3].content == "end"
    whole = re.sub("[^\u0020-\U0010ffff]|[\ufffe\uffff]", "\ufffd", " ".join(text.split()))
    for line, expected in ((lines[2], whole), (lines[5], f"{whole}end")):
        children = line.children or []
        assert {child.type for child in children} <= {"text", "text_special"}
        assert "".join(child.content for child in children).split() == expected.split()
    assert len(lines) == 6


def test_long_texts_are_cut_and_what_has_no_room_is_counted() -> None:
    assert len(escaped("x" * 10_000)) < 1_000
    told = fitted([bullets("All", [f"item {index}" for index in range(1000)], rest="items")], most=1_000)
    assert len(told.encode()) <= 1_000
    kept = told.count("\n- item ") + 0
    assert told.rstrip().endswith(f"… and {1000 - kept} more items, see report.json")
    assert fitted([folded("Empty", Block([]))]) == ""


def test_a_large_report_has_room_and_keeps_the_verdict() -> None:
    report = judged()
    rows = [
        row.model_copy(update={"target": f"target_{index}_{'ü' * 200}"}) for index in range(60) for row in report.rows
    ]
    text = pull_request.render(report.model_copy(update={"rows": rows}))
    assert 50_000 < len(text.encode()) <= LARGEST
    assert text.startswith("### digits_cnn: prune50_int8\n\n**Not passed: ")
    assert " more " in text
    assert text.count("<details>") == text.count("</details>")
