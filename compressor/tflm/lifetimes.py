"""When TFLM needs which memory: the lifetimes of tensors and of the kernels' scratch buffers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compressor.errors import BadInput
from compressor.tflite_edit.graph import Graph, all_graphs
from compressor.tflm import scratch
from compressor.tflm.planner import Buffer

# Operators that run other subgraphs, and where their options name them.
_INNER = {
    "IF": ("thenSubgraphIndex", "elseSubgraphIndex"),
    "WHILE": ("condSubgraphIndex", "bodySubgraphIndex"),
    "CALL_ONCE": ("initSubgraphIndex",),
}
_NEVER = (-1, -1)


def tensor_bytes(graph: Graph, index: int) -> int:
    """Bytes of a tensor's numbers.

    Raises:
        BadInput: numbers of a type that TFLM's arena does not hold (text, 4 bits, 64-bit floats).
    """
    try:
        item = np.dtype(graph.dtype(index)).itemsize
    except TypeError:
        name = graph.tensor(index).name.decode(errors="replace")
        raise BadInput(f"the tensor {name} is of {graph.dtype(index)}, which TFLM has no memory for") from None
    return math.prod(graph.shape(index)) * item


def offline_plan(graph: Graph) -> dict[int, int]:
    """Tensor → place in the arena, of those that whoever made the file (Vela does) has planned; else nothing.

    The metadata `OfflineMemoryAllocation` holds 32-bit numbers: version, graph, how many, then a place each, -1 for
    none.

    Source: tensorflow/lite/micro/docs/memory_management.md and micro_allocation_info.cc.
    """
    stored = graph.metadata("OfflineMemoryAllocation")
    numbers = np.frombuffer(stored[: len(stored) // 4 * 4], "<i4")
    if len(numbers) < 3 or numbers[2] != len(graph.tensors):
        return {}
    return {index: int(place) for index, place in enumerate(numbers[3 : 3 + numbers[2]]) if place >= 0}


def buffers(content: bytes) -> tuple[Buffer, ...]:
    """Everything that the planner places, in the order in which TFLM adds it: tensors by number, then scratch buffers.

    Time starts at 0 with the inputs, and each operator is one later. Outputs stay to the end. Constants are in flash
    and variables in the tail, so neither is here.

    Source: tensorflow/lite/micro/micro_allocation_info.cc.

    Raises:
        BadInput: tensors of a type that TFLM does not hold.
    """
    graphs = all_graphs(content)
    times = _Times(graphs)
    times.mark(0)
    planned = offline_plan(graphs[0])
    tensors = [
        Buffer(
            graph.tensor(index).name.decode(errors="replace"),
            size,
            *times.of[number].get(index, _NEVER),
            place=planned.get(index) if number == 0 else None,
        )
        for number, graph in enumerate(graphs)
        for index, tensor in enumerate(graph.tensors)
        if not graph.stored(index) and not tensor.isVariable and (size := tensor_bytes(graph, index))
    ]
    return (*tensors, *times.scratch)


@dataclass(slots=True)
class _Times:
    """Walks the graphs as they run.

    Attributes:
        of: of each graph, tensor → first and last time.
    """

    graphs: tuple[Graph, ...]
    now: int = 0
    of: list[dict[int, tuple[int, int]]] = field(default_factory=list)
    scratch: list[Buffer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.of = [{} for _ in self.graphs]

    def mark(self, number: int) -> None:
        """Note the times of one graph, and of those that it runs."""
        graph, times = self.graphs[number], self.of[number]
        for index in (*graph.inputs, *graph.outputs):
            times[index] = (self.now, self.now)
        for operator in graph.operators:
            self.now += 1
            begun = self.now
            for index in operator.outputs:
                times[int(index)] = (begun, begun)
            for inner in _inner(graph, operator):
                self.now += 1
                self.mark(inner)
            for index in (int(each) for each in (*operator.inputs, *operator.outputs)):
                # Optional inputs that are left out have the number -1.
                if index >= 0:
                    times[index] = (times.get(index, _NEVER)[0], self.now)
            name = graph.code_name(operator)
            self.scratch += [
                Buffer(f"scratch of {name}", size, begun, self.now) for size in scratch.sizes(graph, operator)
            ]
        for index in graph.outputs:
            times[index] = (times[index][0], self.now)


def _inner(graph: Graph, operator: Any) -> list[int]:
    options = operator.builtinOptions
    return [int(getattr(options, each)) for each in _INNER.get(graph.code_name(operator), ())]
