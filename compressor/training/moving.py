"""Images moved by a few pixels, anew in every epoch: a network that sees each one in many places overfits less.

Simard, Steinkraus, Platt, "Best Practices for Convolutional Neural Networks Applied to Visual Document Analysis"
(ICDAR 2003). What moves in from outside repeats the edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compressor.errors import BadInput
from compressor.values import Split

if TYPE_CHECKING:
    import tf_keras

    from compressor.steps import EpochSettings

# Samples, rows, columns, channels.
_RANK = 4
# Samples, and numbers of each.
_OF_THE_WHOLE = 2


def check(settings: EpochSettings, model: tf_keras.Model, samples: Split, stage: str) -> None:
    """See that what is trained on can be moved as the settings say.

    Raises:
        BadInput: inputs are no images, or move out of sight; answers for places, or features of a teacher, would stay
            where they were.
    """
    if not settings.shift:
        return
    for output in model.outputs:
        if output.shape.rank > _OF_THE_WHOLE:
            raise BadInput(
                f"{stage} cannot move images whose answers are for places, which stay where they were",
                expected="one answer for each image, e.g. its class",
                received=f"answers of shape {tuple(output.shape)[1:]}",
                fix="leave shift out",
            )
    for name, array in samples.inputs.items():
        if array.ndim != _RANK or settings.shift >= min(array.shape[1:3]):
            raise BadInput(
                f"{stage} cannot move the samples of {f'input {name!r}' if name else 'its input'}",
                expected=f"images of rows, columns and channels, more than shift: {settings.shift} of each",
                received=f"samples of shape {array.shape[1:]}",
                fix="leave shift out",
            )
    if settings.taught is not None and settings.taught.features:
        raise BadInput(
            f"{stage} cannot move images and match features of a teacher, which stay where they were",
            fix="leave shift or features out",
        )


def distances(count: int, most: int, seed: int, epoch: Any) -> Any:
    """How far each of `count` samples moves in an epoch: int32 of shape (count, 2), from -most to most."""
    import tensorflow as tf

    key = tf.stack([tf.constant(seed, tf.int64), tf.cast(epoch, tf.int64)])
    return tf.random.stateless_uniform([count, 2], key, -most, most + 1, tf.int32)


def moved(images: Any, by: Any) -> Any:
    """Images of shape (batch, rows, columns, channels), each moved by its row of `by` (batch, 2)."""
    import tensorflow as tf

    for axis in (1, 2):
        size = tf.shape(images)[axis]
        places = tf.clip_by_value(tf.range(size)[None] - by[:, axis - 1, None], 0, size - 1)
        images = tf.gather(images, places, axis=axis, batch_dims=1)
    return images
