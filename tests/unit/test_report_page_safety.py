"""Whatever a report says, its page shows it, and obeys nothing of it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from golden_pages import FOLDER, GOLDEN, changed, content, shown
from hypothesis import given, settings
from hypothesis import strategies as st
from page_reading import Page

from compressor.report import page
from compressor.report.schema import Report


@pytest.mark.parametrize("name", GOLDEN)
def test_nothing_is_loaded_and_no_script_runs_but_ours(name: str) -> None:
    text, found = content(name), shown(name)
    assert not re.search(r"https?:", text)
    assert {each.get("src") for each in found.all("script")} == {None}
    assert found.all("link") == []
    (policy,) = [each["content"] for each in found.all("meta") if each.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert "default-src 'none'" in policy
    scripts = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    assert [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts] == allowed
    assert not any(name.startswith("on") for _, attributes in found.elements for name in attributes)


HOSTILE = """<script>alert("1")</script>'"&amp;{{ 7 * 7 }}$x^$\x00\x1b"""


def spoiled(value: Any) -> Any:
    """The same report with hostile text in every place where text is free."""
    fixed = ("verdict", "stage", "provenance", "kind", "drop_unit", "limit_unit", "against", "schema_version")
    fixed += ("undecided", "implausible", "where", "name", "path", "image")
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if key in fixed and not isinstance(each, dict | list)}
        return {key: spoiled(each) for key, each in value.items()} | kept
    if isinstance(value, list):
        return [spoiled(each) for each in value]
    return f"{value}{HOSTILE}" if isinstance(value, str) else value


def test_text_of_a_report_is_shown_and_never_obeyed() -> None:
    report = json.loads((FOLDER / "full.json").read_text())
    hostile = page.render(Report.model_validate(spoiled(report)))
    found = Page(hostile)
    assert len(found.all("script")) == len(shown("full").all("script"))
    assert {tag for tag, _ in found.elements} == {tag for tag, _ in shown("full").elements}
    names = {name for _, attributes in found.elements for name in attributes}
    assert names == {name for _, attributes in shown("full").elements for name in attributes}
    assert "{{ 7 * 7 }}" in found.text
    assert "49$" not in found.text


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "https://example.org/a.png",
        "data:text/html;base64,PGI+",
        "data:image/svg+xml;base64,PHN2Zz4=",
        'data:image/png;base64,AAAA" onerror="x',
        "data:image/png;base64,AAAA\n",
        "",
    ],
)
def test_an_image_that_is_no_png_in_the_report_is_not_shown(address: str) -> None:
    answers = json.loads((FOLDER / "full.json").read_text())["answers"]
    assert len(shown("full").all("img")) == len(answers[0]["samples"])
    answers[0]["samples"][2]["image"] = address
    text = page.render(changed(answers=answers))
    assert len(Page(text).all("img")) == len(answers[0]["samples"]) - 1
    assert not address or address not in text


FIGURE = st.none() | st.floats(-1e9, 1e9, allow_nan=False)
COUNT = st.integers(0, 2**40)
LATENCY = st.lists(st.floats(0, 1e6), min_size=41, max_size=41).map(
    lambda found: {
        "p50": found[20],
        "p90": found[36],
        "p99": found[40],
        "threads": 1,
        "runs": 9,
        "quantiles": sorted(found),
    }
)


@given(
    st.fixed_dictionaries(
        {"drop": FIGURE, "agreement": FIGURE, "sqnr_db": FIGURE, "bytes": st.none() | COUNT, "latency_ms": LATENCY},
        optional={
            "runtime": st.text(),
            "drop_unit": st.sampled_from([None, "points", "percent", "dB"]),
            "stage": st.sampled_from(["float32", "compressed"]),
            "provenance": st.sampled_from(["measured", "skipped", "estimated", "emulated"]),
            "failed_stage": st.none() | st.text(),
            "network": st.none() | st.text(),
        },
    )
)
@settings(max_examples=6)
def test_any_row_can_be_shown(row: Callable[..., Any], fields: dict[str, Any]) -> None:
    report = json.loads((FOLDER / "passed.json").read_text())
    rows = [
        *report["rows"],
        row(**fields).model_dump(mode="json"),
        row(stage="float32", bytes=1).model_dump(mode="json"),
    ]
    found = Page(page.render(Report.model_validate(report | {"rows": rows})))
    assert "row-3" in found.ids


@given(
    st.lists(
        st.fixed_dictionaries(
            {"error": st.floats(0, 1e9), "introduced": st.none() | st.floats(0, 1e9), "layer": st.text(max_size=50)}
        ),
        min_size=1,
        max_size=30,
    )
)
@settings(max_examples=6)
def test_any_layers_can_be_shown(values: list[dict[str, Any]]) -> None:
    report = json.loads((FOLDER / "full.json").read_text())
    kept = {"passed": json.loads((FOLDER / "passed.json").read_text())}
    layer = report["layers"][0]["layers"][0]
    layers = [report["layers"][0] | {"layers": [layer | each for each in values]}]
    Page(page.render(Report.model_validate(kept["passed"] | {"layers": layers})))
