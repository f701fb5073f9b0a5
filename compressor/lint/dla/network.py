"""D1, D2, D8 and D9: number formats, sizes, quantizers and the TensorRT that there must be, for the whole network."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from compressor.lint import Finding
from compressor.onnx_view import Graph

_LAST_OLD, _FIRST_NEW = (10, 7), (11, 4, 1)
_FIRST_WITH_QDQ = 11
_PRECISIONS = ("float16", "int8")


@dataclass(frozen=True, slots=True)
class Accelerator:
    """The DLA of a board.

    Attributes:
        version: 1 of Xavier, 2 of Orin.
        trt: TensorRT's version, as numbers.
        precision: what the engine is built for.
        gpu_fallback: layers that it does not take go to the GPU.
        shapes: fixed sizes for inputs that are free in the file, by name.
    """

    version: int = 2
    trt: tuple[int, ...] = (10, 3)
    precision: str = "int8"
    gpu_fallback: bool = True
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def findings(graph: Graph, accelerator: Accelerator) -> Iterator[Finding]:
    """Broken rules of the whole network."""
    if accelerator.precision not in _PRECISIONS:
        told = f"the DLA computes in {' or '.join(_PRECISIONS)}; received {accelerator.precision}; use such a recipe"
        yield Finding("D1", "error", "precision", told)
    for tensor in graph.inputs:
        if tensor.name not in accelerator.shapes and (tensor.shape is None or None in tensor.shape):
            told = "the DLA takes constant sizes; expected minimum, optimum and maximum to be the same; fix the batch"
            yield Finding("D2", "error", tensor.name, told)
    if accelerator.trt[0] < _FIRST_WITH_QDQ and any(graph.quantizers()):
        told = (
            "the DLA of TensorRT 8 to 10 takes scales from a calibration cache, and Q/DQ pairs only in places; "
            "build from the float file with calibration.cache"
        )
        yield Finding("D8", "warn", "network", told)
    if not (accelerator.trt <= (*_LAST_OLD, 99) or accelerator.trt >= _FIRST_NEW):
        received = ".".join(map(str, accelerator.trt))
        told = f"this TensorRT has no DLA; expected 10.7 or earlier, or 11.4.1 or later, received {received}"
        yield Finding("D9", "error", "network", told)
