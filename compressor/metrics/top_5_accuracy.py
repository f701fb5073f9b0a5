"""Top-5 accuracy: the share of positions whose labelled class is among the five largest outputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compressor import answers
from compressor.metrics import Metric
from compressor.values import Array

_TOP = 5


def suits(labels: Array | None, outputs: Array) -> bool:
    """More than five outputs per position, and labels that are class numbers or one-hot rows."""
    return answers.are_classes(labels, outputs, least=_TOP + 1)


def scores(labels: Array, outputs: Array) -> NDArray[np.float64]:
    """Of each sample, the share of its positions that are right."""
    right = answers.classes(labels, outputs)[..., None]
    theirs = np.take_along_axis(outputs, right, -1)
    earlier = np.arange(outputs.shape[-1]) < right
    before = (outputs > theirs) | ((outputs == theirs) & earlier)
    return answers.shares(before.sum(-1) < _TOP)


def value(labels: Array, outputs: Array) -> float:
    """Share of right answers, 0 to 1; of equal outputs the lower class number goes first, as in top-1 accuracy."""
    return float(np.mean(scores(labels, outputs)))


METRIC = Metric(
    summary="share of samples with the labelled class among the five largest outputs",
    order=None,
    unit="points",
    higher_is_better=True,
    reason="the labels are class numbers or one-hot rows, and the output has more than five values",
    suits=suits,
    value=value,
    same=answers.same_class,
    scores=scores,
)
