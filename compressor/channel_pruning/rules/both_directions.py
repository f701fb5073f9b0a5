"""Bidirectional: two recurrent layers whose units stand side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from compressor.channel_pruning.channels import Channels, Labels
from compressor.channel_pruning.rules import Call, Kept, Mask, Rule
from compressor.channel_pruning.rules.recurrent import smaller
from compressor.values import Array

_INNER = ("LSTM", "GRU", "SimpleRNN")


def follow(call: Call, channels: Channels) -> list[Labels] | str:
    """New channels, those of the forward layer first; both keep the same number of units."""
    layer = call.layer
    if type(layer.forward_layer).__name__ not in _INNER or len(call.inputs) > 1 or len(call.made) > 1:
        return "wraps a layer that is not known here"
    if layer.merge_mode == "concat":
        # The backward layer is made of the forward one's settings: it has as many units.
        units = channels.new(layer.forward_layer.units)
        return [np.concatenate([units, units])]
    if layer.merge_mode in ("sum", "mul", "ave"):
        return [channels.new(layer.forward_layer.units)]
    return "answers with two tensors"


def settings(layer: Any, kept: Kept) -> Mapping[str, Any]:
    """As many units as are kept, in both directions."""
    config = layer.get_config()
    count = int(_units(layer, kept).sum())
    wrapped = {name: config[name] for name in ("layer", "backward_layer") if config.get(name)}
    return {name: {**each, "config": {**each["config"], "units": count}} for name, each in wrapped.items()}


def weights(layer: Any, kept: Kept) -> list[Array]:
    """Those of the forward layer, then those of the backward one."""
    units, stored = _units(layer, kept), layer.get_weights()
    half = len(stored) // 2
    return [each for part in (stored[:half], stored[half:]) for each in smaller(part, kept.inputs[0], units)]


def scores(weights: list[Array]) -> Array:
    """Both directions of a unit in one row; the rows twice where they stand side by side in the answers."""
    from compressor.channel_pruning.rules import recurrent

    half = len(weights) // 2
    return np.concatenate([recurrent.scores(weights[:half]), recurrent.scores(weights[half:])], 1)


def _units(layer: Any, kept: Kept) -> Mask:
    return kept.outputs[0][: layer.forward_layer.units]


RULE = Rule(("Bidirectional",), follow, settings, weights, scores)
