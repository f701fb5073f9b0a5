"""Accuracy of a yes/no output: right when it lies on the label's side of the threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compressor import answers
from compressor.metrics import Metric
from compressor.values import Array


def suits(labels: Array | None, outputs: Array) -> bool:
    """One output per sample, and labels that are only 0 and 1."""
    if labels is None or outputs.size != outputs.shape[0] or labels.size != outputs.size:
        return False
    return set(np.unique(labels)) <= {0, 1}


def scores(labels: Array, outputs: Array) -> NDArray[np.float64]:
    """Of each sample, 1 for a right answer and 0 for a wrong one."""
    yes = outputs.reshape(-1) > answers.threshold(outputs)
    return answers.shares(yes == (labels.reshape(-1) == 1))


def value(labels: Array, outputs: Array) -> float:
    """Share of right answers, 0 to 1."""
    return float(np.mean(scores(labels, outputs)))


METRIC = Metric(
    summary="share of samples on the right side of the threshold",
    order=20,
    unit="points",
    higher_is_better=True,
    reason="the labels are 0 and 1, and the output is a single value",
    suits=suits,
    value=value,
    same=answers.same_side,
    scores=scores,
    losses=("binary_crossentropy", "binary_focal_crossentropy"),
)
