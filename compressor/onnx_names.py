"""Names that tf2onnx numbers: the same model gives the same names, whatever was converted before it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from compressor.onnx_walk import graphs

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
