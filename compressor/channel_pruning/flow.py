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

NOT_FOLLOWED = "is of a kind whose channels are not followed"


@dataclass(frozen=True, slots=True)
class Traced:
    """A layer with the labels of its inputs and outputs, the same in all its calls; of a model inside, its own ends.

    Attributes:
        path: `backbone/conv` of a layer in a model inside the model, where names may be those of other layers.
    """

    path: str
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

    def not_followed(self) -> Iterator[Traced]:
        """Layers with a kernel, so that a reader may look for them among the smaller ones, and without a rule."""
        for traced in self.layers.values():
            layer = traced.layer
            if rules.of(layer) is None and not _is_model(layer) and any(len(each.shape) > 1 for each in layer.weights):
                yield traced


def trace(model: tf_keras.Model) -> Flow:
    """Follow all channels; those of the model's inputs and outputs stay."""
    flow = Flow()
    widths = [shape[-1] or 0 if len(shape) > 1 else 0 for shape in map(_shape, model.inputs)]
    inputs = tuple(flow.channels.staying(width, "is an input of the model") for width in widths)
    for labels in _model(model, inputs, flow):
        flow.channels.stay(labels, "is an output of the model")
    for traced in flow.layers.values():
        if reason := rules.across(traced.layer):
            for labels in traced.outputs:
                flow.channels.stay(labels, f"{rules.title(traced.layer)} {reason}")
    return flow


def _model(model: tf_keras.Model, inputs: tuple[Labels, ...], flow: Flow, inside: str = "") -> tuple[Labels, ...]:
    known: dict[int, Labels] = {id(tensor): labels for tensor, labels in zip(model.inputs, inputs, strict=True)}
    for node in nodes(model):
        if node.is_input:
            continue
        read = tuple(known[id(tensor)] for tensor in node.keras_inputs)
        made = _called(node, read, flow, inside)
        known |= {id(tensor): labels for tensor, labels in zip(flat(node.outputs), made, strict=True)}
    return tuple(known[id(tensor)] for tensor in model.outputs)


def _called(node: Any, read: tuple[Labels, ...], flow: Flow, inside: str) -> tuple[Labels, ...]:
    """Labels of what one call makes."""
    layer, before = node.layer, flow.layers.get(id(node.layer))
    if before is not None:
        return _called_again(node, read, flow, before)
    path = f"{inside}{layer.name}"
    made = _model(layer, read, flow, f"{path}/") if _is_model(layer) else _followed(node, read, flow.channels)
    flow.layers[id(layer)] = Traced(path, layer, read, made)
    return made


def _called_again(node: Any, read: tuple[Labels, ...], flow: Flow, before: Traced) -> tuple[Labels, ...]:
    """Labels of what a later call makes: weights and settings belong to the same channels in every call."""
    layer, channels = node.layer, flow.channels
    rule = rules.of(layer)
    if _is_model(layer) or (rule is not None and rule.scores is not None):
        made = before.outputs
    else:
        made = _followed(node, read, channels)
        if rule is None or not (layer.weights or rule.resized):
            return made
    if len(read) == len(before.inputs):
        _unite(channels, (*before.inputs, *before.outputs), (*read, *made))
    else:
        for labels in (*before.inputs, *before.outputs, *read, *made):
            channels.stay(labels, f"{rules.title(layer)} is called with different numbers of tensors")
    return made


def _is_model(layer: Any) -> bool:
    return hasattr(layer, "_nodes_by_depth")


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
    found = rule.follow(call, channels) if rule is not None else NOT_FOLLOWED
    widths = [shape[-1] if len(shape) > 1 else None for shape in shapes]
    if not isinstance(found, str) and [len(each) for each in found] == widths:
        return tuple(found)
    reason = f"{call.title} {found if isinstance(found, str) else 'answers in a shape that is not known'}"
    for labels in read:
        channels.stay(labels, reason)
    return tuple(channels.staying(width or 0, reason) for width in widths)


def _shape(tensor: Any) -> Shape:
    return tuple(tensor.shape)
