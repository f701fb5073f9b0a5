"""Transposed convolutions make channels of their own; their kernel has the channels that it makes before those read."""

from __future__ import annotations

import numpy as np

from compressor.channel_pruning.channels import Channels, Labels
from compressor.channel_pruning.rules import CHANNELS_FIRST, Call, Kept, Rule, channels_last
from compressor.channel_pruning.rules.convolution import settings
from compressor.values import Array


def follow(call: Call, channels: Channels) -> list[Labels] | str:
    """New channels, one per filter."""
    return [channels.new(call.layer.filters)] if channels_last(call.layer) else CHANNELS_FIRST


def weights(layer: object, kept: Kept) -> list[Array]:
    """Kernel (…, made, read) and bias (made)."""
    kernel, *bias = layer.get_weights()  # type: ignore[attr-defined]
    return [kernel[..., kept.outputs[0], :][..., kept.inputs[0]], *(each[kept.outputs[0]] for each in bias)]


def scores(weights: list[Array]) -> Array:
    """The filters, one per row."""
    return np.moveaxis(weights[0], -2, 0).reshape(weights[0].shape[-2], -1)


RULE = Rule(("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"), follow, settings, weights, scores)
