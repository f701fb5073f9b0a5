"""ONNX files as plain values, read without the `onnx` package; functions that the file defines are written out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compressor.errors import BadInput
from compressor.onnx_view.tensors import Constant, constant, type_name
from compressor.protobuf import Damaged, Message

_DEEPEST = 32
_MOST_NODES = 1_000_000
# AttributeProto.AttributeType: which field holds the value.
_FLOAT, _INT, _STRING, _TENSOR, _GRAPH, _FLOATS, _INTS, _STRINGS = range(1, 9)


@dataclass(frozen=True, slots=True)
class RawValue:
    """An input, output or inner tensor as the file states it; sizes that are not stated are None."""

    name: str
    type: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class Reference:
    """An attribute of a node inside a function that takes the value of the function's own."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class RawNode:
    """An operator as the file states it; attributes are numbers, strings, lists, `Constant` or `RawGraph`."""

    op: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class RawGraph:
    """A graph as the file states it."""

    nodes: tuple[RawNode, ...]
    constants: tuple[Constant, ...]
    inputs: tuple[RawValue, ...]
    outputs: tuple[RawValue, ...]
    values: tuple[RawValue, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Function:
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[RawNode, ...]
    defaults: Mapping[str, Any]


def read(path: Path) -> tuple[int, RawGraph]:
    """The opset and the main graph of an `.onnx` file.

    Raises:
        BadInput: no such file, no ONNX model, a damaged one, or one whose weights are not beside it.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from None
    try:
        model = Message(memoryview(content))
        if 7 not in model or 8 not in model:
            raise Damaged("no graph and no opset")
        graph = _graph(model.message(7), path.parent, 0)
        functions = dict(_function(each, path.parent) for each in model.messages(25))
        opsets = {each.text(1): each.number(2) for each in model.messages(8)}
        return opsets.get("", opsets.get("ai.onnx", 0)), replace(graph, nodes=_inlined(graph.nodes, functions))
    except (ValueError, ArithmeticError, MemoryError, OSError, RecursionError) as error:
        told = " ".join(str(error).split())[:120]
        expected = "an .onnx file as a converter wrote it"
        raise BadInput(f"{path} is no ONNX model that can be read", expected=expected, received=told) from None


def _graph(proto: Message, folder: Path, depth: int) -> RawGraph:
    if depth > _DEEPEST:
        raise Damaged("graphs inside graphs without an end")
    return RawGraph(
        tuple(_node(each, folder, depth) for each in proto.messages(1)),
        tuple(constant(each, folder) for each in proto.messages(5)),
        *(tuple(map(_value, proto.messages(field))) for field in (11, 12, 13)),
    )


def _node(proto: Message, folder: Path, depth: int) -> RawNode:
    attributes = {each.text(1): _attribute(each, folder, depth) for each in proto.messages(5)}
    ends = tuple(proto.texts(1)), tuple(proto.texts(2))
    return RawNode(proto.text(4), proto.text(7), proto.text(3), *ends, attributes)


def _attribute(proto: Message, folder: Path, depth: int) -> Any:
    if 21 in proto:
        return Reference(proto.text(21))
    kind = proto.number(20)
    if kind == _FLOAT:
        return float((*proto.floats(2), 0.0)[0])
    if kind == _TENSOR:
        return constant(proto.message(5), folder)
    if kind == _GRAPH:
        return _graph(proto.message(6), folder, depth + 1)
    if kind == _FLOATS:
        return [float(value) for value in proto.floats(7)]
    if kind == _INT:
        return proto.number(3)
    if kind == _STRING:
        return proto.text(4)
    return proto.numbers(8) if kind == _INTS else proto.texts(9) if kind == _STRINGS else None


def _value(proto: Message) -> RawValue:
    tensor = proto.message(2).message(1)
    sizes = [each.number(1) for each in tensor.message(2).messages(1)]
    shape = tuple(size if size > 0 else None for size in sizes) if 2 in tensor else None
    return RawValue(proto.text(1), type_name(tensor.number(1)), shape)


def _function(proto: Message, folder: Path) -> tuple[tuple[str, str], _Function]:
    nodes = tuple(_node(each, folder, 0) for each in proto.messages(7))
    defaults = {each.text(1): _attribute(each, folder, 0) for each in proto.messages(11)}
    made = _Function(tuple(proto.texts(4)), tuple(proto.texts(5)), nodes, defaults)
    return (proto.text(10), proto.text(1)), made


def _inlined(nodes: Sequence[RawNode], functions: Mapping[tuple[str, str], _Function]) -> tuple[RawNode, ...]:
    """The nodes, with those of functions in place of the nodes that call them."""
    if not functions:
        return tuple(nodes)
    found: list[RawNode] = []
    for node in _unfolded(nodes, functions, 0):
        found.append(node)
        if len(found) > _MOST_NODES:
            raise Damaged("functions that unfold without an end")
    return tuple(found)


def _unfolded(
    nodes: Sequence[RawNode], functions: Mapping[tuple[str, str], _Function], depth: int
) -> Iterator[RawNode]:
    if depth > _DEEPEST:
        raise Damaged("functions that call themselves")
    for place, node in enumerate(nodes):
        called = functions.get((node.domain, node.op))
        if called is None:
            bodies = {
                name: replace(value, nodes=tuple(_unfolded(value.nodes, functions, depth + 1)))
                for name, value in node.attributes.items()
                if isinstance(value, RawGraph)
            }
            yield replace(node, attributes={**node.attributes, **bodies})
        else:
            prefix = f"{node.name or node.op}_{depth}_{place}/"
            yield from _unfolded(tuple(_called(node, called, prefix)), functions, depth + 1)


def _called(call: RawNode, function: _Function, prefix: str) -> Iterator[RawNode]:
    """The nodes of a function as this call sees them."""
    given = {**function.defaults, **call.attributes}
    names = dict(zip(function.inputs, (*call.inputs, *("" for _ in function.inputs)), strict=False))
    names |= dict(zip(function.outputs, call.outputs, strict=False))

    def own(name: str) -> str:
        return names.get(name, prefix + name) if name else ""

    for node in function.nodes:
        attributes = {
            name: given.get(value.name) if isinstance(value, Reference) else value
            for name, value in node.attributes.items()
        }
        kept = {name: value for name, value in attributes.items() if value is not None}
        ends = tuple(map(own, node.inputs)), tuple(map(own, node.outputs))
        yield RawNode(node.op, node.domain, f"{prefix}{node.name}" if node.name else "", *ends, kept)
