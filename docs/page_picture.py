"""Draw the picture in README and report_page.md: the top of a run's page, as Chromium shows it.

Usage: python docs/page_picture.py [RUN_FOLDER or report.json]
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from compressor.report import page, schema

HERE = Path(__file__).resolve().parent
_WINDOW = {"width": 1180, "height": 1500}


def main(run: Path) -> None:
    """Render the report of a run and write `images/report.png`."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        path = Path(folder) / page.NAME
        page.write(schema.read(run), path)
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu", "--no-first-run"]
        )
        view = browser.new_page(viewport=_WINDOW, color_scheme="light")
        view.goto(path.as_uri())
        view.screenshot(path=HERE / "images" / "report.png")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/digits_cnn-int8"))
