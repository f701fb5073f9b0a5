"""Flatten, Reshape and Permute: where channels stay on the last axis, or are laid out position after position."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from compressor.channel_pruning.channels import Channels, Labels
from compressor.channel_pruning.rules import CHANNELS_FIRST, Call, Kept, Rule, channels_last


def follow(call: Call, _: Channels) -> list[Labels] | str:
    """The channels that it reads: the same, or once for every position."""
    if not channels_last(call.layer):
        return CHANNELS_FIRST
    labels, width = call.inputs[0], call.made[0][-1]
    if hasattr(call.layer, "dims"):
        return [labels] if call.layer.dims[-1] == len(call.layer.dims) else "moves channels to another axis"
    if width == len(labels):
        return [labels]
    positions = call.shapes[0][1:-1]
    # One row of all positions, each with all its channels.
    known = [size for size in positions if size is not None]
    whole = len(known) == len(positions) and len(call.made[0]) == 2
    if whole and width == prod(known) * len(labels):
        return [np.tile(labels, width // len(labels))]
    return "lays its channels out in another way"


def settings(layer: Any, kept: Kept) -> Mapping[str, Any]:
    """The shape that Reshape is to make."""
    if not hasattr(layer, "target_shape") or layer.target_shape[-1] == -1:
        return {}
    return {"target_shape": (*layer.target_shape[:-1], int(kept.outputs[0].sum()))}


RULE = Rule(("Flatten", "Reshape", "Permute"), follow, settings)
