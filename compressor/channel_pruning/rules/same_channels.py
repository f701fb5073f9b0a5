"""Layers that treat each channel by itself, without weights: activations, pooling, padding, noise."""

from __future__ import annotations

from compressor.channel_pruning.channels import Channels, Labels
from compressor.channel_pruning.rules import CHANNELS_FIRST, Call, Rule, across, channels_last


def follow(call: Call, _: Channels) -> list[Labels] | str:
    """The channels that it reads."""
    if not channels_last(call.layer):
        return CHANNELS_FIRST
    return across(call.layer) or [call.inputs[0]]


_POOLING = tuple(
    f"{kind}Pooling{rank}D" for kind in ("Max", "Average", "GlobalMax", "GlobalAverage") for rank in (1, 2, 3)
)
_ROOM = tuple(f"{kind}{rank}D" for kind in ("ZeroPadding", "Cropping", "UpSampling") for rank in (1, 2, 3))

RULE = Rule(
    (
        *("Activation", "ReLU", "LeakyReLU", "ELU", "ThresholdedReLU", "GaussianNoise"),
        *("ActivityRegularization", "RepeatVector", *_POOLING, *_ROOM),
    ),
    follow,
)
