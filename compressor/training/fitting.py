"""One training of one model: compiled, gone through epoch by epoch, checked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.errors import BadInput
from compressor.training import batches, checkpoint, epochs, event_files
from compressor.training.checkpoint import Checkpoints, State
from compressor.training.task import Task
from compressor.worker import report_progress

if TYPE_CHECKING:
    import tf_keras

    from compressor.steps import EpochSettings
    from compressor.training.place import Place


class Fitting:
    """One training of one model.

    Args:
        task: what is trained on what, its model made in the place's scope.
        patience: epochs without a fall of the held-out loss that are borne; None trains all epochs.
    """

    def __init__(
        self,
        task: Task,
        settings: EpochSettings,
        patience: int | None,
        seed: int,
        place: Place,
    ) -> None:
        self._task = task
        self._model = task.model
        self._settings = settings
        self._patience = patience
        self._seed = seed
        self._place = place

    def fits(self, size: int) -> bool:
        """Whether batches of that size fit into memory, found by trying; weights are changed by it."""
        report_progress(f"try batches of {size}")
        self._compile(size)
        try:
            few = batches.shuffled(self._task.samples, size, self._seed, range(1), self._place)
            self._model.fit(few, epochs=1, steps_per_epoch=1, verbose=0)
        except exhausted():
            return False
        return True

    def run(
        self,
        state: State,
        checkpoints: Checkpoints,
        stage: str,
        callbacks: Sequence[tf_keras.callbacks.Callback] = (),
    ) -> dict[str, Any]:
        """Train on from `state`, keep a checkpoint after every epoch, and say what happened.

        Raises:
            BadInput: the loss became NaN.
        """
        import tf_keras

        # Masks are those of the weights that training began with, whatever a checkpoint holds.
        zeros = epochs.keeping_zeros(self._model)
        resumed = state.epoch
        self._compile(state.batch_size)
        tf_keras.utils.set_random_seed(self._seed)
        if resumed:
            checkpoint.restore(self._model, state)
        steps = self._steps(state.batch_size)
        told = epochs.telling(stage, resumed * steps, self._settings.epochs * steps, state.batch_size)
        kept = epochs.checkpointing(checkpoints, state, self._patience)
        logs = self._place.logs
        logging = [event_files.logging_to(logs / stage, state.history)] if logs else []
        started = time.monotonic()
        self._go_on(state, [*callbacks, zeros, kept, *logging, told])
        if state.best:
            self._model.set_weights(state.best)
        self._check_finite(state, stage)
        facts = self._facts(state) | ({"resumed_after_epoch": resumed} if resumed else {})
        if zeros.zeros:
            facts["notes"] = [f"{zeros.zeros} weights that were zero in sparse kernels stayed zero"]
        return facts | {"seconds": round(time.monotonic() - started, 2), "samples_per_s": told.samples_per_s}

    def _go_on(self, state: State, callbacks: list[tf_keras.callbacks.Callback]) -> None:
        losses_so_far = state.history.get("val_loss", [])
        if self._patience is not None and epochs.stops_after(losses_so_far, self._patience):
            return
        left = range(state.epoch, self._settings.epochs)
        held_out = self._task.held_out and batches.in_order(self._task.held_out, state.batch_size)
        self._model.fit(
            batches.shuffled(self._task.samples, state.batch_size, self._seed, left, self._place, self._settings.shift),
            epochs=left.stop,
            initial_epoch=left.start,
            steps_per_epoch=self._steps(state.batch_size),
            validation_data=held_out,
            verbose=0,
            callbacks=callbacks,
        )

    def _compile(self, size: int) -> None:
        """Adam with a learning rate that decays to zero along a cosine over all epochs."""
        import tf_keras

        settings, options = self._settings, self._place.options
        decay = tf_keras.optimizers.schedules.CosineDecay(settings.learning_rate, settings.epochs * self._steps(size))
        with self._place.scope():
            optimizer = tf_keras.optimizers.Adam(decay)
            if self._place.number_format == "float16":
                optimizer = tf_keras.mixed_precision.LossScaleOptimizer(optimizer)
            self._model.compile(optimizer, **self._task.compiled(), run_eagerly=options.eager, jit_compile=options.xla)
            # Its variables then stand in the same order whoever applies gradients first.
            self._model.optimizer.build(self._model.trainable_variables)

    def _steps(self, size: int) -> int:
        return batches.per_epoch(self._task.samples.count, size, self._place.replicas)

    def _check_finite(self, state: State, stage: str) -> None:
        last = state.history["loss"][-1]
        weights = (weight.numpy() for weight in self._model.trainable_weights)
        if not np.isfinite(last) or not all(np.isfinite(array).all() for array in weights):
            became = f"the loss became {last}" if not np.isfinite(last) else "weights became NaN or infinite"
            raise BadInput(f"{stage} diverged: {became}", fix="lower learning_rate, or look for a wrong input scale")

    def _facts(self, state: State) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "loss": self._task.loss,
            "epochs": state.epoch,
            "last_loss": round(state.history["loss"][-1], 6),
            "batch_size": state.batch_size,
            "replicas": self._place.replicas,
            "number_format": self._place.number_format or "float32",
            "history": {name: [round(value, 6) for value in values] for name, values in state.history.items()},
        }
        if state.best_epoch:
            facts |= {"best_epoch": state.best_epoch, "stopped_early": state.epoch < self._settings.epochs}
        return facts


def exhausted() -> type[Exception]:
    """What TensorFlow raises when memory is exhausted."""
    import tensorflow as tf

    kind: type[Exception] = tf.errors.ResourceExhaustedError
    return kind
