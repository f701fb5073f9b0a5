"""Top-1 accuracy: the share of positions whose largest output is the labelled class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compressor import answers
from compressor.metrics import Metric
from compressor.values import Array


def suits(labels: Array | None, outputs: Array) -> bool:
    """Several outputs per position, and labels that are class numbers or one-hot rows."""
    if labels is None:
        return outputs.ndim == 2 and outputs.shape[-1] > 1 and bool(np.allclose(outputs.sum(-1), 1, atol=0.1))
    return answers.are_classes(labels, outputs)


def scores(labels: Array, outputs: Array) -> NDArray[np.float64]:
    """Of each sample, the share of its positions that are right."""
    return answers.shares(outputs.argmax(-1) == answers.classes(labels, outputs))


def value(labels: Array, outputs: Array) -> float:
    """Share of right answers, 0 to 1."""
    return float(np.mean(scores(labels, outputs)))


METRIC = Metric(
    summary="share of samples with the labelled class on top",
    order=10,
    unit="points",
    higher_is_better=True,
    reason="the labels are class numbers or one-hot rows, and the output has several values",
    suits=suits,
    value=value,
    same=answers.same_class,
    scores=scores,
    losses=("sparse_categorical_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy"),
)
