"""Dropout of a model while it trains: as much of it as a step asks for.

A network that has lost channels, or that learns from a teacher, has less to learn by heart than the one it comes from.
A teacher that answers to the same inputs teaches best where the student sees them whole: Beyer et al., "Knowledge
distillation: a good teacher is patient and consistent" (arXiv:2106.05237).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tf_keras

_KINDS = ("Dropout", "AlphaDropout", "GaussianDropout", *(f"SpatialDropout{rank}D" for rank in (1, 2, 3)))


@contextmanager
def scaled(model: tf_keras.Model, share: float) -> Iterator[None]:
    """Let the model's dropout layers, also those in models and wrappers, drop only that share of what they do."""
    layers = [layer for layer in _all_layers(model) if type(layer).__name__ in _KINDS]
    rates = [layer.rate for layer in layers]
    for layer, rate in zip(layers, rates, strict=True):
        layer.rate = rate * share
    try:
        yield
    finally:
        for layer, rate in zip(layers, rates, strict=True):
            layer.rate = rate


def _all_layers(model: tf_keras.Model) -> list[Any]:
    import tf_keras

    return [each for each in model.submodules if isinstance(each, tf_keras.layers.Layer)]
