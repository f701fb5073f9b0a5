"""The files beside an ONNX file that hold its weights, found without the `onnx` package.

Source of the field numbers: onnx/onnx.proto, messages ModelProto, GraphProto, NodeProto, AttributeProto.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path, PurePosixPath

from compressor.errors import BadInput
from compressor.onnx_view.tensors import external_place
from compressor.protobuf import Damaged, Message

_DEEPEST = 32


def locations(path: Path) -> tuple[PurePosixPath, ...]:
    """Paths of external data relative to the folder of the file, each once, in the order of the file.

    Raises:
        BadInput: no ONNX file, or one whose external data are not there or lie outside of its folder.
    """
    try:
        model = Message(memoryview(path.read_bytes()))
        functions = list(model.messages(25))
        tensors = chain(
            _of_graph(model.message(7), 0),
            *(_of_nodes(each.messages(7), 0) for each in functions),
            *(_of_attributes(each.messages(11), 0) for each in functions),
        )
        found = (external_place(each, path.parent) for each in tensors)
        return tuple(dict.fromkeys(place for place in found if place is not None))
    except (ValueError, OSError) as error:
        told = " ".join(str(error).split())[:120]
        expected = "an .onnx file as a converter wrote it"
        raise BadInput(f"{path} is no ONNX model that can be read", expected=expected, received=told) from None


def _of_graph(graph: Message, depth: int) -> Iterator[Message]:
    if depth > _DEEPEST:
        raise Damaged("graphs inside graphs without an end")
    yield from graph.messages(5)
    yield from chain.from_iterable(map(_of_sparse, graph.messages(15)))
    yield from _of_nodes(graph.messages(1), depth)


def _of_nodes(nodes: Iterator[Message], depth: int) -> Iterator[Message]:
    for node in nodes:
        yield from _of_attributes(node.messages(5), depth)


def _of_attributes(attributes: Iterator[Message], depth: int) -> Iterator[Message]:
    for attribute in attributes:
        yield from chain(attribute.messages(5), attribute.messages(10))
        yield from chain.from_iterable(map(_of_sparse, chain(attribute.messages(22), attribute.messages(23))))
        for graph in chain(attribute.messages(6), attribute.messages(11)):
            yield from _of_graph(graph, depth + 1)


def _of_sparse(tensor: Message) -> Iterator[Message]:
    return chain(tensor.messages(1), tensor.messages(2))
