"""Event files for TensorBoard, written by TensorFlow's own writer: TensorBoard itself is not needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def logging_to(folder: Path, before: Mapping[str, Sequence[float]]) -> Any:
    """A Keras callback that leaves every value of every epoch as a scalar, and the learning rate.

    Args:
        before: values of the epochs that are done already, by name.
    """
    import tensorflow as tf
    import tf_keras

    class Logging(tf_keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
            self.writer = tf.summary.create_file_writer(str(folder))
            with self.writer.as_default():
                for name, values in before.items():
                    for epoch, value in enumerate(values):
                        _scalar(f"epoch_{name}", value, epoch)

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            rate = float(self.model.optimizer.learning_rate.numpy())
            with self.writer.as_default():
                for name, value in {**(logs or {}), "learning_rate": rate}.items():
                    _scalar(f"epoch_{name}", float(value), epoch)
            self.writer.flush()

        def on_train_end(self, logs: dict[str, float] | None = None) -> None:
            self.writer.close()

    return Logging()


def _scalar(tag: str, value: float, step: int) -> None:
    """What `tf.summary.scalar` writes; that function is part of TensorBoard."""
    import tensorflow as tf

    metadata = tf.compat.v1.SummaryMetadata(
        plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars"),
        data_class=tf.compat.v1.SummaryMetadata.DESCRIPTOR.file.enum_types_by_name["DataClass"]
        .values_by_name["DATA_CLASS_SCALAR"]
        .number,
    )
    tf.summary.write(tag, value, step=step, metadata=metadata)
