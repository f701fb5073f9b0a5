"""What happens in Keras's callbacks while a model trains: telling, keeping zeros, checkpoints, stopping early."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.errors import BadInput
from compressor.training import checkpoint
from compressor.training.checkpoint import Checkpoints, State
from compressor.values import Array
from compressor.worker import report_progress

if TYPE_CHECKING:
    import tf_keras

_REPORT_EVERY_S = 0.2
# A trained kernel has no exact zeros by chance; from this share on they were put there on purpose.
_SPARSE_FROM = 0.01


def telling(stage: str, done: int, total: int, batch_size: int) -> Any:
    """Tells the parent process how far training is: loss, metric, samples per second.

    Args:
        done: batches that an earlier process has done already.
        total: batches of the whole training.
    """
    import tf_keras

    class Telling(tf_keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.done, self.told = done, 0.0
            self.begun, self.first = 0.0, done

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            self.done += 1
            now = time.monotonic()
            if not self.begun:
                # The first batch traces and compiles.
                self.begun, self.first = now, self.done
            if now - self.told > _REPORT_EVERY_S or self.done == total:
                self.told = now
                rate = (self.done - self.first) * batch_size / max(now - self.begun, 1e-9)
                report_progress(stage, self.done, total, _sentence(logs or {}, rate))

        @property
        def samples_per_s(self) -> float | None:
            seconds, batches = time.monotonic() - self.begun, self.done - self.first
            return round(batches * batch_size / seconds, 1) if self.begun and batches else None

    return Telling()


def _sentence(logs: dict[str, float], rate: float) -> str:
    values = [f"{name.replace('_', ' ')} {float(value):.4f}" for name, value in logs.items()]
    return ", ".join([*values[:3], *([f"{rate:.0f} samples/s"] if rate else [])])


def keeping_zeros(model: tf_keras.Model) -> Any:
    """Zero weights of a sparse kernel stay zero, so that training after pruning keeps what pruning did.

    Diagonal kernels, and embeddings with rows of zeros, are left alone: usual beginnings. The callback's `zeros`
    says how many weights it keeps.
    """
    import tensorflow as tf
    import tf_keras

    masks, kept = [], 0
    for weight in model.trainable_weights:
        zeros = weight.numpy() == 0
        if weight.shape.rank > 1 and zeros_are_meant(weight.name, zeros):
            masks.append((weight, tf.constant(~zeros, weight.dtype)))
            kept += int(zeros.sum())

    class KeepingZeros(tf_keras.callbacks.Callback):  # type: ignore[misc]
        zeros = kept

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            for weight, mask in masks:
                weight.assign(weight * mask)

    return KeepingZeros()


def zeros_are_meant(name: str, zeros: Array) -> bool:
    """Whether a kernel is sparse on purpose: zeros that pruning made, none that it was initialized with.

    Args:
        name: of the weight.
        zeros: where it is zero.
    """
    return bool(_SPARSE_FROM <= zeros.mean() < 1) and not _begins_with_zeros(name, zeros)


def _begins_with_zeros(name: str, zeros: Array) -> bool:
    """Whether a kernel has zeros by the way it was initialized: off its diagonal, or whole rows of an embedding."""
    if zeros.ndim != 2:
        return False
    diagonal = len(set(zeros.shape)) == 1 and bool(np.all(zeros | np.eye(len(zeros), dtype=bool)))
    rows = name.split("/")[-1].startswith("embeddings") and bool(np.all(zeros == zeros[:, :1]))
    return diagonal or rows


def checkpointing(checkpoints: Checkpoints, state: State, patience: int | None) -> Any:
    """Brings `state` up to date after every epoch, keeps it, and stops once the held-out loss falls no more.

    Args:
        patience: epochs without a fall of the held-out loss that are borne; None never stops.
    """
    import tf_keras

    class Checkpointing(tf_keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            for name, value in (logs or {}).items():
                state.history.setdefault(name, []).append(float(value))
            if "loss" not in state.history:
                raise BadInput(
                    "the model's own train_step does not say its loss",
                    expected="a value called 'loss' among those it returns",
                    received=", ".join(state.history) or "nothing",
                )
            state.epoch = epoch + 1
            state.weights = checkpoint.values(checkpoint.variables(self.model))
            if patience is not None:
                self._judge(patience)
            if np.isfinite(state.history["loss"][-1]) and all(np.isfinite(array).all() for array in state.weights):
                checkpoints.write(state)
            else:
                self.model.stop_training = True

        def _judge(self, patience: int) -> None:
            losses = state.history["val_loss"]
            if losses[-1] <= min(losses):
                state.best, state.best_epoch = self.model.get_weights(), state.epoch
            self.model.stop_training = stops_after(losses, patience)

    return Checkpointing()


def stops_after(losses: list[float], patience: int) -> bool:
    """Whether the last `patience` epochs brought no lower loss than the ones before them."""
    return len(losses) > patience and min(losses[-patience:]) >= min(losses[:-patience])
