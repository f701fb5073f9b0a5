"""What is told of a verdict: only what was judged, of the row it is about, and once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from judged_reports import cell

from compressor import api, several_networks
from compressor.limits import Limits, TargetLimits
from compressor.report import layout, markdown, parity_limit, pull_request, schema
from compressor.report.advice import what_to_do
from compressor.report.cases import cases_of
from compressor.report.evidence import Divergence
from compressor.report.page import judgements as judgement_table
from compressor.report.page import parity_heat_map
from compressor.report.page.entries import entries
from compressor.report.page.verdict import Headline, headline
from compressor.report.schema import Report, Row

MakeRow = Callable[..., Row]
INTERVAL = {"drop": 0.0, "drop_interval": {"low": -0.76, "high": 0.76}, "outcomes": {"samples": 500}}
EMULATED = {"provenance": "emulated", "host": "cortex-a53 by qemu 8", "agreement": None, "latency_ms": None}


@pytest.fixture
def gated(golden: Path) -> Callable[..., Report]:
    """A report of some rows, judged by some limits."""
    report = schema.read(golden / "passed.json")
    return lambda rows, limits: api.gate(report.model_copy(update={"rows": rows}), limits)


def head(report: Report) -> Headline:
    return headline(report, entries(report))


def unlike(row: MakeRow, **changes: Any) -> Row:
    return row(**{"format": "tflite", "runtime": "litert"} | changes)


HERE = {"target": "host"}
SKIPPED = {"provenance": "skipped", "reason": "no such device", "latency_ms": None, "bytes": None}
OF_CORAL = TargetLimits(max_bytes=10, min_accelerated_share=0.99)
# Rows, limits, and what is not judged.
NOTHING = {
    "another target": (
        [HERE],
        Limits(targets={"coral": OF_CORAL}),
        [f"{name} for coral: this target is not in the run" for name in ("max_bytes", "min_accelerated_share")],
    ),
    "a stand-in": (
        [HERE | {"target": "coral"}, HERE | SKIPPED | {"target": "coral"}],
        Limits(targets={"coral": TargetLimits(max_latency_ratio=2.0)}),
        ["max_latency_ratio for coral: not measured on the device itself"],
    ),
    "all skipped": (
        [HERE | SKIPPED],
        Limits(max_size_ratio=0.3),
        ["max_size_ratio for host: no compressed file was measured for it"],
    ),
    "only the baseline": (
        [{"stage": "float32", "precision": "float32"}, HERE | SKIPPED],
        Limits(min_agreement=0.5),
        ["min_agreement for host: no compressed file was measured for it"],
    ),
    "no rows": ([], Limits(max_bytes=10), ["max_bytes: the report has no rows"]),
}


@pytest.mark.parametrize("case", NOTHING)
def test_what_judged_nothing_is_named_and_nothing_is_said_to_hold(case: str, row: MakeRow, gated: Any) -> None:
    rows, limits, told = NOTHING[case]
    report = gated([row(**each) for each in rows], limits)
    assert (report.verdict.passed, report.verdict.not_judged, layout.limits_kept(report)) == (True, told, {})
    assert "No limit was judged" in head(report).sentence
    assert "may ship" not in head(report).sentence
    assert "**Passed.** No limit was judged." in markdown.render(report)
    assert "no limit was judged.**" in pull_request.render(report)
    assert all(each.verdict != "passed" for each in entries(report))


def test_a_limit_that_only_some_targets_kept_says_which(row: MakeRow, gated: Any) -> None:
    rows = [row(), row(target="coral", **SKIPPED)]
    report = gated(rows, Limits(max_bytes=1000, targets={"host": TargetLimits(min_agreement=0.5)}))
    assert layout.limits_kept(report) == {"max_bytes for host": 1000, "min_agreement for host": 0.5}
    assert head(report).sentence.endswith("held on 1 compressed file. By these limits the model may ship.")
    assert layout.limits_kept(gated([row(), row(target="coral")], Limits(max_bytes=1000))) == {"max_bytes": 1000}


def test_a_report_of_version_1_0_is_held_by_its_plain_verdict(row: MakeRow, gated: Any) -> None:
    report = gated([row()], Limits(max_bytes=1000))
    verdict = report.verdict.model_copy(update={"judgements": []})
    old = report.model_copy(update={"schema_version": "1.0", "verdict": verdict})
    assert layout.limits_kept(old) == {"max_bytes": 1000}
    assert [each.verdict for each in entries(old)] == ["passed"]
    assert head(old).sentence == "max_bytes 1000 held on 1 compressed file. By this limit the model may ship."


def faulty(report: Report, **changes: Any) -> Report:
    """The report with a fault of the runtime in one cell."""
    off = Divergence(stage="runtime", layer="conv", told="conv differs")
    cells = [cell(False, **{"diverges": off} | changes)]
    verdict = parity_limit.combined(report.verdict, cells, report.rows)
    return report.model_copy(update={"parity": cells, "verdict": verdict})


def words(report: Report) -> list[str]:
    """The verdicts of the summary's table."""
    lines = pull_request.render(report).splitlines()
    table = lines[lines.index("") + 1 :]
    rows = [line for line in table if line.startswith("| host | tflite")]
    return [line.split("|")[3].strip() for line in rows]


def test_a_fault_on_an_emulated_core_is_told_of_its_row(row: MakeRow, gated: Any) -> None:
    rows = [unlike(row), unlike(row, **EMULATED)]
    emulated = {"stage": "emulated", "precision": "int8", "host": EMULATED["host"], "against": "same file"}
    report = faulty(gated(rows, Limits(max_bytes=1000)), **emulated)
    assert [each.row for each in report.verdict.violations] == [1]
    assert [(case.name, case.row) for case in cases_of(report) if case.fails] == [
        ("parity: tflite int8 on litert (cortex-a53)", 1)
    ]
    assert words(report)[:2] == ["passed", "failed"]
    assert [each.verdict for each in entries(report)] == ["passed"]
    assert [each.href for each in head(report).broken] == ["#row-1"]


