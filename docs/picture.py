"""Draw the picture in README: the table of a run as the terminal shows it.

Usage: python docs/picture.py [RUN_FOLDER]
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console

from compressor.report import schema, terminal

HERE = Path(__file__).resolve().parent


def main(run: Path) -> None:
    """Read the report of a run and write `images/demo.svg`."""
    console = Console(record=True, width=130, file=io.StringIO(), force_terminal=True, highlight=False)
    terminal.show(schema.read(run), run, console)
    picture = HERE / "images" / "demo.svg"
    picture.write_text(console.export_svg(title="make demo", unique_id="demo"), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/digits_cnn-int8"))
