"""The run folder: whole or not there, never over another run or a stranger's files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from compressor import run_folder
from compressor.errors import BadInput

RUN = {"model": "digits_cnn", "targets": ["host"], "seed": 0}


def make(out: Path, identity: dict[str, Any] = RUN, report: str = "{}", keep_partial: bool = False) -> None:
    with run_folder.claimed(out, identity, keep_partial) as staging:
        (staging / "artifacts").mkdir()
        (staging / "artifacts" / f"{report}.onnx").write_text(report)
        (staging / run_folder.REPORT).write_text(report)


def fail(out: Path, error: type[BaseException], keep_partial: bool = False) -> None:
    with run_folder.claimed(out, RUN, keep_partial) as staging:
        (staging / run_folder.REPORT).write_text("half")
        raise error("half")


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


WHOLE = ["artifacts", "report.json", "run.json"]


def test_nothing_is_seen_before_the_run_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "runs" / "first"
    with run_folder.claimed(out, RUN) as staging:
        (staging / run_folder.REPORT).write_text("{}")
        assert not (out / run_folder.REPORT).exists()
    assert listing(out) == ["report.json", "run.json"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    make(tmp_path)
    assert listing(tmp_path) == WHOLE


def test_the_same_run_again_replaces_all_of_the_first(tmp_path: Path) -> None:
    make(tmp_path, report="1")
    make(tmp_path, dict(reversed(RUN.items())), report="2")
    assert listing(tmp_path) == WHOLE
    assert listing(tmp_path / "artifacts") == ["2.onnx"]
    assert (tmp_path / run_folder.REPORT).read_text() == "2"


def test_another_run_is_refused_and_unharmed(tmp_path: Path) -> None:
    make(tmp_path, report="1")
    with pytest.raises(BadInput, match=r"holds another run(?s:.)*choose another --out"):
        make(tmp_path, {**RUN, "seed": 1}, report="2")
    assert listing(tmp_path) == WHOLE
    assert (tmp_path / run_folder.REPORT).read_text() == "1"


@pytest.mark.parametrize("name", ["thesis.tex", ".hidden", "report.json"])
def test_other_files_are_refused_and_unharmed(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(BadInput, match=rf"holds other files(?s:.)*{name}"):
        make(tmp_path)
    assert listing(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_an_unreadable_identity_is_another_run(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(BadInput, match="holds another run"):
        make(tmp_path)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_nothing_at_all(error: type[BaseException], tmp_path: Path) -> None:
    with pytest.raises(error):
        fail(tmp_path / "out", error)
    assert listing(tmp_path) == []


def test_a_failure_leaves_no_new_parent_folder_either(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="half"):
        fail(tmp_path / "runs" / "first", ValueError)
    assert listing(tmp_path) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_earlier_result(error: type[BaseException], tmp_path: Path) -> None:
    make(tmp_path, report="1")
    with pytest.raises(error):
        fail(tmp_path, error)
    assert listing(tmp_path) == WHOLE
    assert (tmp_path / run_folder.REPORT).read_text() == "1"


def test_a_refusal_leaves_no_new_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "file" / "far" / "below"):
        with pytest.raises(BadInput, match="cannot be written"):
            make(out)
    assert listing(tmp_path) == ["file"]


@pytest.fixture
def nobody() -> Iterator[None]:
    """Root may write everywhere: a test of permissions runs as somebody who may not."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    os.seteuid(before)


@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_a_folder_without_permission_is_bad_input(mode: int, nobody: None) -> None:
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(mode)
        try:
            with pytest.raises(BadInput, match="cannot be written: Permission denied"):
                make(Path(place) / "far" / "out")
        finally:
            Path(place).chmod(0o755)
        assert listing(Path(place)) == []


def test_the_partial_folder_is_kept_on_request_and_no_obstacle_later(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="half"):
        fail(tmp_path, ValueError, keep_partial=True)
    assert (tmp_path / ".partial" / run_folder.REPORT).read_text() == "half"
    make(tmp_path)
    assert listing(tmp_path) == WHOLE


def test_a_run_that_succeeds_has_no_partial_folder_to_keep(tmp_path: Path) -> None:
    make(tmp_path, keep_partial=True)
    assert listing(tmp_path) == WHOLE


HOLDER = """
import sys
from pathlib import Path
from compressor import run_folder
with run_folder.claimed(Path(sys.argv[1]), {"other": True}) as staging:
    (staging / "log.txt").write_text("half")
    print("in", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold(root: Path) -> Callable[[Path], subprocess.Popen[str]]:
    """Starts another process that is writing a run into a folder, until its stdin closes."""

    def start(out: Path) -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONPATH": str(root)}
        command = [sys.executable, "-c", HOLDER, str(out)]
        process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        return process

    return start


def test_a_folder_that_another_process_is_writing_is_refused(tmp_path: Path, hold: Any) -> None:
    out = tmp_path / "out"
    with hold(out) as other:
        with pytest.raises(BadInput, match=r"another run is writing to .* right now"):
            make(out)
        assert (out / ".partial" / "log.txt").read_text() == "half"
        other.stdin.close()
        assert other.wait(timeout=30) == 0
    assert listing(out) == ["log.txt", "run.json"]


def test_a_process_that_was_killed_does_not_block_its_folder(tmp_path: Path, hold: Any) -> None:
    with hold(tmp_path / "out") as other:
        other.send_signal(signal.SIGKILL)
        other.wait(timeout=30)
    make(tmp_path / "out")
    assert listing(tmp_path / "out") == WHOLE


def test_a_free_name_is_the_first_that_holds_no_other_run(tmp_path: Path) -> None:
    assert run_folder.free_name(tmp_path, "m-int8", RUN) == tmp_path / "m-int8"
    make(tmp_path / "m-int8", {**RUN, "seed": 1})
    make(tmp_path / "m-int8-2", {**RUN, "seed": 2})
    assert run_folder.free_name(tmp_path, "m-int8", RUN) == tmp_path / "m-int8-3"
    assert run_folder.free_name(tmp_path, "m-int8", {**RUN, "seed": 2}) == tmp_path / "m-int8-2"


def test_a_file_of_that_name_is_no_free_name(tmp_path: Path) -> None:
    (tmp_path / "m-int8").write_text("x")
    assert run_folder.free_name(tmp_path, "m-int8", RUN) == tmp_path / "m-int8-2"
