"""Every channel of a functional tf_keras model followed from its layer to all that read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from compressor.channel_pruning import rules
from compressor.channel_pruning.channels import Channels, Labels
from compressor.channel_pruning.rules import Call, Shape
from compressor.keras_graph import flat, nodes

if TYPE_CHECKING:
    import tf_keras


@dataclass(frozen=True, slots=True)
class Traced:
    """A layer with the labels of its inputs and outputs, the same in all its calls; of a model inside, its own ends."""

    layer: tf_keras.layers.Layer
    inputs: tuple[Labels, ...]
    outputs: tuple[Labels, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """All layers of a network, those of models inside it too, by identity and in the order they run in."""

    channels: Channels = field(default_factory=Channels)
    layers: dict[int, Traced] = field(default_factory=dict)

    def of(self, layer: Any) -> Traced:
        """What is known of a layer."""
        return self.layers[id(layer)]

    def makers(self) -> Iterator[tuple[Traced, rules.Rule]]:
        """Layers that make channels of their own, which may fall."""
        for traced in self.layers.values():
            rule = rules.of(traced.layer)
            if rule is not None and rule.scores is not None:
                yield traced, rule


def trace(model: tf_keras.Model) -> Flow:
    """Follow all channels; those of the model's inputs and outputs stay."""
    flow = Flow()
    widths = [shape[-1] or 0 if len(shape) > 1 else 0 for shape in map(_shape, model.inputs)]
    inputs = tuple(flow.channels.staying(width, "is an input of the model") for width in widths)
    for labels in _model(model, inputs, flow):
        flow.channels.stay(labels, "is an output of the model")
    return flow


def _model(model: tf_keras.Model, inputs: tuple[Labels, ...], flow: Flow) -> tuple[Labels, ...]:
    known: dict[int, Labels] = {id(tensor): labels for tensor, labels in zip(model.inputs, inputs, strict=True)}
    for node in nodes(model):
        if node.is_input:
            continue
        read = tuple(known[id(tensor)] for tensor in node.keras_inputs)
        made = _called(node, read, flow)
        known |= {id(tensor): labels for tensor, labels in zip(flat(node.outputs), made, strict=True)}
    return tuple(known[id(tensor)] for tensor in model.outputs)


def _called(node: Any, read: tuple[Labels, ...], flow: Flow) -> tuple[Labels, ...]:
    """Labels of what one call makes; a layer that is called again has the same channels again."""
    before = flow.layers.get(id(node.layer))
    inside = hasattr(node.layer, "_nodes_by_depth")
    made = _model(node.layer, read, flow) if inside and before is None else None
    if before is not None and (inside or _makes_its_own(node.layer)):
        _unite(flow.channels, before.inputs, read)
        return before.outputs
    if made is None:
        made = _followed(node, read, flow.channels)
    if before is None:
        flow.layers[id(node.layer)] = Traced(node.layer, read, made)
    else:
        # Weights of a layer that hands channels on belong to the same channels in every call.
        _unite(flow.channels, before.inputs, read)
    return made


def _makes_its_own(layer: Any) -> bool:
    rule = rules.of(layer)
    return rule is not None and rule.scores is not None


def _unite(channels: Channels, one: tuple[Labels, ...], other: tuple[Labels, ...]) -> None:
    for mine, theirs in zip(one, other, strict=True):
        if len(mine) == len(theirs):
            channels.unite(mine, theirs)


def _followed(node: Any, read: tuple[Labels, ...], channels: Channels) -> tuple[Labels, ...]:
    import tensorflow as tf

    shapes = tuple(_shape(tensor) for tensor in flat(node.outputs))
    arguments = tuple(tf.nest.flatten((node.call_args, node.call_kwargs)))
    call = Call(node.layer, read, tuple(map(_shape, node.keras_inputs)), shapes, arguments)
    rule = rules.of(node.layer)
    found = rule.follow(call, channels) if rule is not None else "is of a kind whose channels are not followed"
    widths = [shape[-1] if len(shape) > 1 else None for shape in shapes]
    if not isinstance(found, str) and [len(each) for each in found] == widths:
        return tuple(found)
    reason = f"{call.title} {found if isinstance(found, str) else 'answers in a shape that is not known'}"
    for labels in read:
        channels.stay(labels, reason)
    return tuple(channels.staying(width or 0, reason) for width in widths)


def _shape(tensor: Any) -> Shape:
    return tuple(tensor.shape)
