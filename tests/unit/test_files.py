"""Files are whole or not there, and as readable as any other file."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.errors import BadInput
from compressor.files import deflated_size, sha256, whole_file, write_text


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_a_file_appears_whole_under_its_name_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "model.onnx"
    with whole_file(path) as temporary:
        assert (temporary.parent, temporary.suffix) == (path.parent, ".onnx")
        temporary.write_bytes(b"first half, ")
        assert not path.exists()
        temporary.write_bytes(b"first half, second half")
    assert path.read_bytes() == b"first half, second half"
    assert listing(path.parent) == ["model.onnx"]


def fail_while_writing(path: Path, error: type[BaseException]) -> None:
    with whole_file(path) as temporary:
        temporary.write_text("half of the new")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("old", [None, "old"])
def test_a_failure_leaves_what_was_there_before(error: type[BaseException], old: str | None, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    if old is not None:
        path.write_text(old)
    with pytest.raises(error):
        fail_while_writing(path, error)
    assert listing(tmp_path) == ([] if old is None else ["report.json"])
    assert old is None or path.read_text() == old


def test_a_file_that_the_writer_took_away_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "a") as temporary:
        temporary.unlink()
    assert listing(tmp_path) == []


@pytest.fixture(params=[0o022, 0o077, 0o002], ids=["022", "077", "002"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_a_file_has_the_permissions_of_any_new_file(umask: int, tmp_path: Path) -> None:
    write_text(tmp_path / "ours", "x")
    (tmp_path / "theirs").write_text("x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "theirs").stat().st_mode
    assert (tmp_path / "ours").stat().st_mode & 0o777 == 0o666 & ~umask
    assert os.umask(umask) == umask


def test_a_folder_in_the_way_is_an_error_and_stays(tmp_path: Path) -> None:
    (tmp_path / "place" / "inside").mkdir(parents=True)
    with pytest.raises(BadInput, match="place is not a plain file"):
        write_text(tmp_path / "place", "x")
    assert listing(tmp_path) == ["inside", "place"]


def test_a_pipe_or_a_link_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "mine").write_text("kept")
    (tmp_path / "link").symlink_to("mine")
    for name in ("pipe", "link"):
        with pytest.raises(BadInput, match=f"{name} is not a plain file"):
            write_text(tmp_path / name, "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "mine").read_text() == "kept"


def test_a_file_where_a_folder_is_needed_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="file"):
        write_text(tmp_path / "file" / "report.json", "x")


@given(st.text())
def test_text_is_written_as_utf_8(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "text"
    try:
        wanted = text.encode()
    except UnicodeEncodeError:
        return
    write_text(path, text)
    assert path.read_bytes() == wanted


@given(st.binary(max_size=2000), st.integers(1, 3000))
def test_hash_and_deflated_size_are_those_of_the_bytes(
    tmp_path_factory: pytest.TempPathFactory, part: bytes, times: int
) -> None:
    content, path = part * times, tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(content)
    assert sha256(path) == hashlib.sha256(content).hexdigest()
    assert deflated_size(path) == len(zlib.compress(content, 9))
