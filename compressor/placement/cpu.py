"""Devices without an accelerator: every operator runs on the processor, by the runtime that reads the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from compressor import ncnn_listing, onnx_listing, onnx_view, tflite_listing, tflite_view
from compressor.errors import BadInput
from compressor.ncnn_model import container
from compressor.ncnn_model.container import NcnnModel
from compressor.ncnn_model.param import Layer, parse
from compressor.placement import Placement
from compressor.placing import Decision, Listed, Placing
from compressor.target import Target
from compressor.tflite_view import View

_READERS: dict[str, Callable[[Path], Any]] = {
    ".tflite": tflite_view.read,
    ".onnx": onnx_view.read,
    ".ncnn": container.read,
}
# Of layers of convolution and matrix product, the parameter that says how many int8 scales there are.
_INT8_KEYS = {"Convolution": 8, "ConvolutionDepthWise": 8, "InnerProduct": 8}


def read(path: Path) -> Any:
    """The view of a `.tflite`, `.onnx` or `.ncnn` file.

    Raises:
        BadInput: it is none of them.
    """
    if path.suffix not in _READERS:
        raise BadInput(
            f"{path.name} cannot be inspected", expected=f"a file ending in {', '.join(_READERS)}", received=path.suffix
        )
    return _READERS[path.suffix](path)


def listed(view: Any) -> tuple[Listed, ...]:
    """Every operator in the order of the file."""
    if isinstance(view, NcnnModel):
        return ncnn_listing.listed(view)
    return tflite_listing.listed(view) if isinstance(view, View) else onnx_listing.listed(view)


def place(view: Any, target: Target) -> Placing:
    """There is no accelerator: an operator runs on the processor, or not at all."""
    if isinstance(view, NcnnModel):
        return Placing(tuple(map(_of_ncnn, parse(view.param))))
    if isinstance(view, View):
        return Placing(tuple(_of_litert(each.op) for each in view.operators))
    return Placing(tuple(Decision("cpu", "ONNX Runtime runs it on the CPU") for _ in view.nodes))


def _of_litert(op: str) -> Decision:
    if op.isupper():
        return Decision("cpu", "LiteRT runs it on the CPU, by XNNPACK where that has a kernel")
    return Decision("unsupported", "LiteRT has no kernel of its own for this custom operator", "replace the layer")


def _of_ncnn(layer: Layer) -> Decision:
    integers = layer.kind in _INT8_KEYS and layer.number(_INT8_KEYS[layer.kind]) > 0
    return Decision("cpu", f"NCNN runs it on the ARM cores{', in int8' if integers else ''}")


PLACEMENT = Placement(
    summary="a processor alone: everything that LiteRT, ONNX Runtime or NCNN run", place=place, read=read, listed=listed
)
