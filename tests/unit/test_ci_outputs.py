"""What `compressor gate` leaves for CI: files and annotations, whatever the verdict is."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

Called = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, with the files that GitHub gives to a step."""
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.setenv(name, str(tmp_path / name))
        (tmp_path / name).write_text("before\n")
    return tmp_path


@pytest.mark.parametrize(("report", "code"), [("passed", 0), ("not_passed", 1)])
def test_files_are_written_whatever_the_verdict_is(
    report: str, code: int, golden: Path, called: Called, tmp_path: Path
) -> None:
    done = called("gate", golden / f"{report}.json", "--junit", "a/j.xml", "--summary", "s.md", cwd=tmp_path)
    assert done.returncode == code
    root = ElementTree.parse(tmp_path / "a" / "j.xml").getroot()
    assert int(root.get("failures", "")) + int(root.get("errors", "")) == (2 if code else 0)
    assert (tmp_path / "s.md").read_bytes() == (golden / f"{report}.summary.md").read_bytes()
    assert "passed" in done.stdout


def test_a_step_of_a_workflow_gets_annotations_summary_and_outputs(golden: Path, called: Called, step: Path) -> None:
    done = called("gate", golden / "not_passed.json", "--github", cwd=step)
    assert done.returncode == 1
    commands = [line.partition("::")[2][:50] for line in done.stdout.splitlines() if line.startswith("::")]
    assert commands == [
        "error title=failed%3A host%3A max_accuracy_drop%3A",
        "error title=error%3A host%3A finished%3A onnx int8",
        "warning title=undecided%3A coral%3A max_accuracy_d",
        "warning title=compressor::3 samples are in the cal",
        "warning title=compressor::compressed int8 tflite o",
        "notice title=compressor::Not passed: 2 of 17 check",
    ]
    summary = (golden / "not_passed.summary.md").read_text()
    assert (step / "GITHUB_STEP_SUMMARY").read_text() == f"before\n{summary.rstrip()}\n"
    told = (step / "GITHUB_OUTPUT").read_text()
    assert told == f"before\nverdict=failed\nreport={golden / 'not_passed.json'}\n"


def test_the_report_of_a_folder_is_named(golden: Path, called: Called, step: Path) -> None:
    (step / "run").mkdir()
    (step / "run" / "report.json").write_bytes((golden / "passed.json").read_bytes())
    assert called("gate", "run", "--github", cwd=step).returncode == 0
    assert (step / "GITHUB_OUTPUT").read_text() == "before\nverdict=passed\nreport=run/report.json\n"


def test_json_keeps_stdout_to_itself(golden: Path, called: Called, step: Path) -> None:
    done = called("gate", golden / "passed.json", "--github", "--json", cwd=step)
    assert json.loads(done.stdout)["verdict"]["passed"] is True
    assert done.stderr.startswith("::notice title=compressor::Passed: ")
    both = called("gate", golden / "passed.json", "--summary", "-", "--json", cwd=step)
    assert (both.returncode, "both want stdout" in both.stderr) == (2, True)


def test_outside_a_workflow_only_annotations_are_told(
    golden: Path, called: Called, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
    done = called("gate", golden / "passed.json", "--github", cwd=tmp_path)
    assert (done.returncode, done.stdout.startswith("::notice ")) == (0, True)
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_is_an_annotation_too(called: Called, step: Path) -> None:
    done = called("gate", "absent", "--github", cwd=step)
    assert done.returncode == 2
    assert "\n::error title=compressor::cannot read the report absent" in done.stderr
    assert (step / "GITHUB_OUTPUT").read_text() == "before\n"


def test_a_file_that_cannot_be_replaced_is_bad_input(golden: Path, called: Called, step: Path) -> None:
    (step / "folder").mkdir()
    done = called("gate", golden / "passed.json", "--junit", "folder", cwd=step)
    assert (done.returncode, "is not a plain file" in done.stderr) == (2, True)
    (step / "GITHUB_OUTPUT").unlink()
    (step / "GITHUB_OUTPUT").mkdir()
    done = called("gate", golden / "passed.json", "--github", cwd=step)
    assert (done.returncode, "which GITHUB_OUTPUT names" in done.stderr) == (2, True)
