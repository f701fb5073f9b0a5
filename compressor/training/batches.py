"""Training samples → batches by `tf.data`: gathered from memory, shuffled anew in every epoch, prefetched.

The order of an epoch follows from the seed and its number alone, so that training can go on from any epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from compressor.training import moving
from compressor.values import Array, Split

if TYPE_CHECKING:
    import tensorflow as tf

    from compressor.training.place import Place


_HELD_OUT_EVERY = 10


@dataclass(frozen=True, slots=True)
class Samples:
    """What a model is trained on: its inputs, and a target per output, or none where it makes its own."""

    inputs: tuple[Array, ...]
    targets: tuple[Array, ...] = ()

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(self.inputs[0])


def labelled(split: Split) -> Samples:
    """Samples whose target is their label."""
    return Samples(tuple(split.inputs.values()), () if split.labels is None else (split.labels,))


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


def shuffled(samples: Samples, batch_size: int, seed: int, epochs: range, place: Place, shift: int = 0) -> Any:
    """Batches of all the epochs, one after the other, for `Model.fit`.

    Every replica gets the same number of samples of each global batch, so that the mean of their gradients is the
    batch's own; a remainder that they cannot share is left out, other samples in every epoch.

    Args:
        batch_size: global, a multiple of the number of replicas.
        shift: by how many pixels images are moved at most.
    """
    if place.strategy is None:
        return _pipeline(samples, batch_size, seed, epochs, 1, slice(0, 1), shift)

    def of_worker(context: tf.distribute.InputContext) -> Any:
        replicas = context.num_replicas_in_sync
        own = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * own
        return _pipeline(samples, batch_size, seed, epochs, replicas, slice(first, first + own), shift)

    return place.strategy.distribute_datasets_from_function(of_worker)


def in_order(samples: Samples, batch_size: int) -> Any:
    """The samples as they stand, once."""
    return _gathered(samples, lambda data: data.range(samples.count).batch(batch_size))


def _pipeline(
    samples: Samples, batch_size: int, seed: int, epochs: range, replicas: int, own: slice, shift: int
) -> Any:
    import tensorflow as tf

    count = samples.count - samples.count % replicas

    def numbers(epoch: Any) -> Any:
        order = tf.random.experimental.stateless_shuffle(tf.range(samples.count, dtype=tf.int64), [seed, epoch])
        drawn = (order[:count], moving.distances(count, shift, seed, epoch)) if shift else order[:count]
        return tf.data.Dataset.from_tensor_slices(drawn).batch(batch_size)

    def shared(*drawn: Any) -> Any:
        parts = tuple(tf.reshape(each, [replicas, -1, *each.shape[1:]])[own] for each in drawn)
        return tf.data.Dataset.from_tensor_slices(parts if shift else parts[0])

    def order(data: Any) -> Any:
        batches = data.range(epochs.start, epochs.stop).flat_map(numbers)
        return batches if replicas == 1 else batches.flat_map(shared)

    return _gathered(samples, order)


def _gathered(samples: Samples, order: Any) -> Any:
    """Batches of the samples whose numbers `order` gives, alone or with how far each is moved."""
    import tensorflow as tf

    with tf.device("CPU:0"):
        parts = [tuple(tf.constant(array) for array in part) for part in (samples.inputs, samples.targets)]

    def gathered(numbers: Any, by: Any = None) -> Any:
        inputs, targets = (tuple(tf.gather(array, numbers) for array in part) for part in parts)
        if by is not None:
            inputs = tuple(moving.moved(each, by) for each in inputs)
        return tuple(part[0] if len(part) == 1 else part for part in (inputs, targets) if part)

    return order(tf.data.Dataset).map(gathered, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
