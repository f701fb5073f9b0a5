"""Plausible evidence for `full_report.py`: parity, layers, weights and answers of the demo."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np

Values = dict[str, Any]
LAYERS = (
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
_DIGIT = {"3": "0EA2E2A0", "5": "0E8E22C0", "8": "06A6AA60", "9": "06AE22C0", "1": "0262220E"}


def parity() -> list[Values]:
    """Every stage on every runtime; one cell is out of tolerance, one runtime is missing."""
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


def layers(written: str, runtime: str, draw: np.random.Generator, fault: bool) -> Values:
    """The layers of a file; with a fault, one has a scale that is off."""
    introduced = draw.uniform(0.002, 0.03, len(LAYERS)).round(5)
    if fault:
        introduced[6] = 0.145
    ranks = np.argsort(np.argsort(-introduced)) + 1
    inherited = 0.0
    values = []
    for index, (layer, op) in enumerate(LAYERS):
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


KERNELS = (
    ("conv_1", [3, 3, 1, 32], 0.0, 180),
    ("conv_2", [3, 3, 32, 64], 0.5, 255),
    ("dense_1", [256, 192], 0.5, 16),
    ("digit", [192, 10], 0.0, 251),
)


def weights(layer: str, shape: list[int], sparsity: float, distinct: int, draw: np.random.Generator) -> Values:
    """The histogram of a kernel that was pruned, quantized or both."""
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


def answers(draw: np.random.Generator) -> Values:
    """A confusion matrix, and the samples that moved in it."""
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


def promises() -> list[Values]:
    """Of two layers: one file keeps what was promised, of the other file's names one does not tell."""
    made = []
    for written, layer, received in (
        ("tflite", "conv_2", 0.8013),
        ("tflite", "dense_1", 0.8),
        ("onnx", "conv_2", 0.8013),
        ("onnx", "dense_1", None),
    ):
        why = None if received else "no kernel of that layer and size can be told by its name"
        made.append(
            {
                **{"network": None, "format": written, "precision": "int8", "step": "prune", "layer": layer},
                **{"kind": "sparsity", "promised": 0.8, "received": received, "kept": received and True, "reason": why},
            }
        )
    return made
