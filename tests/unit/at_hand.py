"""What tests need and a machine may lack: they are skipped there, unless it is said that everything is at hand.

`COMPRESSOR_REQUIRE_TOOLS` and `COMPRESSOR_REQUIRE_DATA` say so: a test then fails for what is missing, as in CI.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("COMPRESSOR_DATA", "absent"))
MODELS = DATA.parent / "models"
_NO_MODELS = "COMPRESSOR_DATA names no folder with models beside it"


def may_lack_tools() -> bool:
    """True where a test may be skipped for a program that is not installed."""
    return not os.environ.get("COMPRESSOR_REQUIRE_TOOLS")


def needs_tools(there: bool, reason: str) -> pytest.MarkDecorator:
    """Skips where programs are missing and may be."""
    return pytest.mark.skipif(not there and may_lack_tools(), reason=reason)


def needs_data(path: Path, reason: str = _NO_MODELS) -> pytest.MarkDecorator:
    """Skips where a file or folder, which is nobody's to pass on, is missing and may be."""
    return pytest.mark.skipif(not path.exists() and not os.environ.get("COMPRESSOR_REQUIRE_DATA"), reason=reason)
