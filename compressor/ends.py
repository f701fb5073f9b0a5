"""Inputs and outputs of a file as the device stores them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compressor.feeding import whole
from compressor.tflite_edit.graph import Graph
from compressor.tflite_view.session import quantized
from compressor.values import Array, TensorSpec


@dataclass(frozen=True, slots=True)
class End:
    """One input or output of a file; scale 0 when its numbers stand for themselves."""

    spec: TensorSpec
    scale: float = 0.0
    zero_point: int = 0

    def stored(self, values: Array) -> Array:
        """Real numbers as the file holds them.

        Raises:
            BadInput: fractions where the file takes whole numbers.
        """
        if not self.scale:
            return whole(values, self.spec)
        return quantized(values, self.spec.dtype, self.scale, self.zero_point)


def of_tflite(content: bytes, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> tuple[Ends, Ends]:
    """The ends of a `.tflite` file, in its order, named as the specs name them."""
    graph = Graph(content)
    return of_graph(graph, graph.inputs, inputs), of_graph(graph, graph.outputs, outputs)


def plain(specs: Sequence[TensorSpec]) -> Ends:
    """The ends of a file that takes and gives real numbers."""
    return tuple(End(spec) for spec in specs)


def of_graph(graph: Graph, tensors: Sequence[int], specs: Sequence[TensorSpec]) -> Ends:
    """Some tensors of a `.tflite` file, such as its outputs, named as the specs name them."""
    found = []
    for index, spec in zip(tensors, specs, strict=True):
        known = graph.tensor(index).quantization if graph.quantized(index) else None
        scale, zero = (float(known.scale[0]), int(known.zeroPoint[0])) if known is not None else (0.0, 0)
        found.append(End(spec, scale, zero))
    return tuple(found)


Ends = tuple[End, ...]
