"""The cache folder: what can be made again, and need not be."""

from __future__ import annotations

import os
from pathlib import Path

from compressor.errors import BadInput


def folder(kind: str) -> Path:
    """Where things of this kind are kept: in `COMPRESSOR_CACHE`, else in the user's cache folder; an absolute path."""
    root = os.environ.get("COMPRESSOR_CACHE")
    if root:
        return _absolute(root) / kind
    return _absolute(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "compressor" / kind


def _absolute(root: str) -> Path:
    # Programs that work in folders of their own are told of it.
    return Path(root).expanduser().absolute()


def check_writable(place: Path, what: str) -> None:
    """Say so before the work, not after it, when its result could not be kept.

    Raises:
        BadInput: the folder cannot be made or written.
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
        if not os.access(place, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise BadInput(
            f"{what} cannot be kept in {place}: {error.strerror}",
            fix="set COMPRESSOR_CACHE to a folder that can be written",
        ) from None
