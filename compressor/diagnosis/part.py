"""The layers of a compressed file as the report tells them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from compressor import runtimes
from compressor.diagnosis.comparison import Compared, compare
from compressor.diagnosis.faults import faults, ranks
from compressor.diagnosis.opened import Node
from compressor.report.evidence import LayersPart, LayerValue
from compressor.values import Array, Precision

_SUFFIXES = {".tflite": "tflite", ".onnx": "onnx", ".cc": "tflm"}


def of(float_file: Path, file: Path, inputs: Mapping[str, Array], runtime: str | None) -> LayersPart:
    """See `compressor.diagnosis.layers`."""
    return told(compare(float_file, file, inputs, runtime), file, runtime)


def told(compared: Compared, file: Path, runtime: str | None) -> LayersPart:
    """What a comparison says."""
    return LayersPart(
        format=_SUFFIXES.get(file.suffix, file.suffix.lstrip(".")),
        precision=_precision(compared),
        runtime=runtimes.for_file(file, runtime),
        samples=compared.samples,
        layers=[_value(compared, node, rank) for node, rank in ranks(compared)],
        faults=[each.told for each in faults(compared)],
    )


def _value(compared: Compared, node: Node, rank: int | None) -> LayerValue:
    kept = compared.sums[node.key]
    slope = kept.gain.fitted()
    return LayerValue(
        index=node.index,
        layer=node.title,
        op=node.op,
        tensor=node.names[0],
        bits=node.bits,
        error=kept.whole.relative,
        introduced=kept.alone.relative if kept.alone.count else None,
        inherited=_inherited(kept.before.noise, kept.whole.signal) if kept.alone.count else None,
        sqnr_db=kept.whole.sqnr_db,
        max_abs_error=kept.whole.largest,
        gain=None if slope is None else slope[0],
        range_use=None if kept.range is None else kept.range.use,
        saturated=None if kept.range is None else kept.range.cut_off,
        rank=rank,
    )


def _inherited(noise: float, signal: float) -> float:
    if noise == 0:
        return 0.0
    return float((noise / signal) ** 0.5) if signal else 1.0


def _precision(compared: Compared) -> str:
    """The number format, by what the operators and their weights are."""
    grids = [node.grid for node in compared.file.nodes if node.grid is not None]
    if grids:
        wide = any(each.last - each.first > 255 for each in grids)
        return Precision.INT16X8 if wide else Precision.INT8
    bits = min((node.bits for node in compared.file.nodes if node.constants), default=32)
    return {8: Precision.DYNAMIC_INT8, 16: Precision.FLOAT16}.get(bits, Precision.FLOAT32)
