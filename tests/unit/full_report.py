"""Make `tests/golden/full.json`, a report in which every field is filled: plausible figures, the same each time.

Usage: python tests/unit/full_report.py runs/digits_cnn-int8 > tests/golden/full.json
"""

from __future__ import annotations

import base64
import json
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from compressor.report import schema

Values = dict[str, Any]
_LAYERS = (
    ("conv_1", "CONV_2D"),
    ("conv_2", "CONV_2D"),
    ("pool", "MAX_POOL_2D"),
    ("conv_3", "DEPTHWISE_CONV_2D"),
    ("mean", "MEAN"),
    ("flatten", "RESHAPE"),
    ("dense_1", "FULLY_CONNECTED"),
    ("digit", "FULLY_CONNECTED"),
    ("softmax", "SOFTMAX"),
)
# Rows of the demo run, by position.
_TFLITE, _ONNX, _CORAL = 1, 3, 5
_DIGIT = {"3": "0EA2E2A0", "5": "0E8E22C0", "8": "06A6AA60", "9": "06AE22C0", "1": "0262220E"}


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
        "parity": _parity(),
        "layers": [_layers("tflite", "litert", draw, fault=True), _layers("onnx", "onnxruntime", draw, fault=False)],
        "weights": [_weights(*kernel, draw) for kernel in _KERNELS],
        "answers": [_answers(draw)],
        "warnings": ["3 samples are in the calibration and in the evaluation set: the accuracy is too good for them"],
    }
    return report


def _fill_row(row: Values, position: int, draw: np.random.Generator) -> None:
    compressed = row["stage"] == "compressed"
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
    where = ["accelerator" if row["placement"]["accelerator_ops"] else "cpu"] * len(_LAYERS)
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
        for index, (layer, op) in enumerate(_LAYERS)
    ]
    on = where.count("accelerator")
    share = round(on / len(_LAYERS), 4)
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
        {key: each[key] for key in ("limit", "expected", "received", "message")}
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


def _parity() -> list[Values]:
    made = []
    for stage, precision in (("float32", "float32"), ("compressed", "int8")):
        for runtime in ("litert", "litert_builtin", "litert_reference"):
            made.append(_cell(stage, "tflite", precision, runtime, "keras", "keras"))
            if runtime != "litert_reference":
                made.append(_cell(stage, "tflite", precision, runtime, "same file", "litert_reference"))
    made += [_cell("float32", "onnx", "float32", "onnxruntime", "keras", "keras")]
    made += [_cell("compressed", "onnx", "int8", "onnxruntime", "float32", "onnxruntime")]
    made += [_cell("compiled", "ncnn", "int8", "ncnn", "float32", "ncnn")]
    made += [_cell("emulated", "tflite", "int8", "litert", "same file", "litert")]
    made[-1]["host"] = "Cortex-A72"
    made[-2] |= {"reason": "ncnn is not installed here", "sqnr_db": None, "agreement": None, "max_abs_error": None}
    made[8] |= {
        "within": False,
        "max_lsb": 37,
        "differing": 812,
        "sqnr_db": 11.2,
        "agreement": 0.941,
        "max_abs_error": 0.145,
        "diverges": {
            "stage": "runtime",
            "layer": "dense_1",
            "told": "the reference kernels answer differently from dense_1 on: its bias differs",
        },
    }
    return made


def _cell(stage: str, written: str, precision: str, runtime: str, against: str, other: str) -> Values:
    integer, same = precision == "int8", against == "same file"
    sqnr = (48.2 if same else 43.2 if written == "tflite" else 24.5) if integer else 134.7
    judged = same or not integer
    return {
        "stage": stage,
        "format": written,
        "precision": precision,
        "runtime": runtime,
        "against": against,
        "against_runtime": other,
        "samples": 500,
        "agreement": 0.996 if integer and not same else 1.0,
        "max_abs_error": 0.0039 if integer else 1.4e-06,
        "mean_abs_error": 0.00021 if integer else 1.1e-07,
        "sqnr_db": sqnr,
        "cosine": 0.99998,
        "values": 5000 if integer else None,
        "differing": (3 if same else 412) if integer else None,
        "max_lsb": 1 if integer else None,
        "limit": (1.0 if integer else 1e-06) if judged else None,
        "limit_unit": ("lsb" if integer else "value") if judged else None,
        "within": True if judged else None,
    }


