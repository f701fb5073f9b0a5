"""Pages of the golden reports, each made once."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from page_reading import Page

from compressor.report import page, schema
from compressor.report.schema import Report

GOLDEN = ("passed", "not_passed", "two_networks", "full")
FOLDER = Path(__file__).resolve().parents[1] / "golden"


@cache
def content(name: str) -> str:
    """The page of a golden report."""
    return page.render(schema.read(FOLDER / f"{name}.json"))


@cache
def shown(name: str) -> Page:
    """The same, read."""
    return Page(content(name))


def changed(**parts: Any) -> Report:
    """The full report with some of its parts exchanged."""
    return Report.model_validate(json.loads((FOLDER / "full.json").read_text()) | parts)
