"""LSTM, GRU and SimpleRNN make channels of their own, their units, which they also read in the next step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from compressor.channel_pruning.channels import Channels, Labels
from compressor.channel_pruning.rules import Call, Kept, Rule
from compressor.values import Array


def follow(call: Call, channels: Channels) -> list[Labels] | str:
    """New channels, one per unit, in the answers and in every state."""
    units = channels.new(call.layer.units)
    for state in call.inputs[1:]:
        if len(state) != len(units):
            return "is called with more than its initial state"
        channels.unite(units, state)
    return [units] * len(call.made)


def settings(_: Any, kept: Kept) -> Mapping[str, Any]:
    """As many units as are kept."""
    return {"units": int(kept.outputs[0].sum())}


def weights(layer: Any, kept: Kept) -> list[Array]:
    """Kernel (read, gates · units), recurrent kernel (units, gates · units), bias (…, gates · units)."""
    return smaller(layer.get_weights(), kept.inputs[0], kept.outputs[0])


def smaller(weights: list[Array], read: Array, units: Array) -> list[Array]:
    """Weights of one direction."""
    kernel, recurrent, *bias = weights
    gates = np.tile(units, kernel.shape[1] // units.size)
    return [kernel[read][:, gates], recurrent[units][:, gates], *(each[..., gates] for each in bias)]


def scores(weights: list[Array]) -> Array:
    """What each gate of a unit reads, from below and from the units; one row per unit."""
    kernel, recurrent = weights[:2]
    units = recurrent.shape[0]
    return np.concatenate(
        [each.reshape(len(each), -1, units).transpose(2, 0, 1).reshape(units, -1) for each in (kernel, recurrent)], 1
    )


RULE = Rule(("LSTM", "GRU", "SimpleRNN"), follow, settings, weights, scores)
