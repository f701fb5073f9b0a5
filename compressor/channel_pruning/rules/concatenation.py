"""Concatenation: channels side by side, or, along another axis, the same ones in all inputs."""

from __future__ import annotations

import numpy as np

from compressor.channel_pruning.channels import Channels, Labels
from compressor.channel_pruning.rules import Call, Rule
from compressor.channel_pruning.rules.merging import merged


def follow(call: Call, channels: Channels) -> list[Labels] | str:
    """The channels of all inputs in their order."""
    if call.layer.axis in (-1, len(call.shapes[0]) - 1):
        return [np.concatenate(call.inputs)]
    return merged(call.inputs, channels)


RULE = Rule(("Concatenate",), follow)
