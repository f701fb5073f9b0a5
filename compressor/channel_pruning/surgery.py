"""The smaller model: every layer made again with the channels that are kept, called as before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.channel_pruning import rules
from compressor.channel_pruning.channels import Labels
from compressor.channel_pruning.flow import Flow
from compressor.channel_pruning.rules import Kept, Mask
from compressor.keras_graph import MadeAgain, replayed

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
        given = [self._input(tensor, None if inputs is None else inputs[at]) for at, tensor in enumerate(model.inputs)]
        return replayed(model, given, self._layer)

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
                self._made[id(layer)] = _smaller(layer, kept)
        return self._made[id(layer)]

    def _kept(self, labels: Labels) -> Mask:
        return ~np.isin(self._flow.channels.sets(labels), self._fallen)


def _smaller(layer: Any, kept: Kept) -> MadeAgain:
    rule = rules.of(layer)
    # What a rule does not understand stays whole.
    if rule is None or kept.everything:
        return MadeAgain(layer)
    return MadeAgain(layer, rule.settings(layer, kept), rule.weights(layer, kept))
