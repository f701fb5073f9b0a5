"""`compressor report`: the page of an earlier run."""

from __future__ import annotations

import json
import shutil
import subprocess
import webbrowser
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(golden: Path, tmp_path: Path) -> Path:
    """A run folder of which only the report is left."""
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(golden / "not_passed.json", folder / "report.json")
    return folder


def test_the_page_is_made_of_the_report_alone_without_tensorflow(run: Path, cli: Cli, trap: Path) -> None:
    done = cli("report", run, cwd=run, path=trap)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == str(run / "report.html")
    assert "Not passed" in (run / "report.html").read_text(encoding="utf-8")
    assert not (trap / "imported").exists()


def test_another_place_and_json(run: Path, called: Cli, tmp_path: Path) -> None:
    done = called("report", run / "report.json", "--out", tmp_path / "page.html", "--json", cwd=run)
    assert json.loads(done.stdout) == {"page": str(tmp_path / "page.html")}
    assert (tmp_path / "page.html").is_file()
    assert not (run / "report.html").exists()


def test_open_shows_the_page_in_the_browser(run: Path, called: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(opened.append(address)))
    assert called("report", run, "--open", cwd=run).returncode == 0
    assert opened == [(run / "report.html").as_uri()]


UNFIT = {
    "verdict.judgements.0.row: there is no row 99": ("verdict", "judgements", 0, "row", 99),
    "verdict.judgements.1.row: there is no row -1": ("verdict", "judgements", 1, "row", -1),
    "answers.0.confusion: must have a line": ("answers", 0, "confusion", "classes", ["only one"]),
    "weights.1.edges: must be one more": ("weights", 1, "edges", [0.0, 1.0]),
}


@pytest.mark.parametrize("told", UNFIT)
def test_a_report_that_does_not_fit_together_is_bad_input(told: str, golden: Path, called: Cli, tmp_path: Path) -> None:
    report = inner = json.loads((golden / "full.json").read_text())
    *path, last, value = UNFIT[told]
    for step in path:
        inner = inner[step]
    inner[last] = value
    (tmp_path / "report.json").write_text(json.dumps(report))
    done = called("report", tmp_path, cwd=tmp_path)
    assert (done.returncode, done.stdout, told in done.stderr) == (2, "", True), done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["report", "absent"], "cannot read the report absent"),
        (["report", "report.json", "--out", "folder"], "is not a plain file"),
    ],
)
def test_a_mistake_is_told_and_leaves_nothing(words: list[str], told: str, run: Path, called: Cli) -> None:
    (run / "folder").mkdir()
    done = called(*words, cwd=run)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert {each.name for each in run.iterdir()} == {"report.json", "folder"}
