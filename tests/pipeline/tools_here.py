"""Programs that tests need and a machine may lack."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from at_hand import may_lack_tools

ROOT = Path(__file__).resolve().parents[2]


def require(*programs: str) -> None:
    """Skip a test where none of the programs is here; where COMPRESSOR_REQUIRE_TOOLS is set, fail."""
    if not any(map(shutil.which, programs)):
        told = f"{programs[0]} is not installed here"
        if may_lack_tools():
            pytest.skip(told)
        pytest.fail(told)
