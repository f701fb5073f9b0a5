"""Dropout of a model while it trains: as much of it as a step asks for.

A network that has lost channels, or that learns from a teacher, has less to learn by heart than the one it comes from.
A teacher that answers to the same inputs teaches best where the student sees them whole: Beyer et al., "Knowledge
distillation: a good teacher is patient and consistent" (arXiv:2106.05237).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tf_keras


@contextmanager
def scaled(model: tf_keras.Model, share: float) -> Iterator[None]:
    """Let the model's dropout layers, also those in models and wrappers, drop only that share of what they do."""
    import tf_keras

    # SpatialDropout of every rank is a Dropout.
    kinds = (tf_keras.layers.Dropout, tf_keras.layers.AlphaDropout, tf_keras.layers.GaussianDropout)
    layers = [each for each in model.submodules if isinstance(each, kinds)]
    rates = [layer.rate for layer in layers]
    for layer, rate in zip(layers, rates, strict=True):
        layer.rate = rate * share
    try:
        yield
    finally:
        for layer, rate in zip(layers, rates, strict=True):
            layer.rate = rate
