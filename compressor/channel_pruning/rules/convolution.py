"""Convolutions make channels of their own; what they read leaves their kernel with the channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from compressor.channel_pruning.channels import Channels, Labels
from compressor.channel_pruning.rules import CHANNELS_FIRST, Call, Kept, Rule, channels_last
from compressor.values import Array


def follow(call: Call, channels: Channels) -> list[Labels] | str:
    """New channels, one per filter."""
    if not channels_last(call.layer):
        return CHANNELS_FIRST
    if call.layer.groups != 1:
        return f"reads its channels in {call.layer.groups} groups"
    return [channels.new(call.layer.filters)]


def settings(_: Any, kept: Kept) -> Mapping[str, Any]:
    """As many filters as are kept."""
    return {"filters": int(kept.outputs[0].sum())}


def weights(layer: Any, kept: Kept) -> list[Array]:
    """Kernel (…, read, made) and bias (made)."""
    kernel, *bias = layer.get_weights()
    return [kernel[..., kept.inputs[0], :][..., kept.outputs[0]], *(each[kept.outputs[0]] for each in bias)]


def scores(weights: list[Array]) -> Array:
    """The filters, one per row."""
    return np.moveaxis(weights[0], -1, 0).reshape(weights[0].shape[-1], -1)


RULE = Rule(("Conv1D", "Conv2D", "Conv3D"), follow, settings, weights, scores)
