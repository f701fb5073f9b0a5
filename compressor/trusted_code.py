"""Code that the user names: imported only when the user says that it may be run."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compressor.errors import BadInput, CompressorError, MissingTool, StageFailed, unknown

_NAME = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"
_ADDRESS = re.compile(rf"(?P<module>{_NAME})(:(?P<name>{_NAME}))?")


def is_address(text: str) -> bool:
    """True for `package.module:name`, by its look alone."""
    return ":" in text and _ADDRESS.fullmatch(text) is not None


def load(address: str, trusted: bool) -> Any:
    """What stands at `package.module:name`, or the module at `package.module`.

    Modules in the current folder are found, as when Python runs a script there.

    Raises:
        BadInput: the code is not trusted, or there is no such module or name.
        MissingTool: the module needs a package that is not installed.
        StageFailed: the module fails while it is imported.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise BadInput(f"'{address}' names no Python code", expected="package.module:name, or package.module")
    check_trusted(address, trusted)
    with failures_told(f"importing {found['module']}"), current_folder_importable():
        value = _imported(found["module"])
    for part in found["name"].split(".") if found["name"] else []:
        if not hasattr(value, part):
            raise unknown(f"name in {found['module']}", part, [name for name in dir(value) if not name.startswith("_")])
        value = getattr(value, part)
    return value


def check_trusted(address: str, trusted: bool) -> None:
    """Refuse code that the user has not said may be run.

    Raises:
        BadInput: not trusted.
    """
    if not trusted:
        raise BadInput(
            f"'{address}' is Python code, which is run only when you trust it",
            fix="read it first; then add --trust (in Python: trust=True)",
        )


@contextmanager
def current_folder_importable() -> Iterator[None]:
    """Modules in the current folder can be imported meanwhile."""
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(folder)


@contextmanager
def failures_told(doing: str) -> Iterator[None]:
    """Whatever the user's code raises becomes a sentence that starts with `doing`.

    Raises:
        StageFailed: the code raised something of its own.
        CompressorError: the code raised that itself.
    """
    try:
        yield
    except CompressorError:
        raise
    except (Exception, SystemExit) as error:
        said = " ".join(str(error).split())[:300]
        raise StageFailed(f"{doing} failed: {type(error).__name__}{': ' if said else ''}{said}") from error


def _imported(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module}.".startswith(f"{error.name}."):
            raise BadInput(
                f"there is no Python module {module}",
                expected="a module in the current folder or an installed one",
                received=f"nothing called {error.name}",
            ) from None
        raise MissingTool(
            f"{module} needs the package {error.name}, which is not installed here", fix=f"install {error.name}"
        ) from None
