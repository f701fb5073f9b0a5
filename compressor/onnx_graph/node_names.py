"""Names of ONNX graphs: the numbers of tf2onnx counted anew, and nodes that other exporters leave unnamed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from compressor.onnx_graph.walk import graphs

if TYPE_CHECKING:
    import onnx

# `name__7`, `name__7:0`: the number comes from a counter of the process.
_NUMBERED = re.compile(r"__(\d+)(?=$|:|/)")


def renumber(model: onnx.ModelProto, kept: frozenset[str]) -> None:
    """Count the numbers in names from 1 in the order they first appear; names that differed still do.

    Args:
        kept: names that stay, those of inputs and outputs.
    """
    numbers: dict[str, int] = {}

    def counted(match: re.Match[str]) -> str:
        return f"__{numbers.setdefault(match[1], len(numbers) + 1)}"

    def renamed(name: str) -> str:
        return name if name in kept else _NUMBERED.sub(counted, name)

    for graph in graphs(model):
        _rename(graph, renamed)


def name_nodes(model: onnx.ModelProto) -> None:
    """Give every node a name of its own, after its operator and output, where it has none or that of another.

    onnxruntime's quantizer is told by name what stays float: one name for several nodes means all of them.
    """
    named = [node for graph in graphs(model) for node in graph.node]
    taken: set[str] = {node.name for node in named}
    seen: set[str] = {""}
    for node in named:
        if node.name in seen:
            name = wanted = f"{node.op_type}_{next(iter(node.output), '')}"
            count = 1
            while name in taken:
                count += 1
                name = f"{wanted}_{count}"
            node.name = name
            taken.add(name)
        seen.add(node.name)


def _rename(graph: Any, renamed: Any) -> None:
    for node in graph.node:
        node.name = renamed(node.name)
        for names in (node.input, node.output):
            names[:] = [renamed(name) for name in names]
    for constant in graph.initializer:
        constant.name = renamed(constant.name)
    for value in (*graph.value_info, *graph.input, *graph.output):
        value.name = renamed(value.name)
        for size in value.type.tensor_type.shape.dim:
            if size.dim_param:
                size.dim_param = renamed(size.dim_param)