def _layers(written: str, runtime: str, draw: np.random.Generator, fault: bool) -> Values:
    introduced = draw.uniform(0.002, 0.03, len(_LAYERS)).round(5)
    if fault:
        introduced[6] = 0.145
    ranks = np.argsort(np.argsort(-introduced)) + 1
    inherited = 0.0
    values = []
    for index, (layer, op) in enumerate(_LAYERS):
        error = float(np.hypot(inherited, introduced[index]))
        values.append(
            {
                "index": index,
                "layer": layer,
                "op": op,
                "tensor": f"{layer}/out",
                "bits": 32 if op == "SOFTMAX" else 8,
                "error": round(error, 5),
                "introduced": float(introduced[index]),
                "inherited": round(inherited, 5),
                "sqnr_db": round(float(-20 * np.log10(error)), 2),
                "max_abs_error": round(error * 3, 5),
                "gain": 1.021 if fault and index == 6 else 1.0,
                "range_use": round(float(draw.uniform(0.7, 1)), 3),
                "saturated": 0.031 if fault and index == 6 else 0.0,
                "rank": int(ranks[index]),
            }
        )
        inherited = error * 0.8
    told = "dense_1: its values are 2.1 % too large throughout (gain 1.021): a scale is off"
    return {
        "format": written,
        "precision": "int8",
        "runtime": runtime,
        "samples": 100,
        "layers": values,
        "faults": [told] if fault else [],
    }


_KERNELS = (
    ("conv_1", [3, 3, 1, 32], 0.0, 180),
    ("conv_2", [3, 3, 32, 64], 0.5, 255),
    ("dense_1", [256, 192], 0.5, 16),
    ("digit", [192, 10], 0.0, 251),
)


def _weights(layer: str, shape: list[int], sparsity: float, distinct: int, draw: np.random.Generator) -> Values:
    before = draw.normal(0, 0.08, int(np.prod(shape)))
    cut = np.quantile(np.abs(before), sparsity)
    step = float(np.abs(before).max()) / (distinct / 2)
    after = np.where(np.abs(before) < cut, 0, np.round(before / step) * step)
    low, high = min(before.min(), after.min()), max(before.max(), after.max())
    edges = np.linspace(low, high + 1e-6, 49)
    return {
        "format": "tflite",
        "precision": "int8",
        "layer": layer,
        "tensor": f"{layer}/kernel",
        "shape": shape,
        "bits": 8,
        "sparsity_before": 0.0,
        "sparsity_after": round(float((after == 0).mean()), 4),
        "distinct_before": int(before.size),
        "distinct_after": int(np.unique(after.round(9)).size),
        "edges": edges.round(6).tolist(),
        "before": np.histogram(before, edges)[0].tolist(),
        "after": np.histogram(after, edges)[0].tolist(),
    }


def _answers(draw: np.random.Generator) -> Values:
    reference = np.diag([50, 49, 50, 47, 50, 49, 50, 50, 48, 49])
    reference[3, 5], reference[8, 1] = 3, 2
    compressed = reference.copy()
    moved = [(3, 5), (5, 9), (8, 1), (9, 3), (1, 8), (8, 3)]
    for label, answer in moved:
        compressed[label, label] -= 1
        compressed[label, answer] += 1
    samples = [
        {
            "index": 31 + 17 * position,
            "label": str(label),
            "reference": str(label),
            "compressed": str(answer),
            "reference_confidence": round(float(draw.uniform(0.5, 0.9)), 3),
            "compressed_confidence": round(float(draw.uniform(0.4, 0.7)), 3),
            "image": _image(str(label)),
        }
        for position, (label, answer) in enumerate(moved)
    ]
    samples[3] |= {"reference": "3", "compressed": "9"}
    return {
        "format": "onnx",
        "precision": "int8",
        "runtime": "onnxruntime",
        "evaluated": 500,
        "disagreeing": 11,
        "worse": 9,
        "better": 1,
        "confusion": {
            "classes": [str(digit) for digit in range(10)],
            "reference": reference.tolist(),
            "compressed": compressed.tolist(),
        },
        "samples": samples,
    }


def _image(digit: str) -> str:
    """An 8 × 8 picture as a PNG in a data address; every hexadecimal digit is four pixels of a line."""
    lines = [f"{int(each, 16):04b}" for each in _DIGIT[digit]]
    pixels = [bytes([0, 0, 0, *(240 * int(bit) for bit in line), 0, 0])[1:] for line in lines]
    content = b"".join(b"\0" + line for line in pixels)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(content)),
        (b"IEND", b""),
    )
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return "data:image/png;base64," + base64.b64encode(png).decode()


def main() -> None:
    """Print the report, checked and in the shape in which reports are written."""
    report = schema.Report.model_validate(full(Path(sys.argv[1])))
    sys.stdout.write(json.dumps(report.model_dump(mode="json"), indent=2) + "\n")


if __name__ == "__main__":
    main()
