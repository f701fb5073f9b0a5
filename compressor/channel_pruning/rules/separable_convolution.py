"""Separable convolutions: a depthwise kernel on what is read, then a pointwise one that makes channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from compressor.channel_pruning.channels import Channels, Labels
from compressor.channel_pruning.rules import CHANNELS_FIRST, Call, Kept, Rule, channels_last
from compressor.channel_pruning.rules.convolution import settings
from compressor.values import Array


def follow(call: Call, channels: Channels) -> list[Labels] | str:
    """New channels, one per filter."""
    return [channels.new(call.layer.filters)] if channels_last(call.layer) else CHANNELS_FIRST


def weights(layer: Any, kept: Kept) -> list[Array]:
    """Depthwise kernel (…, read, multiplier), pointwise kernel (…, read · multiplier, made), bias (made)."""
    depthwise, pointwise, *bias = layer.get_weights()
    between = np.repeat(kept.inputs[0], layer.depth_multiplier)
    made = kept.outputs[0]
    smaller = pointwise[..., between, :][..., made]
    return [depthwise[..., kept.inputs[0], :], smaller, *(each[made] for each in bias)]


def scores(weights: list[Array]) -> Array:
    """The pointwise filters, one per row."""
    return np.moveaxis(weights[1], -1, 0).reshape(weights[1].shape[-1], -1)


RULE = Rule(("SeparableConv1D", "SeparableConv2D"), follow, settings, weights, scores)
