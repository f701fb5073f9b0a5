"""BatchNormalization hands channels on, each with its own scale, shift and statistics."""

from __future__ import annotations

from typing import Any

from compressor.channel_pruning.channels import Channels, Labels
from compressor.channel_pruning.rules import CHANNELS_FIRST, Call, Kept, Rule
from compressor.values import Array


def follow(call: Call, _: Channels) -> list[Labels] | str:
    """The channels that it reads."""
    axis = call.layer.axis
    axes = [axis] if isinstance(axis, int) else list(axis)
    return [call.inputs[0]] if axes in ([-1], [len(call.shapes[0]) - 1]) else CHANNELS_FIRST


def weights(layer: Any, kept: Kept) -> list[Array]:
    """Gamma, beta, mean and variance, as far as there are such, of one number per channel."""
    return [each[kept.inputs[0]] for each in layer.get_weights()]


RULE = Rule(("BatchNormalization", "SyncBatchNormalization"), follow, weights=weights)
