"""The pytest plugin, in a pytest of its own: a fixture with good messages, and no import before it is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def inner(tmp_path: Path, root: Path) -> Run:
    """Runs a test file in a process of its own, with the plugin."""

    def run(test: str, *words: object, settings: str = "") -> subprocess.CompletedProcess[str]:
        (tmp_path / "test_it.py").write_text(test)
        (tmp_path / "pytest.ini").write_text(f"[pytest]\n{settings}\n")
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", "-q", "test_it.py"]
        # An installation that knows the plugin by its entry point has it already.
        environment = os.environ | {"PYTHONPATH": str(root), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return subprocess.run(
            [*command, "-p", "compressor.pytest_plugin", *map(str, words)],
            **{"cwd": tmp_path, "env": environment, "capture_output": True, "text": True, "timeout": 60},
        )

    return run


TEST = """
def test_it(compressor_report):
    compressor_report.assert_passed({limits})
    row = compressor_report.row(target="host", format="tflite", precision="{precision}", runtime="litert")
    assert row.bytes < 200_000
"""


def test_a_run_that_passed_passes(inner: Run, golden: Path) -> None:
    done = inner(TEST.format(limits="", precision="float16"), "--compressor-run", golden / "passed.json")
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout


def test_a_run_folder_is_found_from_the_settings_too(inner: Run, golden: Path, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "report.json").write_bytes((golden / "passed.json").read_bytes())
    test = TEST.format(limits="", precision="float16")
    done = inner(test, "--rootdir", "/", settings="compressor_run = runs")
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout
    over = inner(test, "--compressor-run", golden / "not_passed.json", settings="compressor_run = runs")
    assert over.returncode == 1


def test_without_a_run_the_test_is_skipped_and_says_what_to_give(inner: Run) -> None:
    done = inner(TEST.format(limits="", precision="float16"))
    assert done.returncode == 0
    assert "needs a run of compressor: give --compressor-run PATH, or set compressor_run" in done.stdout


def test_a_run_that_did_not_pass_fails_with_what_failed(inner: Run, golden: Path) -> None:
    done = inner(TEST.format(limits="", precision="int8"), "--compressor-run", golden / "not_passed.json")
    assert done.returncode == 1
    assert "AssertionError: compressor: 2 checks failed:" in done.stdout
    assert "max_accuracy_drop: expected at most 1.7 points, received 1.8" in done.stdout


def test_limits_of_the_test_count_as_well(inner: Run, golden: Path) -> None:
    done = inner(
        TEST.format(limits="max_size_ratio=0.1", precision="float16"), "--compressor-run", golden / "passed.json"
    )
    assert done.returncode == 1
    assert "max_size_ratio: expected at most 0.1 of the float32 bytes, received 0.529557" in done.stdout


def test_a_row_that_is_not_there_lists_those_that_are(inner: Run, golden: Path) -> None:
    done = inner(TEST.format(limits="", precision="int4"), "--compressor-run", golden / "passed.json")
    assert "AssertionError: no row is what was asked for; there are:" in done.stdout
    assert "host: tflite float16 on litert (compressed)" in done.stdout
    several = "def test_it(compressor_report):\n    compressor_report.row(target='host', stage=None)"
    assert "2 rows are what was asked for" in inner(several, "--compressor-run", golden / "passed.json").stdout


def test_what_is_no_report_fails_in_a_sentence(inner: Run) -> None:
    done = inner(TEST.format(limits="", precision="int8"), "--compressor-run", "absent")
    assert "cannot read the report" in done.stdout
    assert "Traceback" not in done.stdout


def test_the_plugin_costs_nothing_until_its_fixture_is_asked_for(inner: Run, golden: Path) -> None:
    heavy = ("numpy", "pydantic", "compressor.report", "compressor.api", "tensorflow", "onnx")
    test = f"""
import sys

def test_before():
    assert [name for name in {heavy!r} if name in sys.modules] == []

def test_it(compressor_report):
    assert [name for name in ("tensorflow", "onnx", "keras") if name in sys.modules] == []
"""
    done = inner(test, "--compressor-run", golden / "passed.json")
    assert (done.returncode, "2 passed" in done.stdout) == (0, True), done.stdout


def test_pytest_finds_the_plugin_by_its_entry_point(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"compressor": "compressor.pytest_plugin"}
