"""The smaller model: every layer made again with the channels that are kept, called as before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.channel_pruning import rules
from compressor.channel_pruning.channels import Labels
from compressor.channel_pruning.flow import Flow, flat, nodes
from compressor.channel_pruning.rules import Kept, Mask

if TYPE_CHECKING:
    import tf_keras


def without(model: tf_keras.Model, flow: Flow, fallen: set[int]) -> tf_keras.Model:
    """The model without some of its channels; the rest of its weights are the same numbers.

    Args:
        fallen: sets of channels, as `Channels.sets` names them.
    """
    return _Surgeon(flow, fallen).model(model, None)


class _Surgeon:
    """Remembers what has been made, so that a layer that is shared stays shared."""

    def __init__(self, flow: Flow, fallen: set[int]) -> None:
        self._flow = flow
        self._fallen = np.array(sorted(fallen), np.int64)
        self._made: dict[int, Any] = {}

    def model(self, model: tf_keras.Model, inputs: tuple[Labels, ...] | None) -> tf_keras.Model:
        """A model, or one inside another, whose inputs may have fewer channels too."""
        import tf_keras

        given = [self._input(tensor, None if inputs is None else inputs[at]) for at, tensor in enumerate(model.inputs)]
        tensors: dict[str, list[Any]] = {}
        _remember(tensors, model, model.inputs, given)
        for node in nodes(model):
            if node.is_input:
                continue
            arguments, keywords = node.map_arguments(tensors)
            _remember(tensors, model, flat(node.outputs), flat(self._layer(node.layer)(*arguments, **keywords)))
        outputs = [tensors[str(id(tensor))].pop() for tensor in model.outputs]
        return tf_keras.Model(_as_one(given, model.input), _as_one(outputs, model.output), name=model.name)

    def _input(self, tensor: Any, labels: Labels | None) -> Any:
        import tf_keras

        shape = list(tensor.shape)
        if labels is not None and len(labels):
            shape[-1] = int(self._kept(labels).sum())
        return tf_keras.Input(batch_shape=tuple(shape), dtype=tensor.dtype, name=tensor.node.layer.name)

    def _layer(self, layer: Any) -> Any:
        if id(layer) not in self._made:
            traced = self._flow.of(layer)
            if hasattr(layer, "_nodes_by_depth"):
                self._made[id(layer)] = self.model(layer, traced.inputs)
            else:
                kept = Kept(tuple(map(self._kept, traced.inputs)), tuple(map(self._kept, traced.outputs)))
                self._made[id(layer)] = _Smaller(layer, kept)
        return self._made[id(layer)]

    def _kept(self, labels: Labels) -> Mask:
        return ~np.isin(self._flow.channels.sets(labels), self._fallen)


class _Smaller:
    """A layer made again; it gets its weights once it is built, which is when it is called."""

    def __init__(self, layer: Any, kept: Kept) -> None:
        rule = rules.of(layer)
        config = layer.get_config()
        # Of the first layer of a Sequential model; where it stands now, what it is called with says its shape.
        config.pop("batch_input_shape", None)
        self._weights = layer.get_weights()
        # What a rule does not understand stays whole.
        if rule is not None and not kept.everything:
            config |= rule.settings(layer, kept)
            self._weights = rule.weights(layer, kept)
        self._layer = type(layer).from_config(config)
        self._built = False

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        answer = self._layer(*arguments, **keywords)
        if not self._built:
            self._layer.set_weights(self._weights)
            self._built = True
        return answer


def _remember(tensors: dict[str, list[Any]], model: tf_keras.Model, old: list[Any], new: list[Any]) -> None:
    """As Keras does when it runs a graph: each tensor as often as it is read."""
    for before, now in zip(old, new, strict=True):
        tensors[str(id(before))] = [now] * max(1, model._tensor_usage_count[str(id(before))])


def _as_one(tensors: list[Any], like: Any) -> Any:
    return tensors if isinstance(like, list | tuple) else tensors[0]
