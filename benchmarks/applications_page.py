"""The page of benchmarks/applications.py: a row per network, and below it the reasons that are too long for a cell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Record = dict[str, Any]
Cells = Mapping[tuple[str, str], Record]

TITLES = {
    "prune": "prune",
    "cluster": "cluster",
    "quantize_aware": "quantize_aware",
    "tflite": "int8 TFLite",
    "onnx": "QDQ ONNX",
}
_LAYER = re.compile(r"'[^']*' \((\w+)\)")
_LAYERS = re.compile(r"layers? '[^']*' \(\w+\)(?:, '[^']*' \(\w+\))*")
_SKIP = re.compile(r"skip: \[[^\]]*\]")
_NAME = re.compile(r"'[^']*'")


def page(networks: Mapping[str, Record], cells: Cells) -> str:
    """The whole page, in Markdown."""
    names = sorted(networks)
    reasons = _Reasons()
    rows = [_row(networks[name], cells, reasons) for name in names]
    heads = ["network", "input", "parameters", "largest difference", "bridge s", *TITLES.values()]
    table = [_line(heads), _line(["---"] * len(heads)), *rows, *_counts(names, cells)]
    return "\n".join([*_introduction(cells), "", *table, "", *_bridged(names, cells), "", *reasons.listed()]) + "\n"


class _Reasons:
    """Reasons by number; those that differ in names only are one."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[str]] = {}

    def number(self, cell: str, reason: str, network: str) -> int:
        """The number of a reason in the list."""
        key = cell, _without_names(reason)
        self._found.setdefault(key, []).append(network)
        return list(self._found).index(key) + 1

    def listed(self) -> list[str]:
        """The list below the table, empty when nothing was refused."""
        if not self._found:
            return []
        lines = ["## Reasons", "", "Reasons that differ in the names of layers and tensors only are told once.", ""]
        for number, ((cell, reason), networks) in enumerate(self._found.items(), 1):
            told = reason.replace("|", "\\|")
            lines.append(f"{number}. {TITLES.get(cell, cell)}, {len(networks)} × ({', '.join(networks)}): {told}")
        return lines


def _without_names(reason: str) -> str:
    """A reason without names of layers and tensors, which are other ones in each network; kinds of layers stay."""

    def kinds(found: re.Match[str]) -> str:
        return "layers of the kind " + ", ".join(sorted(set(_LAYER.findall(found.group()))))

    return _NAME.sub("'…'", _SKIP.sub("skip: [their names]", _LAYERS.sub(kinds, reason)))


def _introduction(cells: Cells) -> list[str]:
    limits = sorted({record["limit"] for record in cells.values()})
    memory = sorted({record["memory"] for record in cells.values()})
    hosts = sorted({record["host"] for record in cells.values()})
    return [
        "# keras.applications: bridge, steps, int8 files",
        "",
        "Made by `make applications`. Random weights, smallest allowed input, each network in a process of its own.",
        f"A cell had {_range(limits)} s and {_range(memory)} GiB of memory. Seconds are of a shared machine",
        f"({'; '.join(hosts)}), without the start of the process.",
        "",
        "* largest difference, bridge s: of the outputs of the network made again in tf_keras, and the time it took.",
        "* prune, cluster, quantize_aware: the step ran on all layers (sparsity 0.5; 16 clusters; defaults), one epoch",
        "  on 8 random samples in batches of 4; the kernels are as asked for, the answers finite.",
        "* int8 TFLite, QDQ ONNX: the file was written with 2 random calibration samples, opened by LiteRT or ONNX",
        "  Runtime, and run; its input is int8 or it holds QuantizeLinear nodes, its answers have the right shape and",
        "  are finite.",
        "",
        "A number in brackets is that of the reason below the table; a cell that is not run yet is run when the",
        "command goes on. With random weights and random samples this says nothing of accuracy.",
    ]


def _range(values: list[float]) -> str:
    told = [f"{value:g}" for value in values] or ["?"]
    return told[0] if len(told) == 1 else f"{told[0]} to {told[-1]}"


def _row(network: Record, cells: Cells, reasons: _Reasons) -> str:
    name = network["network"]
    bridge = cells.get((name, "bridge"))
    if bridge is not None and bridge["outcome"] == "works":
        bridged = [f"{bridge['difference']:.1e}", f"{bridge['seconds']:.1f}"]
    else:
        bridged = [_mark(name, "bridge", bridge, reasons), ""]
    marks = [_mark(name, cell, cells.get((name, cell)), reasons) for cell in TITLES]
    size = network["size"]
    return _line([name, f"{size}×{size}", str(network["parameters"]), *bridged, *marks])


def _mark(name: str, cell: str, record: Record | None, reasons: _Reasons) -> str:
    if record is None:
        return "not run"
    outcome = str(record["outcome"])
    if outcome == "works":
        return f"yes, {record['seconds']:.0f} s"
    if outcome == "late":
        return f"not within {record['limit']:g} s"
    if "reason" not in record:
        return outcome
    return f"{outcome} [{reasons.number(cell, record['reason'], name)}]"


def _counts(names: list[str], cells: Cells) -> list[str]:
    """The last rows: how many networks come through, and how many are still to be run, where any are."""

    def row(title: str, outcome: str | None) -> str:
        counts = {
            cell: str(sum(cells.get((name, cell), {}).get("outcome") == outcome for name in names))
            for cell in ("bridge", *TITLES)
        }
        return _line([f"**{title} of {len(names)}**", "", "", counts.pop("bridge"), "", *counts.values()])

    missing = any((name, cell) not in cells for name in names for cell in ("bridge", *TITLES))
    return [row("works", "works"), *([row("not run", None)] if missing else [])]


def _bridged(names: list[str], cells: Cells) -> list[str]:
    count = sum(cells.get((name, "bridge"), {}).get("outcome") == "works" for name in names)
    return [
        f"{count} of {len(names)} networks come over the bridge: every layer answers as its original does, within 1e-4",
        "of its largest output, and the outputs are equal within 1e-5 - or within what a rounding of the input does to",
        "the network itself, which decides where random weights make activations explode.",
    ]


def _line(columns: list[str]) -> str:
    return f"| {' | '.join(columns)} |"
