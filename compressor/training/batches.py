"""Training samples → batches by `tf.data`: gathered from memory, shuffled anew in every epoch, prefetched.

The order of an epoch follows from the seed and its number alone, so that training can go on from any epoch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.values import Split

if TYPE_CHECKING:
    import tensorflow as tf

    from compressor.training.place import Place


_HELD_OUT_EVERY = 10


def fed(split: Split) -> Any:
    """Inputs in the form a model is called with: one array, or a list of them."""
    arrays = list(split.inputs.values())
    return arrays[0] if len(arrays) == 1 else arrays


def per_epoch(count: int, batch_size: int, replicas: int) -> int:
    """Number of optimizer steps of one epoch over `count` samples."""
    return -(-(count - count % replicas) // batch_size)


def with_held_out(split: Split, seed: int) -> tuple[Split, Split]:
    """Nine tenths to train on, and a tenth that is held out; the order stays."""
    order = np.random.default_rng(seed).permutation(split.count)
    held_out = max(1, split.count // _HELD_OUT_EVERY)
    return split.rows(np.sort(order[held_out:])), split.rows(np.sort(order[:held_out]))


def shuffled(split: Split, batch_size: int, seed: int, epochs: range, place: Place) -> Any:
    """Batches of all the epochs, one after the other, for `Model.fit`.

    Every replica gets the same number of samples of each global batch, so that the mean of their gradients is the
    batch's own; a remainder that they cannot share is left out, other samples in every epoch.

    Args:
        batch_size: global, a multiple of the number of replicas.
    """
    if place.strategy is None:
        return _pipeline(split, batch_size, seed, epochs, 1, slice(0, 1))

    def of_worker(context: tf.distribute.InputContext) -> Any:
        replicas = context.num_replicas_in_sync
        own = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * own
        return _pipeline(split, batch_size, seed, epochs, replicas, slice(first, first + own))

    return place.strategy.distribute_datasets_from_function(of_worker)


def in_order(split: Split, batch_size: int) -> Any:
    """The samples as they stand, once."""
    return _gathered(split, lambda data: data.range(split.count).batch(batch_size))


def _pipeline(split: Split, batch_size: int, seed: int, epochs: range, replicas: int, own: slice) -> Any:
    import tensorflow as tf

    count = split.count - split.count % replicas

    def numbers(epoch: Any) -> Any:
        order = tf.random.experimental.stateless_shuffle(tf.range(split.count, dtype=tf.int64), [seed, epoch])
        return tf.data.Dataset.from_tensor_slices(order[:count]).batch(batch_size)

    def shared(batch: Any) -> Any:
        return tf.data.Dataset.from_tensor_slices(tf.reshape(batch, [replicas, -1])[own])

    def order(data: Any) -> Any:
        batches = data.range(epochs.start, epochs.stop).flat_map(numbers)
        return batches if replicas == 1 else batches.flat_map(shared)

    return _gathered(split, order)


def _gathered(split: Split, order: Any) -> Any:
    import tensorflow as tf

    with tf.device("CPU:0"):
        inputs = tuple(tf.constant(array) for array in split.inputs.values())
        labels = None if split.labels is None else tf.constant(split.labels)

    def samples(numbers: Any) -> Any:
        given = tuple(tf.gather(array, numbers) for array in inputs)
        one = given[0] if len(given) == 1 else given
        return (one,) if labels is None else (one, tf.gather(labels, numbers))

    return order(tf.data.Dataset).map(samples, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
