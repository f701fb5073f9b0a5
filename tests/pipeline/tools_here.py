"""Programs that tests need and a machine may lack."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def require(*programs: str) -> None:
    """Skip a test where none of the programs is here; where COMPRESSOR_REQUIRE_TOOLS is set, fail."""
    if not any(map(shutil.which, programs)):
        told = f"{programs[0]} is not installed here"
        if os.environ.get("COMPRESSOR_REQUIRE_TOOLS"):
            pytest.fail(told)
        pytest.skip(told)
