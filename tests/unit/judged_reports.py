"""Reports with every kind of judgement, and reports that hold any text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from compressor.report import schema
from compressor.report.evidence import ParityCell
from compressor.report.schema import Report

_GOLDEN = Path(__file__).resolve().parents[1] / "golden"
_INTERVAL = {"low": 0.4, "high": 3.2}

# Limit, verdict, row.
JUDGED = (
    ("max_size_ratio", "passed", 1),
    ("max_accuracy_drop", "failed", 1),
    ("min_agreement", "undecided", 1),
    ("max_accuracy_drop", "implausible", 5),
    ("min_agreement", "passed", 5),
)


def judgement(limit: str, verdict: str, row: int, **changes: Any) -> dict[str, Any]:
    """One judgement of the golden report's rows."""
    told = f"row {row}: {limit}: expected at most 1, received 1.8"
    made = {"limit": limit, "verdict": verdict, "row": row, "expected": "at most 1", "received": "1.8"}
    return made | {"value": 1.8, "interval": _INTERVAL, "more_samples": 700, "message": told} | changes


def cell(within: bool | None, **changes: Any) -> ParityCell:
    """One cell of the parity matrix."""
    made: dict[str, Any] = {
        **{"stage": "float32", "format": "tflite", "precision": "float32", "runtime": "litert", "against": "keras"},
        **{"against_runtime": "keras", "samples": 200, "max_abs_error": 0.25, "limit": 1e-5, "limit_unit": "value"},
        "diverges": {"stage": "conversion", "layer": "dense", "told": "the layer dense diverges first"},
    }
    return ParityCell(**made | {"within": within} | changes)


def judged(undecided: str = "pass", implausible: str = "fail", passed: bool = False, **changes: Any) -> Report:
    """The golden run that broke a limit, with judgements of all kinds and parity cells."""
    report = schema.read(_GOLDEN / "not_passed.json")
    verdict = {
        **report.verdict.model_dump(),
        **{"passed": passed, "undecided": undecided, "implausible": implausible},
        "judgements": [judgement(*each) for each in JUDGED],
    }
    parity = [cell(True), cell(False, runtime="litert_reference"), cell(None, stage="compressed", precision="int8")]
    made = report.model_copy(update={"verdict": schema.Verdict.model_validate(verdict), "parity": parity})
    return made.model_copy(update=changes)


# Any letter at all, those that no XML may hold too.
TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\x00\x0b\x1f\ufffe\uffff|<>&\"'`\n\r%:,"))


@st.composite
def any_report(draw: st.DrawFn) -> Report:
    """A judged report whose names, reasons and messages are any text."""
    report = judged(draw(st.sampled_from(["fail", "pass"])), draw(st.sampled_from(["fail", "pass"])))
    rows = [
        row.model_copy(update={name: draw(TEXT) for name in ("target", "format", "runtime", "reason", "path")})
        for row in report.rows
    ]
    made = [
        schema.Judgement(**judgement(draw(TEXT), verdict, draw(st.integers(0, len(rows) - 1)), message=draw(TEXT)))
        for verdict in draw(st.lists(st.sampled_from(["passed", "failed", "undecided", "implausible"]), max_size=6))
    ]
    verdict = report.verdict.model_copy(update={"judgements": made, "not_judged": draw(st.lists(TEXT, max_size=2))})
    model = report.model.model_copy(update={"name": draw(TEXT)})
    return report.model_copy(
        update={"rows": rows, "verdict": verdict, "model": model, "warnings": draw(st.lists(TEXT, max_size=2))}
    )
