"""How much a network's answers change when some of its channels are silent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.channel_pruning import rules
from compressor.channel_pruning.flow import Flow, Traced
from compressor.channel_pruning.rules import Kept
from compressor.channel_pruning.stand_in import StandIn
from compressor.keras_graph import flat
from compressor.values import Array

if TYPE_CHECKING:
    import tf_keras


def harms(model: tf_keras.Model, flow: Flow, silent: list[Array], inputs: Any) -> list[float]:
    """Mean squared change of the answers over their variance, for each list of sets that is silent at a time."""
    import tensorflow as tf

    answers = tf.function(lambda given: flat(model(given, training=False)), reduce_retracing=True)
    before = [each.numpy().astype(np.float64) for each in answers(inputs)]
    found = []
    for sets in silent:
        with silenced(flow, sets):
            after = [each.numpy() for each in answers(inputs)]
        found.append(sum(_change(*pair) for pair in zip(after, before, strict=True)))
    return found


@contextmanager
def silenced(flow: Flow, sets: Array) -> Iterator[None]:
    """Let channels be dead meanwhile: the weights that make them, and what normalizations add, are zero."""
    touched = [(each, mask) for each in flow.layers.values() if (mask := _mask(flow, each, sets)) is not None]
    kept = [each.layer.get_weights() for each, _ in touched]
    try:
        for (each, mask), weights in zip(touched, kept, strict=True):
            each.layer.set_weights(_zeroed(each, weights, mask))
        yield
    finally:
        for (each, _), weights in zip(touched, kept, strict=True):
            each.layer.set_weights(weights)


def _mask(flow: Flow, traced: Traced, sets: Array) -> Array | None:
    """Which channels of a layer are to be zero; None where it has no part in that."""
    normalizes = type(traced.layer).__name__ == "BatchNormalization"
    rule = rules.of(traced.layer)
    if not traced.outputs or rule is None or (rule.scores is None and not normalizes):
        return None
    mask = np.isin(flow.channels.sets(traced.outputs[0]), sets)
    return mask if mask.any() else None


def _zeroed(traced: Traced, weights: list[Array], mask: Array) -> list[Array]:
    """Gamma and beta of a normalization; of a layer that makes channels all that its rule would take away."""
    changed = [each.copy() for each in weights]
    if type(traced.layer).__name__ == "BatchNormalization":
        for each in changed[: int(traced.layer.scale) + int(traced.layer.center)]:
            each[mask] = 0
        return changed
    read = tuple(np.ones(len(labels), bool) for labels in traced.inputs)
    places = StandIn(traced.layer).left(Kept(read, (~mask,) * len(traced.outputs)))
    for each, left in zip(changed, places, strict=True):
        values = each.reshape(-1)[left].copy()
        each[...] = 0
        each.reshape(-1)[left] = values
    return changed


def _change(after: Array, before: Array) -> float:
    spread = float(before.var())
    change = float(np.square(after - before).mean())
    return change / spread if spread else change
