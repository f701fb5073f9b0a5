"""Make `tests/golden/full.json`, a report in which every field is filled: plausible figures, the same each time.

Usage: python tests/unit/full_report.py runs/digits_cnn-int8 > tests/golden/full.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from full_evidence import KERNELS, LAYERS, answers, layers, parity, promises, weights

from compressor.report import schema

Values = dict[str, Any]
# Rows of the demo run, by position.
_TFLITE, _ONNX, _CORAL = 1, 3, 5


def full(run: Path) -> Values:
    """The report of a run of the demo with every field of version 1.1 filled."""
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    draw = np.random.default_rng(6)
    report["recipe"]["limits"] |= {"max_accuracy_drop": 0.5, "min_agreement": 0.98}
    report["recipe"]["limits"] |= {"max_size_ratio": 0.4, "max_latency_ratio": 1.05}
    report["data"]["classes"] = [str(digit) for digit in range(10)]
    for position, row in enumerate(report["rows"]):
        _fill_row(row, position, draw)
    report |= {
        "verdict": _verdict(report["rows"]),
        "parity": parity(),
        "layers": [layers("tflite", "litert", draw, fault=True), layers("onnx", "onnxruntime", draw, fault=False)],
        "weights": [weights(*kernel, draw) for kernel in KERNELS],
        "promises": promises(),
        "answers": [answers(draw)],
        "warnings": ["3 samples are in the calibration and in the evaluation set: the accuracy is too good for them"],
    }
    return report


def _fill_row(row: Values, position: int, draw: np.random.Generator) -> None:
    compressed = row["stage"] == "compressed"
    if row["bytes_deflated"] is not None:
        row["bytes_packed"] = int(0.92 * row["bytes_deflated"])
    if row["provenance"] == "measured":
        durations = np.sort(row["latency_ms"]["p50"] * (1 + draw.gamma(1.2, 0.05, 4000) - 0.04))
        quantiles = np.quantile(durations, np.linspace(0, 1, 41)).round(6).tolist()
        p50 = row["latency_ms"]["p50"]
        row["latency_ms"] |= {
            "p50_interval": {"low": round(p50 * 0.985, 6), "high": round(p50 * 1.02, 6)},
            "quantiles": quantiles,
        }
        row |= {"mean_abs_error": round((row["max_abs_error"] or 0) / 40, 9), "cosine": 0.99998}
        row["memory"] = {"baseline_bytes": 45_000_000, "over_baseline_bytes": row["peak_rss_bytes"] - 45_000_000}
        if compressed:
            ratio = round(p50 / 0.0221 if row["format"] == "tflite" else p50 / 0.0315, 4)
            row["latency_ratio"] = {
                "ratio": ratio,
                "interval": {"low": round(ratio * 0.97, 4), "high": round(ratio * 1.03, 4)},
                "noise": 0.034,
                "rounds": 400,
                "threads": 1,
            }
            row |= {"drop": 0.2, "drop_interval": {"low": -0.35, "high": 0.75}, "drop_by": "McNemar"}
            row["agreement_interval"] = {"low": round(row["agreement"] - 0.011, 4), "high": 1.0}
    if position == _TFLITE:
        row["memory"] |= {"arena_bytes": 21_504, "flash_bytes": 131_072, "ram_bytes": 28_672}
    if position == _ONNX:
        row |= {"drop": 1.8, "drop_interval": {"low": 1.1, "high": 2.9}, "agreement": 0.978}
        row["metric"]["value"] = 0.968
        row["operator_times"] = _operator_times()
    if position == _CORAL:
        row |= {"drop": -1.6, "drop_interval": {"low": -2.4, "high": -0.9}}
    if row["placement"] and compressed:
        _place(row)


def _place(row: Values) -> None:
    where = ["accelerator" if row["placement"]["accelerator_ops"] else "cpu"] * len(LAYERS)
    if row["target"] == "coral":
        where[4], where[8] = "unsupported", "cpu"
    reasons = {"unsupported": "no rule of the compiler takes it", "cpu": "after an operator that stays on the CPU"}
    row["placement"]["operators"] = [
        {
            "index": index,
            "op": op,
            "layer": layer,
            "where": where[index],
            "reason": reasons.get(where[index], "") if row["target"] == "coral" else "",
            "macs": 40_000 * (op in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")) * (index + 1),
            "reads": [index - 1, 0] if index == 3 else [index - 1] if index else [],
        }
        for index, (layer, op) in enumerate(LAYERS)
    ]
    on = where.count("accelerator")
    share = round(on / len(LAYERS), 4)
    row["placement"] |= {"accelerator_ops": on, "cpu_ops": len(where) - on, "accelerated_macs_share": share}


def _operator_times() -> list[Values]:
    figures = (("QLinearConv", "conv_2", 0.0143), ("QLinearConv", "conv_1", 0.0091), ("QGemm", "dense_1", 0.0052))
    figures += (("QuantizeLinear", "", 0.0035), ("DequantizeLinear", "", 0.0021))
    total = 0.0355
    return [
        {"op": op, "name": f"{op}_{index}", "layer": layer, "ms": ms, "share": round(ms / total, 4)}
        for index, (op, layer, ms) in enumerate(figures)
    ]


def _verdict(rows: list[Values]) -> Values:
    judged = [
        ("max_accuracy_drop", "undecided", _TFLITE, "at most 0.5 points", 0.2, (-0.35, 0.75), 1400),
        ("max_size_ratio", "passed", _TFLITE, "at most 0.4 of the float32 bytes", 0.2829, None, None),
        ("max_latency_ratio", "passed", _TFLITE, "at most 1.05 of the float32 p50", 0.9507, (0.92, 0.98), None),
        ("max_accuracy_drop", "failed", _ONNX, "at most 0.5 points", 1.8, (1.1, 2.9), None),
        ("min_agreement", "failed", _ONNX, "at least 0.98", 0.978, (0.96, 0.9795), None),
        ("max_accuracy_drop", "implausible", _CORAL, "at most 0.5 points", -1.6, (-2.4, -0.9), None),
        ("max_size_ratio", "passed", _CORAL, "at most 0.4 of the float32 bytes", 0.2829, None, None),
        ("max_accuracy_drop", "passed", 7, "at most 0.5 points", 0.2, (-0.35, 0.45), None),
        ("max_accuracy_drop", "passed", 9, "at most 0.5 points", 0.2, (-0.35, 0.45), None),
    ]
    judgements = [_judgement(rows, *each) for each in judged]
    broken = [each for each in judgements if each["verdict"] in ("failed", "implausible")]
    names = ("target", "format", "precision", "runtime")
    violations = [
        {key: each[key] for key in ("limit", "row", "expected", "received", "message")}
        | {name: rows[each["row"]][name] for name in names}
        for each in broken
    ]
    not_judged = ["max_latency_ratio for coral: not measured on the device itself"]
    return {"passed": False, "violations": violations, "not_judged": not_judged, "judgements": judgements}


def _judgement(
    rows: list[Values],
    limit: str,
    verdict: str,
    row: int,
    expected: str,
    value: float,
    interval: tuple[float, float] | None,
    more: int | None,
) -> Values:
    of = rows[row]
    title = f"{of['target']}: {of['stage']} {of['format']} {of['precision']} on {of['runtime']}"
    return {
        "limit": limit,
        "verdict": verdict,
        "row": row,
        "expected": expected,
        "received": f"{value:g}",
        "value": value,
        "interval": None if interval is None else dict(zip(("low", "high"), interval, strict=True)),
        "more_samples": more,
        "message": f"{title}: {limit}: {verdict}, expected {expected}, received {value:g}",
    }


def main() -> None:
    """Print the report, checked and in the shape in which reports are written."""
    report = schema.Report.model_validate(full(Path(sys.argv[1])))
    sys.stdout.write(json.dumps(report.model_dump(mode="json"), indent=2) + "\n")


if __name__ == "__main__":
    main()
