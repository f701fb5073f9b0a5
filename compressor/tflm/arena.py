"""How much memory TFLM's arena needs on a 32-bit core: the head exactly, the rest estimated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from compressor.tflite_edit.graph import Graph, all_graphs
from compressor.tflm import lifetimes, planner
from compressor.tflm.planner import Buffer, aligned
from compressor.tflm.scratch import UNCOUNTED

# sizeof on a 32-bit core: TfLiteEvalTensor; TfLiteNode and the pointer to its registration.
_TENSOR, _NODE = 12, 32
# AllocationInfo; BufferRequirements, ListEntry and three whole numbers of the planner. Both only while it plans.
_INFO, _PLANNED = 24, 40
# Fitted to two networks whose totals were measured on a Cortex-M4: allocators with inputs and outputs; what a kernel
# keeps of an operator; what an LSTM keeps beyond that.
_FIXED, _KERNEL, _LSTM = 300, 68, 680
# A multiplier and a shift per output channel, each a list of 32-bit numbers.
_PER_CHANNEL = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED")
_NUMBER = 4


@dataclass(frozen=True, slots=True)
class Arena:
    """Bytes of the arena, and where they come from.

    Attributes:
        head: what the plan takes: exact, with the reference kernels.
        lower_bound: of the head; what is alive at once when most is.
        tail: what stays while the model lives: variables exactly, kernels estimated.
        planning: what the planner needs in the head's place while it plans, estimated.
        uncounted: operators that ask for scratch memory which the head does not count.
    """

    head: int
    lower_bound: int
    tail: int
    planning: int
    uncounted: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """Estimated bytes of the whole arena, a multiple of 16."""
        return aligned(max(self.head, self.planning) + self.tail)

    def __str__(self) -> str:
        besides = f", without scratch memory of {', '.join(self.uncounted)}" if self.uncounted else ""
        return (
            f"arena {self.total} bytes: head {self.head} as TFLM plans it (no plan does with less than "
            f"{self.lower_bound}), tail {self.tail} estimated, with the reference kernels{besides}"
        )


def arena(content: bytes) -> Arena:
    """The arena of a `.tflite` file.

    Raises:
        BadInput: tensors of a type that TFLM has no memory for.
    """
    graphs, buffers = all_graphs(content), lifetimes.buffers(content)
    named = {graph.code_name(each) for graph in graphs for each in graph.operators}
    head = planner.head(buffers)
    return Arena(
        head=head,
        # What a compiler planned may share memory on purpose.
        lower_bound=min(head, planner.largest_live(buffers)),
        tail=_FIXED + sum(map(_tail, graphs)),
        planning=_planning(graphs, buffers),
        uncounted=tuple(name for name in UNCOUNTED if name in named),
    )


def _tail(graph: Graph) -> int:
    variables = sum(
        aligned(lifetimes.tensor_bytes(graph, index)) for index, each in enumerate(graph.tensors) if each.isVariable
    )
    kernels = sum(_NODE + _KERNEL + _kernel_data(graph, each) for each in graph.operators)
    return _TENSOR * len(graph.tensors) + variables + kernels


def _kernel_data(graph: Graph, operator: Any) -> int:
    name = graph.code_name(operator)
    if name == "UNIDIRECTIONAL_SEQUENCE_LSTM":
        return _LSTM
    if name not in _PER_CHANNEL:
        return 0
    weights = graph.tensor(int(operator.inputs[1])).quantization
    channels = 0 if weights is None or weights.scale is None else len(weights.scale)
    return 2 * aligned(_NUMBER * channels) if channels > 1 else 0


def _planning(graphs: Sequence[Graph], buffers: Sequence[Buffer]) -> int:
    tensors = sum(len(graph.tensors) for graph in graphs)
    scratch = sum(each.name.startswith("scratch of ") for each in buffers)
    return _INFO * (tensors + scratch) + _PLANNED * len(buffers)
