"""Dense layers make channels of their own, their units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compressor.channel_pruning.channels import Channels, Labels
from compressor.channel_pruning.rules import Call, Kept, Rule
from compressor.values import Array


def follow(call: Call, channels: Channels) -> list[Labels] | str:
    """New channels, one per unit."""
    return [channels.new(call.layer.units)]


def settings(_: Any, kept: Kept) -> Mapping[str, Any]:
    """As many units as are kept."""
    return {"units": int(kept.outputs[0].sum())}


def weights(layer: Any, kept: Kept) -> list[Array]:
    """Kernel (read, made) and bias (made)."""
    kernel, *bias = layer.get_weights()
    return [kernel[kept.inputs[0]][:, kept.outputs[0]], *(each[kept.outputs[0]] for each in bias)]


def scores(weights: list[Array]) -> Array:
    """The columns of the kernel, one per row."""
    return weights[0].T


RULE = Rule(("Dense",), follow, settings, weights, scores)
