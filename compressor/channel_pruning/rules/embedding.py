"""Embeddings make channels of their own: the width of their vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compressor.channel_pruning.channels import Channels, Labels
from compressor.channel_pruning.rules import Call, Kept, Rule
from compressor.values import Array


def follow(call: Call, channels: Channels) -> list[Labels] | str:
    """New channels; what it reads are numbers of rows, no channels."""
    return [channels.new(call.layer.output_dim)]


def settings(_: Any, kept: Kept) -> Mapping[str, Any]:
    """As wide as what is kept."""
    return {"output_dim": int(kept.outputs[0].sum())}


def weights(layer: Any, kept: Kept) -> list[Array]:
    """Vectors (row, width)."""
    return [layer.get_weights()[0][:, kept.outputs[0]]]


def scores(weights: list[Array]) -> Array:
    """The columns, one per row."""
    return weights[0].T


RULE = Rule(("Embedding",), follow, settings, weights, scores)
