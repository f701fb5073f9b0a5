"""The report as a page: what is on it, that it is sound HTML, that it loads and runs nothing of what it shows."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest
from golden_pages import FOLDER, GOLDEN, changed, content, shown
from page_reading import Page

from compressor import pipeline
from compressor.errors import MissingTool
from compressor.report import page, schema, terminal
from compressor.report.schema import Report

MOST_BYTES = 2_000_000
# What each part of a report puts on the page: svg of plots begin with these.
FIGURES = {
    "rows": ("trade-off-", "latency-", "placement-"),
    "layers": ("layers-",),
    "weights": ("weights-",),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_a_page_is_sound_html(name: str) -> None:
    found = shown(name)
    assert [each for each, count in found.ids.items() if count > 1] == []
    assert all(found.named.values())
    assert all(attributes["role"] == "img" for attributes in found.all("svg"))
    assert all(attributes["alt"] for attributes in found.all("img"))
    assert len(found.all("h1")) == 1
    assert all(attributes["scope"] in ("col", "row") for attributes in found.all("th"))
    assert len(found.all("table")) == len(found.all("caption"))


@pytest.mark.parametrize("name", GOLDEN)
def test_everything_that_is_referred_to_is_there(name: str) -> None:
    found = shown(name)
    targets = [value[1:] for tag in ("a", "use") for value in (each["href"] for each in found.all(tag)) if value]
    for _, attributes in found.elements:
        targets += str(attributes.get("aria-labelledby") or "").split()
        targets += re.findall(r"url\(#([^)]+)\)", " ".join(filter(None, attributes.values())))
    assert set(targets) <= set(found.ids)


def test_the_same_report_gives_the_same_bytes() -> None:
    assert page.render(schema.read(FOLDER / "full.json")) == content("full")


@pytest.mark.parametrize("name", GOLDEN)
def test_the_verdict_and_every_row_are_there(name: str) -> None:
    report, found = schema.read(FOLDER / f"{name}.json"), shown(name)
    head = " ".join(text for path, text in found.texts if path.endswith("h1"))
    assert head == ("Passed" if report.verdict.passed else "Not passed")
    assert {f"row-{position}" for position in range(len(report.rows))} <= set(found.ids)
    assert {f"row-{len(report.rows)}"}.isdisjoint(found.ids)
    assert all(each.limit in found.text for each in report.verdict.violations)
    assert all(each in found.text for each in (*report.warnings, *report.verdict.not_judged))


@pytest.mark.parametrize("part", FIGURES)
def test_a_figure_is_there_when_its_data_is(part: str) -> None:
    def keys(text: str) -> list[str]:
        return [name for each in Page(text).all("svg") for name in [str(each["aria-labelledby"])]]

    verdict = {"verdict": {"passed": True, "violations": []}} if part == "rows" else {}
    whole, without = keys(content("full")), keys(page.render(changed(**{part: []}, **verdict)))
    for begin in FIGURES[part]:
        assert any(each.startswith(begin) for each in whole)
        assert not any(each.startswith(begin) for each in without)
    others = [begin for name, begins in FIGURES.items() if name != part for begin in begins]
    assert all(any(each.startswith(begin) for each in without) for begin in others)


ABSENT = {
    "parity": "No parity matrix was measured in this run.",
    "layers": "The layers of this run were not compared.",
    "weights": "The weights of this run were not compared.",
    "answers": "The answers of single samples were not kept in this run.",
}


@pytest.mark.parametrize("part", ABSENT)
def test_a_section_without_data_says_why(part: str) -> None:
    assert ABSENT[part] not in shown("full").text
    assert ABSENT[part] in shown("passed").text


def test_the_full_report_tells_what_decides() -> None:
    text = shown("full").text
    assert "max_accuracy_drop and min_agreement do not hold on 2 rows of 13" in text
    assert "1,400 more samples would decide" in text
    assert "Evaluate on about 1,900 samples instead of 500" in text
    assert "begins in runtime, at layer dense_1" in text
    assert "dense_1: its values are 2.1 % too large throughout" in text
    assert "11 of 500 answers differ; 9 are wrong only after compression" in text
    assert "ncnn is not installed here" in text


@pytest.mark.parametrize(
    ("verdicts", "passed", "told"),
    [
        (["passed", "passed"], True, "Passed"),
        (["passed", "undecided"], True, "Undecided"),
        (["passed", "undecided"], False, "Undecided"),
        (["undecided", "failed"], False, "Not passed"),
        (["implausible", "passed"], False, "Not passed"),
        (["implausible", "passed"], True, "Passed"),
    ],
)
def test_the_headline_follows_verdict_and_judgements(verdicts: list[str], passed: bool, told: str) -> None:
    verdict = json.loads((FOLDER / "full.json").read_text())["verdict"]
    first = verdict["judgements"][:2]
    judgements = [each | {"verdict": word} for each, word in zip(first, verdicts, strict=True)]
    report = changed(verdict=verdict | {"passed": passed, "violations": [], "judgements": judgements})
    head = [text for path, text in Page(page.render(report)).texts if path.endswith("h1")]
    assert head == [told]


def large() -> Report:
    """Four files of a network of 180 layers with 160 kernels, three targets with 200 operators, and large pictures."""
    report = json.loads((FOLDER / "full.json").read_text())
    layer = report["layers"][0]["layers"][6]
    layers = [layer | {"index": at, "layer": f"conv5_block{at}_2_conv_bn", "error": at / 1000} for at in range(180)]
    part = report["layers"][0] | {"layers": layers}
    kernel = report["weights"][1]
    row = report["rows"][5]
    operator = row["placement"]["operators"][0]
    operators = [
        operator | {"index": at, "where": "cpu" if at % 50 == 7 else "accelerator", "reads": [at - 1, max(at - 4, 0)]}
        for at in range(1, 201)
    ]
    placed = row | {"placement": row["placement"] | {"operators": operators}}
    rows = [placed | {"target": f"board_{at}"} for at in range(3)]
    sample = report["answers"][0]["samples"][0] | {"image": "data:image/png;base64," + "A" * 60_000}
    answers = report["answers"][0] | {"samples": [sample] * 30}
    return changed(
        layers=[part | {"precision": f"int8_{at}"} for at in range(4)],
        weights=[kernel | {"layer": f"conv_{at}"} for at in range(160)],
        rows=[*report["rows"], *rows],
        answers=[answers] * 4,
    )


def test_a_large_report_stays_small_and_readable() -> None:
    text = page.render(large())
    assert len(text.encode()) < MOST_BYTES
    found = Page(text)
    assert "180 layers over 100 samples; drawn are the 24 with most error" in found.text
    assert "The 24 largest of 160 kernels are drawn." in found.text
    graph = next(each for path, each in found.texts if path.endswith("svg desc") and "operators" in each)
    assert graph.count("accelerator") == 5
    assert all(f"conv_{at}" in found.text for at in range(160))


@pytest.mark.parametrize("name", GOLDEN)
def test_a_usual_page_is_small(name: str) -> None:
    assert len(content(name).encode()) < MOST_BYTES / 4


def test_many_classes_become_a_list_of_changes() -> None:
    answers = json.loads((FOLDER / "full.json").read_text())["answers"]
    size = 40
    before = [[10 * (label == answer) for answer in range(size)] for label in range(size)]
    after = [list(line) for line in before]
    after[7][7], after[7][9] = 6, 4
    names = [f"class {number}" for number in range(size)]
    answers[0]["confusion"] = {"classes": names, "reference": before, "compressed": after}
    text = Page(page.render(changed(answers=answers))).text
    assert "What changed most" in text
    assert "class 7 class 9 0 4 +4" in text
    assert "class 8" not in text


@pytest.fixture
def without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "matplotlib" else real(name, *rest)
    )


@pytest.mark.usefixtures("without_matplotlib")
def test_a_missing_package_is_told_with_what_installs_it(report: Report, tmp_path: Path) -> None:
    with pytest.raises(MissingTool, match=r"needs matplotlib, not installed here\n.*compressor\[report\]"):
        page.write(report, tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("without_matplotlib")
def test_a_run_leaves_the_page_out_where_it_cannot_be_made(
    report: Report, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.leave(report, tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {"report.json", "report.md", "recipe.yaml"}
    terminal.show(report, tmp_path, terminal.console())
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "no report.html: matplotlib not installed (pip install 'compressor[report]')"


def test_a_run_leaves_the_page_and_ends_with_its_path(
    report: Report, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.leave(report, tmp_path)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page.render(report)
    terminal.show(report, tmp_path, terminal.console())
    assert capsys.readouterr().out.endswith(f"report: {tmp_path}/report.html\n")


def test_the_files_of_the_page_lie_in_its_package(root: Path) -> None:
    folder = root / "compressor" / "report" / "page"
    kinds = {each.suffix for each in folder.rglob("*") if each.is_file() and "__pycache__" not in each.parts}
    assert kinds == {".py", ".j2", ".css", ".js"}
    sections = {each.name for each in (folder / "templates").iterdir()} - {"page.html.j2", "_parts.html.j2"}
    keys = {str(each["id"]) + ".html.j2" for each in shown("full").all("section")}
    assert sections == keys - {"verdict.html.j2", "key-figures.html.j2"}