def test_a_fault_of_the_baseline_is_none_of_a_file_of_the_same_precision(row: MakeRow, gated: Any) -> None:
    rows = [unlike(row, stage="float32", precision="float32"), unlike(row, precision="float32")]
    report = faulty(gated(rows, Limits(max_bytes=1000)))
    assert [each.row for each in report.verdict.violations] == [0]
    assert words(report)[0] == "passed"
    assert [each.verdict for each in entries(report)] == ["passed"]
    assert [each.href for each in head(report).broken] == ["#row-0"]


def test_a_violation_without_its_row_is_told_as_before(row: MakeRow, gated: Any) -> None:
    report = faulty(gated([unlike(row, stage="float32", precision="float32")], Limits()))
    (violation,) = report.verdict.violations
    verdict = report.verdict.model_copy(update={"violations": [violation.model_copy(update={"row": None})]})
    old = report.model_copy(update={"verdict": verdict})
    assert [case.name for case in cases_of(old) if case.fails] == ["parity: tflite float32 on litert"]
    assert [each.href for each in head(old).broken] == ["#row-0"]


def test_rows_of_violations_are_counted_anew_over_several_networks(row: MakeRow, gated: Any) -> None:
    report = faulty(gated([unlike(row, stage="float32", precision="float32"), unlike(row)], Limits(max_bytes=100)))
    both = several_networks.combined("gan", {"left": report, "right": report})
    found = {(each.limit, each.network, each.row) for each in both.verdict.violations}
    assert found == {
        *(("max_bytes", "left", 1), ("max_bytes", "right", 3)),
        *(("parity", "left", 0), ("parity", "right", 2)),
    }


def test_a_fault_of_state_is_out_on_the_heat_map(golden: Path) -> None:
    off = Divergence(stage="state", layer=None, told="the second call differs from the first")
    report = schema.read(golden / "passed.json")
    found = parity_heat_map.section(
        report.model_copy(
            update={"parity": [cell(None, diverges=off, limit=None), cell(True, runtime="x", diverges=None)]}
        )
    )
    assert "1 out of it" in found.lead
    assert [told for _, told in found.content["out"]] == ["begins in state: the second call differs from the first"]
    assert found.content["maps"][0].lines[0].cells[0].state == "out"


def test_an_estimate_is_no_measurement_that_passed(row: MakeRow, gated: Any) -> None:
    estimate = {
        **{"by": "vela 4", "cycles": 1000, "clock_hz": 10**6, "inference_ms": 1.0, "inferences_per_second": 1.0},
        **{"sram_bytes": 700, "dram_bytes": 0, "flash_bytes": 900, "accelerated_ops_share": 1.0},
    }
    made = unlike(row, provenance="estimated", estimate=estimate, agreement=None, drop=None, latency_ms=None)
    report = gated([made], Limits())
    (case,) = cases_of(report)
    assert case.outcome == "skipped"
    assert "estimated by vela 4, not measured" in case.told
    assert words(report)[0] == "estimated"
    held = gated([made], Limits(max_ram_bytes=700))
    assert words(held)[0] == "passed"
    assert "held on 1 file, as estimated" in head(held).sentence


def test_an_interval_is_told_once(row: MakeRow, gated: Any) -> None:
    report = gated([row(**INTERVAL)], Limits(max_accuracy_drop=0.5))
    (broken,) = head(report).broken
    assert broken.told.startswith("expected at most 0.5 points, received 0 (95 %: -0.76 to 0.76); ")
    (line,) = judgement_table.section(report).content["table"].lines
    assert [each.text for each in line.cells[4:6]] == ["0", "−0.76 to 0.76"]


NAMES = [*TargetLimits.model_fields, "finished", "parity", "plausible"]


@pytest.mark.parametrize("limit", NAMES)
def test_every_limit_has_advice(limit: str) -> None:
    assert what_to_do(limit, "failed")


def test_the_page_advises_as_the_summary_does(row: MakeRow, gated: Any) -> None:
    report = gated([row()], Limits(max_bytes=100))
    todo = what_to_do("max_bytes", "failed")
    assert [each.lower() for each in head(report).advice] == [f"{todo}."]
    assert f"What to do: {todo}." in pull_request.render(report)


def test_more_samples_are_those_of_the_network(golden: Path, row: MakeRow) -> None:
    report = schema.read(golden / "two_networks.json")
    rows = [row(network="discriminator", **INTERVAL)]
    found = api.gate(report.model_copy(update={"rows": rows}), Limits(max_accuracy_drop=0.5))
    more = found.verdict.judgements[0].more_samples
    assert more is not None
    assert head(found).advice == (
        f"Evaluate discriminator on about {1000 + more:,} samples instead of 1,000 to decide the rest.",
    )


def test_what_is_undecided_for_several_targets_is_told_once(row: MakeRow, gated: Any) -> None:
    report = gated([row(**INTERVAL), row(target="coral", **INTERVAL)], Limits(max_accuracy_drop=0.5))
    (doubt,) = layout.doubts(report)
    assert doubt.startswith("host, coral: compressed onnx int8 on onnxruntime: max_accuracy_drop: ")
    (broken,) = head(report).broken
    assert broken.title == "host, coral: compressed onnx int8 on onnxruntime"
    assert pull_request.render(report).count("\n- host, coral: compressed onnx int8") == 1
