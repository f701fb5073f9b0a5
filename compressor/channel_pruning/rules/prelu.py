"""PReLU treats each channel by itself, with slopes of its own unless they are shared."""

from __future__ import annotations

from typing import Any

from compressor.channel_pruning.channels import Channels, Labels
from compressor.channel_pruning.rules import Call, Kept, Rule
from compressor.values import Array


def follow(call: Call, _: Channels) -> list[Labels] | str:
    """The channels that it reads."""
    return [call.inputs[0]]


def weights(layer: Any, kept: Kept) -> list[Array]:
    """Slopes (…, channels), or one for all channels."""
    (slopes,) = layer.get_weights()
    return [slopes if slopes.shape[-1] == 1 != kept.inputs[0].size else slopes[..., kept.inputs[0]]]


RULE = Rule(("PReLU",), follow, weights=weights)
