"""Devices without an accelerator: every operator runs on the processor, by the runtime that reads the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from compressor import onnx_view, tflite_view
from compressor.errors import BadInput
from compressor.ncnn_model import container
from compressor.ncnn_model import listing as ncnn_listing
from compressor.ncnn_model.container import NcnnModel
from compressor.ncnn_model.param import Layer, parse
from compressor.onnx_view import listing as onnx_listing
from compressor.placement import Placement
from compressor.placing import Decision, Listed, Placing
from compressor.target import Target
from compressor.tflite_view import Operator, View
from compressor.tflite_view import listing as tflite_listing

_READERS: dict[str, Callable[[Path], Any]] = {
    ".tflite": tflite_view.read,
    ".onnx": onnx_view.read,
    ".ncnn": container.read,
}
# What a target's routes write, and which of its files is inspected: an ORT file is read as what it was made of.
_SUFFIXES = {"tflite": ".tflite", "onnx": ".onnx", "ncnn": ".ncnn", "ort": ".onnx"}
# Fact of a target that also runs files which none of its routes writes.
_BESIDES = "also_reads"
# Source: tensorflow/lite/core/kernels/register.cc, what its resolver adds of custom operators.
_CUSTOM = frozenset(("AudioSpectrogram", "Mfcc", "NumericVerify", "TFLite_Detection_PostProcess"))
# Of layers of convolution and matrix product, the parameter that says how many int8 scales there are.
_INT8_KEYS = {"Convolution": 8, "ConvolutionDepthWise": 8, "InnerProduct": 8}


def read(path: Path) -> Any:
    """The view of a `.tflite`, `.onnx` or `.ncnn` file.

    Raises:
        BadInput: it is none of them.
    """
    if path.suffix == ".ort":
        raise BadInput(
            f"{path.name} cannot be inspected: it is made of an .onnx file, with the same operators",
            expected=f"a file ending in {', '.join(_READERS)}",
            received=path.suffix,
            fix=f"inspect that .onnx file, in a run folder artifacts/onnx/{path.stem}.onnx",
        )
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
    """There is no accelerator: an operator runs on the processor, or not at all.

    Raises:
        BadInput: the target runs no files of this kind.
    """
    _check_kind(view, target)
    if isinstance(view, NcnnModel):
        return Placing(tuple(map(_of_ncnn, parse(view.param))))
    if isinstance(view, View):
        return Placing(tuple(map(_of_litert, view.operators)))
    return Placing(tuple(Decision("cpu", "ONNX Runtime runs it on the CPU") for _ in view.nodes))


def _check_kind(view: Any, target: Target) -> None:
    kind = ".ncnn" if isinstance(view, NcnnModel) else ".tflite" if isinstance(view, View) else ".onnx"
    besides = target.facts.get(_BESIDES)
    written = (_SUFFIXES.get(route.format, f".{route.format}") for route in target.routes)
    taken = (*written, *([] if besides is None else str(besides.value).split()))
    if kind not in taken:
        raise BadInput(
            f"{target.name} runs no {kind} files",
            expected=f"a file ending in {', '.join(dict.fromkeys(taken))}",
            received=kind,
        )


def _of_litert(operator: Operator) -> Decision:
    # A number that the schema does not know is an operator without a name.
    if operator.op in _CUSTOM if operator.custom else operator.op.isupper():
        return Decision("cpu", "LiteRT runs it on the CPU, by XNNPACK where that has a kernel")
    return Decision("unsupported", "LiteRT has no kernel of its own for this operator", "replace the layer")


def _of_ncnn(layer: Layer) -> Decision:
    integers = layer.kind in _INT8_KEYS and layer.number(_INT8_KEYS[layer.kind]) > 0
    return Decision("cpu", f"NCNN runs it on the ARM cores{', in int8' if integers else ''}")


PLACEMENT = Placement(
    summary="a processor alone: everything that LiteRT, ONNX Runtime or NCNN run", place=place, read=read, listed=listed
)
