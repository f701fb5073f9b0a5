"""The folder a run leaves: nothing of it appears before the run is whole, and nothing of another run is lost."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compressor.errors import BadInput

REPORT = "report.json"
_IDENTITY = "run.json"
_PARTIAL, _PREVIOUS = ".partial", ".previous"


@contextmanager
def claimed(out: Path, identity: Mapping[str, Any], keep_partial: bool = False) -> Iterator[Path]:
    """Yield a staging folder inside `out`; when the block succeeds, its content is moved into place.

    The same run again (same `identity`) replaces its earlier result. On failure and on Ctrl-C the staging
    folder is removed, unless `keep_partial`.

    Raises:
        BadInput: `out` cannot be written, holds another run or foreign files, or is being written right now.
    """
    with _locked(out):
        _check_vacant(out, identity)
        staging = out / _PARTIAL
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        try:
            yield staging
        except BaseException:
            if not keep_partial:
                shutil.rmtree(staging, ignore_errors=True)
            raise
        (staging / _IDENTITY).write_text(json.dumps(identity, indent=2, sort_keys=True) + "\n")
        _publish(staging, out)
        staging.rmdir()


def chosen(out: str | Path | None, name: str, identity: Mapping[str, Any], suffix: str = "") -> Path:
    """The folder that the user named, else a free one of that name in `runs`."""
    return Path(f"{out}{suffix}") if out else free_name(Path("runs"), f"{name}{suffix}", identity)


def free_name(folder: Path, name: str, identity: Mapping[str, Any]) -> Path:
    """`folder/name`, or with a number behind when that place holds another run."""
    number = 1
    while True:
        path = folder / (name if number == 1 else f"{name}-{number}")
        try:
            _check_vacant(path, identity)
            return path
        except BadInput:
            number += 1


def _check_vacant(out: Path, identity: Mapping[str, Any]) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise BadInput(f"the out folder {out} is a file", fix="choose another --out")
    held = sorted(entry.name for entry in out.iterdir() if entry.name not in (_PARTIAL, _PREVIOUS))
    if not held or _identity(out) == json.loads(json.dumps(identity)):
        return
    what = "another run" if _IDENTITY in held else "other files"
    raise BadInput(
        f"the out folder {out} holds {what}",
        expected="a new or empty folder, or the same run made before",
        received=", ".join(held[:5]) + (", …" if len(held) > 5 else ""),
        fix="choose another --out, or remove the folder",
    )


def _identity(out: Path) -> Any:
    with contextlib.suppress(OSError, ValueError):
        return json.loads((out / _IDENTITY).read_text())
    return None


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    try:
        missing = [folder for folder in (out, *out.parents) if not folder.exists()]
        out.mkdir(parents=True, exist_ok=True)
        lock = os.open(out, os.O_RDONLY)
    except OSError as error:
        raise BadInput(
            f"the out folder {out} cannot be written: {error.strerror}", fix="choose another --out"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise BadInput(
            f"another run is writing to {out} right now", fix="wait for it, or choose another --out"
        ) from None
    try:
        yield
    finally:
        for folder in missing:
            _remove_if_empty(folder)
        os.close(lock)


def _publish(staging: Path, out: Path) -> None:
    """Swap every entry in; the report goes last, so that a report always describes what lies beside it."""
    previous = out / _PREVIOUS
    shutil.rmtree(previous, ignore_errors=True)
    previous.mkdir()
    entries = sorted(staging.iterdir(), key=lambda entry: (entry.name == REPORT, entry.name))
    for entry in entries:
        place = out / entry.name
        if place.exists():
            place.rename(previous / entry.name)
        entry.rename(place)
    shutil.rmtree(previous, ignore_errors=True)


def _remove_if_empty(out: Path) -> None:
    with contextlib.suppress(OSError):
        out.rmdir()
