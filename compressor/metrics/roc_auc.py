"""ROC AUC: how likely a sample of a class scores higher than a sample that is not of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compressor import answers
from compressor.errors import BadInput
from compressor.metrics import Metric
from compressor.values import Array, as_float


def suits(labels: Array | None, outputs: Array) -> bool:
    """Labels 0 and 1 for a single output, or class numbers or one-hot rows; of two kinds at least."""
    if labels is None:
        return False
    fits = _is_single(outputs) and labels.size == outputs.size and set(np.unique(labels)) <= {0, 1}
    if not fits and not answers.are_classes(labels, outputs):
        return False
    return len(np.unique(_classes(labels, outputs))) > 1


def value(labels: Array, outputs: Array) -> float:
    """Area under the ROC curve, 0 to 1; of several classes the mean over those that occur, each against the rest.

    Raises:
        BadInput: the labels are all of one class.
    """
    true = _classes(labels, outputs)
    present = np.unique(true)
    if len(present) < 2:
        raise BadInput(
            "roc_auc is not defined: the labels are all of one class", expected="samples of two classes at least"
        )
    if _is_single(outputs):
        return area(true == 1, as_float(outputs).reshape(-1))
    scores = as_float(outputs).reshape(-1, outputs.shape[-1])
    if scores.shape[-1] == 2:
        return area(true == 1, scores[:, 1] - scores[:, 0])
    if not answers.are_probabilities(outputs):
        # Logits of different samples share no scale; probabilities do.
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
    return float(np.mean([area(true == each, scores[:, each]) for each in present]))


def area(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """(R - p(p + 1) / 2) / (p n): Mann and Whitney's U over the number of pairs, R the sum of the positives' ranks.

    Equal scores share their mean rank, which counts such a pair as half. Hanley, McNeil: The meaning and use of the
    area under a receiver operating characteristic (ROC) curve, Radiology 143, 1982.
    """
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place.reshape(-1)]
    yes, no = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - yes * (yes + 1) / 2) / (yes * no))


def _same(outputs: Array, reference: Array) -> NDArray[np.bool_]:
    return (answers.same_side if _is_single(reference) else answers.same_class)(outputs, reference)


def _classes(labels: Array, outputs: Array) -> NDArray[np.int64]:
    """The class of each position, in one row."""
    if _is_single(outputs):
        return labels.reshape(outputs.size).astype(np.int64)
    return answers.classes(labels, outputs).reshape(-1)


def _is_single(outputs: Array) -> bool:
    return outputs.ndim == 1 or outputs.shape[-1] == 1


METRIC = Metric(
    summary="area under the ROC curve; of several classes the mean of each against the rest",
    order=None,
    unit="points",
    higher_is_better=True,
    reason="the labels are 0 and 1 for a single output, or class numbers or one-hot rows; at least two classes occur",
    suits=suits,
    value=value,
    same=_same,
)
