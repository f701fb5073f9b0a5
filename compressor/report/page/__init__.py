"""The report as a page: one HTML file that needs no network, made of `report.json` alone."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from compressor.errors import MissingTool
from compressor.files import write_text
from compressor.report.page import (
    answers,
    artifacts,
    judgements,
    latency,
    layers,
    memory,
    operator_times,
    parity_heat_map,
    placement_graph,
    provenance,
    trade_off,
    weights,
)
from compressor.report.page.entries import entries
from compressor.report.page.key_figures import cards
from compressor.report.page.verdict import SIGNS, headline
from compressor.report.schema import Report

if TYPE_CHECKING:
    from jinja2 import Environment

NAME = "report.html"
_NEEDED = ("jinja2", "matplotlib")
_HERE = Path(__file__).resolve().parent
_SCRIPTS = ("sort.js", "theme.js")


def lacking() -> tuple[str, ...]:
    """Packages that the page needs and that are not installed."""
    return tuple(name for name in _NEEDED if importlib.util.find_spec(name) is None)


def render(report: Report) -> str:
    """The whole page; the same report gives the same bytes.

    Raises:
        MissingTool: jinja2 or matplotlib is not installed.
    """
    if missing := lacking():
        raise MissingTool(
            f"the report page needs {', '.join(missing)}, not installed here", fix="pip install 'compressor[report]'"
        )
    found = entries(report)
    sections = (
        trade_off.section(report, found),
        artifacts.section(report, found),
        judgements.section(report),
        parity_heat_map.section(report),
        layers.section(report),
        weights.section(report),
        answers.section(report),
        latency.section(report),
        operator_times.section(report),
        placement_graph.section(report),
        memory.section(report),
        provenance.section(report),
    )
    scripts = [_text(name) for name in _SCRIPTS]
    return (
        _templates()
        .get_template("page.html.j2")
        .render(
            report=report,
            headline=headline(report, found),
            cards=cards(report, found),
            sections=[section for section in sections if section is not None],
            style=_text("style.css"),
            scripts=scripts,
            policy=_policy(scripts),
        )
    )


def write(report: Report, path: Path) -> None:
    """Write a whole page or none.

    Raises:
        MissingTool: jinja2 or matplotlib is not installed.
        BadInput: `path` is no plain file.
    """
    write_text(path, render(report))


def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader(__name__), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.globals |= {"signs": SIGNS, "confidence": answers.confidence}
    return made


def _text(name: str) -> str:
    """A file of ours, which is put into the page as it is."""
    from markupsafe import Markup

    return Markup((_HERE / name).read_text(encoding="utf-8"))


def _policy(scripts: list[str]) -> str:
    """Content Security Policy: nothing is loaded, and no script runs but ours (W3C CSP3, section 2.3.1)."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts
    )
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {hashes}; "
        "base-uri 'none'; form-action 'none'"
    )
