"""Depthwise convolutions hand channels on, each as many times as the multiplier says."""

from __future__ import annotations

from typing import Any

import numpy as np

from compressor.channel_pruning.channels import Channels, Labels
from compressor.channel_pruning.rules import CHANNELS_FIRST, Call, Kept, Rule, channels_last
from compressor.values import Array


def follow(call: Call, _: Channels) -> list[Labels] | str:
    """The channels that it reads, side by side where there are several of one."""
    return [np.repeat(call.inputs[0], call.layer.depth_multiplier)] if channels_last(call.layer) else CHANNELS_FIRST


def weights(layer: Any, kept: Kept) -> list[Array]:
    """Kernel (…, read, multiplier) and bias (made)."""
    kernel, *bias = layer.get_weights()
    return [kernel[..., kept.inputs[0], :], *(each[kept.outputs[0]] for each in bias)]


RULE = Rule(("DepthwiseConv1D", "DepthwiseConv2D"), follow, weights=weights)
