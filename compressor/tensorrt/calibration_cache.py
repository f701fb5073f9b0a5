"""Calibration caches, by which TensorRT 8 to 10 quantizes files without Q/DQ pairs.

Text: `TRT-<version>-EntropyCalibration2`, then a line per tensor, `<name>: <8 hex digits>`, the bits of its scale, a
float32 in big endian, which is the largest magnitude divided by 127. `trtexec` reads such files, and writes none.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from compressor.onnx_view import Graph, Node, Tensor

_LARGEST = 127


def text(scales: Mapping[str, float], version: str) -> str:
    """The cache for a TensorRT of this version, such as 10.3."""
    lines = [f"{name}: {struct.pack('>f', scale).hex()}" for name, scale in scales.items()]
    return "\n".join((f"TRT-{_release(version)}-EntropyCalibration2", *lines)) + "\n"


def scales(graph: Graph) -> dict[str, float]:
    """The scale of each activation that a file quantizes, named as in the float file it was made of."""
    found: dict[str, float] = {}
    for node in graph.select("QuantizeLinear"):
        if node.scale is not None and node.scale.size == 1 and not node.input(0).is_weight:
            tensor, scale = _before_a_move(node)
            found[tensor.name] = scale
    return found


def _before_a_move(quantizer: Node) -> tuple[Tensor, float]:
    """An input moved to fill int8 (`compressor.onnx_graph.shift`) as it is without: its largest magnitude counts."""
    assert quantizer.scale is not None
    tensor, scale = quantizer.input(0), float(quantizer.scale.reshape(-1)[0])
    move = tensor.made_by("Sub")
    shift = None if move is None else move.input(1).value
    if move is None or shift is None or not tensor.name.endswith("_moved"):
        return tensor, scale
    padded = move.input(0).made_by("Pad")
    centre = float(shift.reshape(-1)[0])
    reach = max(abs(centre - (_LARGEST + 1) * scale), abs(centre + _LARGEST * scale))
    return (padded or move).input(0), reach / _LARGEST


def _release(version: str) -> str:
    """8.5 is 8502 in TensorRT's own words (NV_TENSORRT_VERSION), 10.3 is 100300; the patch is unknown, and 0."""
    major, minor, patch = (*map(int, version.split(".")), 0, 0)[:3]
    return str(major * 1000 + minor * 100 + patch if major < 10 else major * 10000 + minor * 100 + patch)
