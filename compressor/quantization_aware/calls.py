"""A functional model as one list of calls: models inside it are written out, tensors know who reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from compressor.keras_graph import flat, nodes

if TYPE_CHECKING:
    import tf_keras


@dataclass(eq=False, slots=True)
class Value:
    """A tensor between calls.

    Attributes:
        like: the symbolic tensor that it was in the model.
        maker: the call that makes it; None for an input of the model.
        leaves: whether it is an output of the model.
    """

    like: Any
    maker: Call | None = None
    readers: list[Call] = field(default_factory=list)
    leaves: bool = False


@dataclass(eq=False, slots=True)
class Call:
    """One call of a layer.

    Attributes:
        outer: names of the models around it, from the outside in.
        training: what a model around it was called with; None where nothing was said.
    """

    layer: Any
    node: Any
    reads: tuple[Value, ...]
    makes: tuple[Value, ...]
    outer: tuple[str, ...] = ()
    training: bool | None = None

    @property
    def path(self) -> str:
        """The layer's name behind those of the models around it."""
        return "/".join((*self.outer, self.layer.name))

    @property
    def outermost(self) -> str:
        """Name of the layer of the whole model that this call belongs to."""
        return self.outer[0] if self.outer else str(self.layer.name)

    def arguments(self, tensors: dict[int, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What the layer is called with, given the tensors of its values by the values' identity."""
        given: dict[str, list[Any]] = {}
        for old, value in zip(self.node.keras_inputs, self.reads, strict=True):
            given.setdefault(str(id(old)), []).append(tensors[id(value)])
        arguments, keywords = self.node.map_arguments(given)
        return tuple(arguments), dict(keywords)


@dataclass(frozen=True, slots=True)
class Flat:
    """All calls in the order they run in, with the ends of the model."""

    calls: tuple[Call, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]


def flattened(model: tf_keras.Model) -> Flat:
    """List the calls of a functional model."""
    calls: list[Call] = []
    inputs = tuple(Value(tensor) for tensor in model.inputs)
    outputs = _written_out(model, inputs, (), None, calls)
    for value in outputs:
        value.leaves = True
    return Flat(tuple(calls), inputs, outputs)


def _written_out(
    model: tf_keras.Model,
    inputs: tuple[Value, ...],
    outer: tuple[str, ...],
    training: bool | None,
    calls: list[Call],
) -> tuple[Value, ...]:
    known = {id(tensor): value for tensor, value in zip(model.inputs, inputs, strict=True)}
    for node in nodes(model):
        if node.is_input:
            continue
        reads = tuple(known[id(tensor)] for tensor in node.keras_inputs)
        said = node.call_kwargs.get("training")
        inner = training if said is None else bool(said)
        made = flat(node.outputs)
        if hasattr(node.layer, "_nodes_by_depth"):
            makes = _written_out(node.layer, reads, (*outer, node.layer.name), inner, calls)
        else:
            makes = tuple(Value(tensor) for tensor in made)
            calls.append(Call(node.layer, node, reads, makes, outer, inner))
            _connect(calls[-1])
        known |= {id(tensor): value for tensor, value in zip(made, makes, strict=True)}
    return tuple(known[id(tensor)] for tensor in model.outputs)


def _connect(call: Call) -> None:
    for value in call.makes:
        value.maker = call
    for value in call.reads:
        value.readers.append(call)


def layers(found: Flat) -> Iterator[tuple[str, Any]]:
    """Every layer once, by the path of its first call."""
    first: dict[int, Call] = {}
    for call in found.calls:
        first.setdefault(id(call.layer), call)
    yield from ((call.path, call.layer) for call in first.values())
