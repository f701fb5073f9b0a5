"""One network of a sample that has several: taken out of the trained whole, with data of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from compressor.networks import tensorflow_network
from compressor.sample import Part
from compressor.values import Array, Dataset, Split

if TYPE_CHECKING:
    import tf_keras

_PREDICT_BATCH = 256
_OWN_ANSWERS = "the labels are the float network's own answers: it is judged by its likeness to itself"


def taken(part: Part, whole: tf_keras.Model, found: Dataset, trains: bool) -> tuple[tf_keras.Model, Dataset]:
    """The network and its data; without labels, those are what the network itself answers.

    Args:
        whole: the sample's model, trained.
        found: the sample's data.
        trains: a step needs the training split.
    """
    model = part.network(whole)
    dataset = part.dataset(found if trains else replace(found, train=None), whole)
    assert isinstance(dataset.evaluation, Split)
    if dataset.evaluation.labels is not None:
        return model, dataset
    labelled = replace(
        dataset,
        calibration=_labelled(dataset.calibration, model),
        evaluation=_labelled(dataset.evaluation, model),
        train=None if dataset.train is None else _labelled(dataset.train, model),
        notes=(*dataset.notes, _OWN_ANSWERS),
    )
    return model, labelled


def _labelled(split: Split, model: tf_keras.Model) -> Split:
    network = tensorflow_network.of_tf_keras(model)
    answers: list[Array] = [next(iter(network.answers(block).values())) for block in split.blocks(_PREDICT_BATCH)]
    return Split(split.inputs, np.concatenate(answers))
