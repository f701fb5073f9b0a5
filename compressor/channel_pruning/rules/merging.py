"""Layers that merge tensors value by value: channels at the same place stand or fall together."""

from __future__ import annotations

from compressor.channel_pruning.channels import Channels, Labels
from compressor.channel_pruning.rules import Call, Rule


def follow(call: Call, channels: Channels) -> list[Labels] | str:
    """The channels that all inputs share; a single one that is spread over all has to stay."""
    return merged(call.inputs, channels)


def merged(inputs: tuple[Labels, ...], channels: Channels) -> list[Labels] | str:
    """Labels of what is merged of tensors with these labels."""
    width = max(len(labels) for labels in inputs)
    for labels in inputs:
        if len(labels) not in (1, width):
            return "merges tensors of different widths"
    whole = [labels for labels in inputs if len(labels) == width]
    for labels in inputs:
        if len(labels) != width:
            channels.stay(labels, "is spread over all channels")
    for other in whole[1:]:
        channels.unite(whole[0], other)
    return [whole[0]]


RULE = Rule(("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"), follow)
