"""Training, once for all: samples, fine-tuning and every step that recovers accuracy use this `Trainer`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.errors import BadInput
from compressor.values import Array, Dataset, Split
from compressor.worker import report_progress

if TYPE_CHECKING:
    import tf_keras

    from compressor.steps import TrainingSettings

_REPORT_EVERY_S = 0.2
# A trained kernel has no exact zeros by chance; from this share on they were put there on purpose.
_SPARSE_FROM = 0.01
_STATISTICS_FROM, _STATISTICS_UP_TO = 256, 4096


def set_up_devices(seed: int) -> list[str]:
    """Seed everything, make operations deterministic, let GPU memory grow; returns the GPUs in use."""
    import tensorflow as tf
    import tf_keras

    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    tf_keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    return [gpu.name for gpu in gpus]


class Trainer:
    """Trains tf_keras models on one data set, with progress reported to the parent process.

    Zero weights of a sparse kernel stay zero, so that training after pruning keeps what pruning did.

    Args:
        dataset: needs its `train` split as soon as `fit` is called.
        loss: a tf_keras loss name, or None to choose from the labels and the last activation.
        seed: order of the samples.
    """

    def __init__(self, dataset: Dataset, loss: str | None = None, seed: int = 0) -> None:
        self._dataset = dataset
        self._loss = loss
        self._seed = seed

    @property
    def train(self) -> Split:
        """The training split.

        Raises:
            BadInput: there is none.
        """
        if self._dataset.train is None or self._dataset.train.labels is None:
            raise BadInput(
                "this recipe trains, and the data has nothing to train on",
                expected="x_train and y_train",
                received=f"{self._dataset.source} without them",
                fix="add both arrays, or use a recipe without training steps, e.g. int8",
            )
        return self._dataset.train

    def calibration_batches(self, size: int = 32) -> Iterator[Any]:
        """Calibration inputs in small batches, in the form a model is called with."""
        split = self._dataset.calibration
        for start in range(0, split.count, size):
            yield _fed(Split({name: array[start : start + size] for name, array in split.inputs.items()}))

    def batches(self, settings: TrainingSettings) -> int:
        """Number of optimizer steps that training with these settings takes."""
        train = self._dataset.train or self.train
        return settings.epochs * -(-train.count // settings.batch_size)

    def fit(
        self,
        model: tf_keras.Model,
        settings: TrainingSettings,
        stage: str,
        callbacks: Sequence[tf_keras.callbacks.Callback] = (),
    ) -> dict[str, Any]:
        """Train `model` in place and say what happened: loss name, epochs, seconds, last loss.

        Raises:
            BadInput: nothing to train on, several outputs, or the loss became NaN.
        """
        import tf_keras

        train, loss = self._examples(model, stage)
        decay = tf_keras.optimizers.schedules.CosineDecay(settings.learning_rate, self.batches(settings))
        compiled = None if trains_itself(model) else _loss_object(loss, model)
        model.compile(tf_keras.optimizers.Adam(decay), loss=compiled)
        tf_keras.utils.set_random_seed(self._seed)
        started = time.monotonic()
        history = model.fit(
            _fed(train),
            train.labels,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            verbose=0,
            callbacks=[*callbacks, _keep_zeros(model), _progress(stage, self.batches(settings))],
        )
        last = float(history.history["loss"][-1])
        if not np.isfinite(last) or not all(np.isfinite(weight.numpy()).all() for weight in model.trainable_weights):
            became = f"the loss became {last}" if not np.isfinite(last) else "weights became NaN or infinite"
            raise BadInput(f"{stage} diverged: {became}", fix="lower learning_rate, or look for a wrong input scale")
        return {
            "loss": loss,
            "epochs": settings.epochs,
            "seconds": round(time.monotonic() - started, 2),
            "last_loss": round(last, 6),
        }

    def _examples(self, model: tf_keras.Model, stage: str) -> tuple[Split, str]:
        """What to train on, and the name of the loss."""
        if trains_itself(model) and self._dataset.train is not None:
            return self._dataset.train, self._loss or "of its own"
        train = self.train
        assert train.labels is not None
        if len(model.outputs) != 1:
            raise BadInput(
                f"{stage} trains models with one output", received=f"a model with {len(model.outputs)} outputs"
            )
        return train, self._loss or choose_loss(model, train.labels)


def trains_itself(model: tf_keras.Model) -> bool:
    """True when the model's class brings its own `train_step`: loss and labels are then its own business."""
    import tf_keras

    return type(model).train_step is not tf_keras.Model.train_step


