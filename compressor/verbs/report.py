"""The verb `report` as a function: the page of an earlier run."""

from __future__ import annotations

from pathlib import Path

from compressor.report import page
from compressor.report.page import consistency
from compressor.report.schema import read as read_report


def write_page(run: Path, out: Path | None = None) -> Path:
    """Make the page of an earlier run, a run folder or its report.json; None writes `report.html` beside that.

    Raises:
        BadInput: not a report, one that does not fit together, or `out` is no plain file.
        MissingTool: jinja2 or matplotlib is not installed.
    """
    report = read_report(run)
    consistency.check(report)
    path = out or (run if run.is_dir() else run.parent) / page.NAME
    page.write(report, path)
    return path
