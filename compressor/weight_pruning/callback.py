"""Pruning while a model trains, as a callback of Keras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compressor.weight_pruning.masks import Pruning


def pruning(how: Pruning, places: Sequence[int]) -> Any:
    """Sets weights to zero as the schedule has it, and keeps them zero after every optimizer step.

    Masks hang on the weights and on the number of the optimizer step alone, and are made anew as every epoch begins:
    training that goes on from a checkpoint has those of training that never stopped.

    Args:
        places: of the kernels among the weights of the model that trains, which may be a copy.
    """
    import tensorflow as tf
    import tf_keras

    class Callback(tf_keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.step, self.masks = 0, list[Any]()

        def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            self.step = epoch * self.params["steps"]
            self._renew(how.schedule.last_renewal(self.step))

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            self.step += 1
            if how.schedule.renews(self.step):
                self._renew(self.step)
            else:
                self._apply()

        def _kernels(self) -> list[Any]:
            weights = self.model.weights
            return [weights[place] for place in places]

        def _renew(self, step: int) -> None:
            kernels = self._kernels()
            masks = how.masks([kernel.numpy() for kernel in kernels], step)
            self.masks = [tf.constant(mask, kernel.dtype) for mask, kernel in zip(masks, kernels, strict=True)]
            self._apply()

        def _apply(self) -> None:
            for kernel, mask in zip(self._kernels(), self.masks, strict=True):
                kernel.assign(kernel * mask)

    return Callback()
