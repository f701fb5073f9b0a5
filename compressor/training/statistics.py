"""Statistics of BatchNormalization, taken anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressor.training.batches import fed
from compressor.values import Split

if TYPE_CHECKING:
    import tf_keras

_FROM, _UP_TO = 256, 4096


def refresh_statistics(model: tf_keras.Model, split: Split, batch_size: int) -> None:
    """Set the statistics of every BatchNormalization to their mean over the training data.

    Weights that a step changes at once leave the moving averages behind, which follow by a hundredth per batch. With
    few samples the statistics are left as training left them.
    """
    import tf_keras

    layers = [each for each in model.submodules if isinstance(each, tf_keras.layers.BatchNormalization)]
    trained = [layer for layer in layers if layer.trainable]
    if not trained or split.count < _FROM:
        return
    momentum = [layer.momentum for layer in trained]
    whole_batches = min(split.count, _UP_TO) // batch_size
    for turn in range(max(1, whole_batches)):
        for layer in trained:
            # The k-th batch counts one k-th: what is left is the plain mean of all batches.
            layer.momentum = turn / (turn + 1)
        rows = slice(turn * batch_size, (turn + 1) * batch_size)
        model(fed(split.rows(rows)), training=True)
    for layer, before in zip(trained, momentum, strict=True):
        layer.momentum = before
