"""The report: bytes of report.md, the schema of report.json, broken files, and the table on the terminal."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor import api
from compressor.errors import BadInput
from compressor.report import layout, markdown, parity_table, schema, terminal
from compressor.report.figures import MetricValue, PlacedOperator, PlacementValue
from compressor.report.schema import Report, Row

# Exit codes by name.
GOLDEN = {"passed": 0, "not_passed": 1, "two_networks": 1}


@pytest.mark.parametrize("name", GOLDEN)
def test_markdown_is_written_to_the_byte(name: str, golden: Path) -> None:
    report = schema.read(golden / f"{name}.json")
    assert markdown.render(report) == (golden / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", GOLDEN)
def test_json_is_written_to_the_byte_and_reads_as_itself(name: str, golden: Path, tmp_path: Path) -> None:
    report = schema.read(golden / f"{name}.json")
    schema.write(report, tmp_path / "report.json")
    assert (tmp_path / "report.json").read_bytes() == (golden / f"{name}.json").read_bytes()
    assert schema.read(tmp_path) == report
    assert report.exit_code == GOLDEN[name]


def test_every_table_row_has_as_many_cells_as_the_head(report: Report) -> None:
    lines = [line.replace("\\|", "") for line in markdown.render(report).splitlines() if line.startswith("|")]
    heads = (layout.HEADERS, parity_table.HEADERS)
    assert {line.count("|") for line in lines} == {len(head) + 1 for head in heads}


MAYBE = st.none() | st.floats(-1e6, 1e6)


@given(
    st.fixed_dictionaries(
        {"drop": MAYBE, "agreement": MAYBE, "sqnr_db": MAYBE, "peak_rss_bytes": st.none() | st.integers(0, 2**50)},
        optional={"notes": st.lists(st.text()), "reason": st.text(), "host": st.text(), "path": st.text()},
    )
)
def test_any_row_survives_json_and_can_be_shown(row: Callable[..., Row], fields: dict[str, Any]) -> None:
    made = row(**fields)
    assert Row.model_validate_json(made.model_dump_json()) == made
    assert len(layout.cells(made)) == len(layout.HEADERS)


def test_the_shipped_schema_is_the_one_that_is_used(root: Path) -> None:
    shipped = json.loads((root / "compressor" / "report" / "report.schema.json").read_text())
    assert shipped == schema.json_schema()


@pytest.mark.parametrize("name", GOLDEN)
def test_a_report_validates_against_the_shipped_schema(name: str, root: Path, golden: Path) -> None:
    shipped = json.loads((root / "compressor" / "report" / "report.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(shipped)
    validator.check_schema(shipped)
    content = json.loads((golden / f"{name}.json").read_text())
    assert list(validator.iter_errors(content)) == []
    content["rows"][0]["bytes"] = "many"
    assert [list(error.path) for error in validator.iter_errors(content)] == [["rows", 0, "bytes"]]


def spoiled(golden: Path, *path: str | int, value: Any) -> bytes:
    content = json.loads((golden / "passed.json").read_text())
    inner = content
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return json.dumps(content).encode()


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(BadInput, match="is not a report of schema") as caught:
        schema.read(path)
    return str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b"null", b'{"schema_version": "1.0", '])
def test_a_broken_report_is_bad_input(content: bytes, tmp_path: Path) -> None:
    assert "\n  " in refusal(tmp_path / "report.json", content)


def test_a_file_that_is_no_json_is_told_without_an_empty_address(tmp_path: Path) -> None:
    told = refusal(tmp_path / "report.json", b"# not a report")
    assert not any(line.strip().startswith(":") for line in told.splitlines())


@pytest.mark.parametrize("content", [b"[" * 10_000, b"x" * 50_000])
def test_a_broken_report_is_not_echoed_in_full(content: bytes, tmp_path: Path) -> None:
    assert len(refusal(tmp_path / "report.json", content)) < 1_500


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("schema_version",), "2.0", "schema_version: must be '1.0' or '1.1' (received '2.0')"),
        (("rows", 1, "bytes"), "many", "rows.1.bytes: must be a"),
        (("rows", 0, "stage"), "float16", "rows.0.stage: must be 'float32' or 'compressed' (received 'float16')"),
        (("recipe", "limits", "min_agreement"), 2, "recipe.limits.min_agreement: must be less than or equal to 1"),
        (("data", "sha"), "0", "data.sha: is not known here; did you mean 'sha256'?"),
        (("rows", 0, "metrik"), None, "rows.0.metrik: is not known here; did you mean 'metric'?"),
        (("verdict",), None, "verdict: "),
    ],
)
def test_a_spoiled_report_is_told_by_address(path: Any, value: Any, told: str, golden: Path, tmp_path: Path) -> None:
    assert told in refusal(tmp_path / "report.json", spoiled(golden, *path, value=value))


@pytest.mark.parametrize("number", ["NaN", "Infinity"])
def test_what_is_no_number_is_no_report(number: str, golden: Path, tmp_path: Path) -> None:
    content = (golden / "passed.json").read_text().replace('"drop": 0.5', f'"drop": {number}')
    assert number in content
    refusal(tmp_path / "report.json", content.encode())


@given(place=st.integers(0, 100_000), flip=st.integers(1, 255))
def test_a_report_with_a_spoiled_byte_is_read_or_bad_input(
    tmp_path_factory: pytest.TempPathFactory, golden: Path, place: int, flip: int
) -> None:
    content = bytearray((golden / "passed.json").read_bytes())
    content[place % len(content)] ^= flip
    path = tmp_path_factory.getbasetemp() / "report.json"
    path.write_bytes(content)
    with contextlib.suppress(BadInput):
        assert markdown.render(schema.read(path)).startswith("# ")


@pytest.mark.parametrize("path", ["absent.json", "."])
def test_a_missing_report_is_bad_input(path: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot read the report"):
        schema.read(tmp_path / path)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[Report], str]:
    """What the terminal shows of a report when it is no terminal."""
    for name in ("FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)

    def show(report: Report) -> str:
        terminal.show(report, Path("runs/some"), terminal.console())
        return capsys.readouterr().out

    return show


def test_several_networks_each_have_their_line_and_their_part_of_the_table(golden: Path, shown: Any) -> None:
    text = shown(schema.read(golden / "two_networks.json"))
    assert "\ngenerator: Keras ssim 1.0000 on 500 samples of mnist\n" in text
    assert "\ndiscriminator: Keras binary_accuracy 0.8660 on 1000 samples of mnist\n" in text
    heads = [line.strip() for line in text.splitlines() if line.startswith(" host: ")]
    assert heads == ["host: generator", "host: discriminator"]
    measured = [line.split()[:3] for line in text.splitlines() if line.startswith("   tflite")]
    assert measured == [["tflite", "float32", "(baseline)"], ["tflite", "int8", "litert"]] * 2
    assert "host: discriminator: compressed tflite int8 on litert: max_accuracy_drop" in text


def line_of(text: str, *words: str) -> str:
    (found,) = [line for line in text.splitlines() if all(word in line for word in words)]
    return found


def test_the_table_has_every_number_and_no_colour_codes(report: Report, shown: Any) -> None:
    text = shown(report)
    assert "\x1b" not in text
    measured = line_of(text, "tflite int8", "litert ")
    for cell in ("0.9680", "+1.80", "97.80%", "2.6e-01", "69.5", "58.2", "0.0151"):
        assert cell in measured
    assert "Keras accuracy 0.9860 on 500 samples of digits" in text
    assert text.endswith("report: runs/some/report.md\n")


def test_the_text_under_the_table_tells_what_is_not_in_it(report: Report, shown: Any) -> None:
    text = shown(report)
    assert line_of(text, "onnx int8 on onnxruntime: failed (write): the onnx converter refused int8: a | b")
    assert line_of(text, "edgetpu: skipped: no Edge TPU here")
    assert line_of(text, "warning: 3 samples are in the calibration")
    assert line_of(text, "warning: compressed int8 tflite on litert_builtin: runtime: the answers of `conv_2` differ")
    assert "not passed\n" in text
    assert line_of(text, "max_accuracy_drop: expected at most 1.7 points, received 1.8")


def test_a_passed_report_says_which_limits_held(golden: Path, shown: Any) -> None:
    report = schema.read(golden / "passed.json")
    assert "passed: no limits were set\n" in shown(report)
    limited = report.recipe.model_copy(update={"limits": schema.Limits(max_accuracy_drop=1, min_agreement=0.5)})
    # Without judgements, as reports of that version are.
    old = report.model_copy(update={"recipe": limited, "schema_version": "1.0"})
    assert "passed: max_accuracy_drop 1, min_agreement 0.5\n" in shown(old)


def test_a_limit_that_nobody_judged_is_not_called_kept(golden: Path, shown: Any) -> None:
    report = schema.read(golden / "passed.json")
    reason = "max_accuracy_drop: the evaluation set has no labels"
    verdict = report.verdict.model_copy(update={"not_judged": [reason]})

    def limited(**limits: float) -> Report:
        recipe = report.recipe.model_copy(update={"limits": schema.Limits(**limits)})
        return report.model_copy(update={"recipe": recipe, "verdict": verdict, "schema_version": "1.0"})

    alone, both = limited(max_accuracy_drop=1), limited(max_accuracy_drop=1, min_agreement=0.5)
    assert "passed: no limit was judged\n" in shown(alone)
    assert f"not judged: {reason}\n" in shown(alone)
    assert f"**Passed.** No limit was judged.\n\n> Not judged: {reason}\n" in markdown.render(alone)
    assert "passed: min_agreement 0.5\n" in shown(both)
    assert "**Passed.** Limits kept: min_agreement 0.5.\n" in markdown.render(both)


def test_only_the_limit_that_judged_the_drop_is_called_kept(golden: Path, shown: Any) -> None:
    report = schema.read(golden / "passed.json")
    limits = schema.Limits(max_accuracy_drop=1, max_error_rise=2)
    recipe = report.recipe.model_copy(update={"limits": limits})

    def told(unit: str) -> str:
        rows = [row.model_copy(update={"drop_unit": unit}) for row in report.rows]
        return str(shown(api.gate(report.model_copy(update={"recipe": recipe, "rows": rows}))))

    assert "passed: max_error_rise 2\n" in told("percent")
    assert "passed: max_accuracy_drop 1\n" in told("points")


def test_the_report_says_which_metric_and_why_or_that_there_is_none(golden: Path) -> None:
    report = schema.read(golden / "passed.json")
    assert "Judged by mean_squared_error: named by the user." in markdown.render(report)
    unlabelled = report.model.model_copy(update={"metric": None, "metric_reason": None})
    told = markdown.render(report.model_copy(update={"model": unlabelled}))
    assert "The evaluation set has no labels: there is no metric and no drop." in told
    assert "Judged by" not in told


@pytest.mark.parametrize(
    ("unit", "cell"), [("points", "+1.50"), ("percent", "+1.50 %"), ("dB", "+1.50 dB"), (None, "+1.50")]
)
def test_a_drop_is_shown_in_its_unit(unit: str | None, cell: str, row: Callable[..., Row]) -> None:
    assert layout.cells(row(drop=1.5, drop_unit=unit))[layout.HEADERS.index("drop")] == cell


def test_words_in_brackets_are_shown_as_they_are(report: Report, shown: Any) -> None:
    rows = [report.rows[3].model_copy(update={"reason": "[bold]x[/] [/red] y"})]
    assert "[bold]x[/] [/red] y" in shown(report.model_copy(update={"rows": rows, "warnings": ["[w]"]}))


def test_the_numbers_of_the_widest_rows_are_not_cut_off(row: Callable[..., Row], report: Report, shown: Any) -> None:
    latency = {"p50": 1234.5678, "p90": 1234.5678, "p99": 1234.5678, "threads": 1, "runs": 30}
    wide = {"target": "raspberry_pi", "format": "onnx_tensorrt", "runtime": "litert_reference", "latency_ms": latency}
    numbers = {"bytes": 102_400_000, "bytes_deflated": 94_234_567, "drop": -100.0, "max_abs_error": 1e-10}
    rows = [row(**wide, **numbers, drop_unit="percent", agreement=1.0, stage="float32", precision="float32")]
    line = line_of(shown(report.model_copy(update={"rows": rows})), "onnx_tensorrt float32", "litert_reference")
    for cell in ("1234.5678", "102400.0", "94234.6", "-100.00 %", "1.0e-10", "100.00%", "0.9700"):
        assert cell in line


@pytest.mark.parametrize("value", [2e-5, 3.25e-7])
def test_a_small_error_is_not_shown_as_none(value: float, row: Callable[..., Row]) -> None:
    cell = layout.cells(row(metric={"name": "mean_squared_error", "value": value}))[layout.HEADERS.index("metric")]
    assert float(cell) == pytest.approx(value, rel=0.1)


def test_a_small_error_of_keras_is_not_shown_as_none(golden: Path, shown: Any) -> None:
    report = schema.read(golden / "passed.json")
    metric = MetricValue(name="mean_squared_error", value=2e-5)
    small = report.model_copy(update={"model": report.model.model_copy(update={"metric": metric})})
    assert "mean_squared_error 0.0000" not in markdown.render(small)
    assert "mean_squared_error 0.0000" not in shown(small)


def test_what_a_target_accelerates_is_shown_once_for_each_compressed_file(report: Report, shown: Any) -> None:
    told = "tflite int8: 7 of 9 operators accelerated, 75.0% of the work; ARG_MAX best: the Edge TPU does not compute"
    assert shown(report).count(f"coral: {told}") == 1
    assert markdown.render(report).count(f"- {told}") == 1
    assert layout.placements([row for row in report.rows if row.target == "host"]) == ()


@given(st.text(max_size=20), st.lists(st.integers(0, 99), max_size=4))
def test_numbers_and_operators_take_a_line_each_and_read_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, golden: Path, reason: str, numbers: list[int]
) -> None:
    place = {"index": 0, "op": "ADD", "layer": "", "where": "cpu", "reason": reason, "macs": 7, "reads": numbers}
    placement = PlacementValue(
        accelerator_ops=0,
        cpu_ops=1,
        accelerated_macs_share=0,
        reasons=["[\n 1,\n 2\n]"],
        operators=[PlacedOperator.model_validate(place)] * 2,
    )
    report = schema.read(golden / "passed.json")
    rows = [report.rows[0].model_copy(update={"placement": placement}), *report.rows[1:]]
    report = report.model_copy(update={"rows": rows})
    path = tmp_path_factory.getbasetemp() / "placed.json"
    schema.write(report, path)
    assert schema.read(path) == report
    lines = [line.strip() for line in path.read_text().splitlines() if '"op": "ADD"' in line]
    assert len(lines) == 2
    if not set(reason) & set("{}"):
        assert lines[0].startswith('{"index": 0, "op": "ADD"')
        assert lines[0].endswith(f'"macs": 7, "reads": {numbers}' + "},")