def refresh_statistics(model: tf_keras.Model, split: Split, batch_size: int) -> None:
    """Set the statistics of every BatchNormalization to their mean over the training data.

    Weights that a step changes at once leave the moving averages behind, which follow by a hundredth per batch. With
    few samples the statistics are left as training left them.
    """
    import tf_keras

    layers = [each for each in model.submodules if isinstance(each, tf_keras.layers.BatchNormalization)]
    trained = [layer for layer in layers if layer.trainable]
    if not trained or split.count < _STATISTICS_FROM:
        return
    momentum = [layer.momentum for layer in trained]
    whole_batches = min(split.count, _STATISTICS_UP_TO) // batch_size
    for turn in range(max(1, whole_batches)):
        for layer in trained:
            # The k-th batch counts one k-th: what is left is the plain mean of all batches.
            layer.momentum = turn / (turn + 1)
        rows = slice(turn * batch_size, (turn + 1) * batch_size)
        model(_fed(Split({name: array[rows] for name, array in split.inputs.items()})), training=True)
    for layer, before in zip(trained, momentum, strict=True):
        layer.momentum = before


def choose_loss(model: tf_keras.Model, labels: Array) -> str:
    """The loss that fits the labels: cross-entropy for class numbers, one-hot rows or 0/1, else squared error."""
    units = int(model.outputs[0].shape[-1])
    whole = np.issubdtype(labels.dtype, np.integer) or bool(np.all(labels == np.round(labels)))
    if units > 1 and whole and labels.ndim < len(model.outputs[0].shape):
        return "sparse_categorical_crossentropy"
    if units > 1 and whole and bool(np.all(labels.sum(-1) == 1)) and labels.min() >= 0:
        return "categorical_crossentropy"
    if units == 1 and whole and set(np.unique(labels)) <= {0, 1}:
        return "binary_crossentropy"
    return "mean_squared_error"


def _loss_object(name: str, model: tf_keras.Model) -> Any:
    import tf_keras

    loss = tf_keras.losses.get(name)
    if not name.endswith("crossentropy"):
        return loss
    squashed = _last_activation(model) in ("softmax", "sigmoid")
    return {
        "sparse_categorical_crossentropy": tf_keras.losses.SparseCategoricalCrossentropy,
        "categorical_crossentropy": tf_keras.losses.CategoricalCrossentropy,
        "binary_crossentropy": tf_keras.losses.BinaryCrossentropy,
    }[name](from_logits=not squashed)


def _last_activation(model: tf_keras.Model) -> str:
    """Name of the activation at the output, seen through wrappers and nested models."""
    layer = model.layers[-1]
    while True:
        inner = getattr(layer, "layer", None) or (layer.layers[-1] if getattr(layer, "layers", None) else None)
        if inner is None:
            break
        layer = inner
    if type(layer).__name__ == "Softmax":
        return "softmax"
    activation = layer.get_config().get("activation", "linear")
    if isinstance(activation, dict):
        # Quantization-aware training replaces the activation by a wrapper that keeps its name inside.
        activation = activation.get("config", {}).get("activation", activation.get("class_name", ""))
    return str(activation)


def _fed(split: Split) -> Any:
    arrays = list(split.inputs.values())
    return arrays[0] if len(arrays) == 1 else arrays


def _progress(stage: str, total: int) -> Any:
    import tf_keras

    class Reporter(tf_keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.done, self.told = 0, 0.0

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            self.done += 1
            now = time.monotonic()
            if now - self.told > _REPORT_EVERY_S or self.done == total:
                self.told = now
                report_progress(stage, self.done, total, f"loss {(logs or {}).get('loss', float('nan')):.4f}")

    return Reporter()


def _keep_zeros(model: tf_keras.Model) -> Any:
    import tensorflow as tf
    import tf_keras

    masks = []
    for weight in model.trainable_weights:
        zeros = weight.numpy() == 0
        if weight.shape.rank > 1 and _SPARSE_FROM <= zeros.mean() < 1:
            masks.append((weight, tf.constant(~zeros, weight.dtype)))

    class KeepZeros(tf_keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            for weight, mask in masks:
                weight.assign(weight * mask)

    return KeepZeros()
