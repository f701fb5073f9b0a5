"""Dropout treats each channel by itself, and drops less of a smaller layer.

Han, Pool, Tran, Dally, "Learning both Weights and Connections" (arXiv:1506.02626), equation 2: the rate falls with the
square root of the share of connections that are left. Where the layers on both sides keep the same share of their
channels, connections are the square of that, and the rate falls with the share itself.
"""

from __future__ import annotations

from typing import Any

from compressor.channel_pruning.rules import Kept, Rule, same_channels


def settings(layer: Any, kept: Kept) -> dict[str, float]:
    """The lower rate."""
    return {"rate": float(layer.rate * kept.inputs[0].mean())}


RULE = Rule(
    ("Dropout", "AlphaDropout", "GaussianDropout", *(f"SpatialDropout{rank}D" for rank in (1, 2, 3))),
    same_channels.follow,
    settings,
)
