"""Perplexity: among how many equally likely classes the outputs leave the labelled one, on average."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compressor import answers
from compressor.metrics import Metric
from compressor.values import Array, as_float

# An int8 file answers 0 for whatever is below 1/512. Ruling the right class out costs 16 nats, not infinity.
_SMALLEST = float(np.finfo(np.float32).eps)
_BLOCK = 64


def suits(labels: Array | None, outputs: Array) -> bool:
    """Several outputs per position, and labels that are class numbers or one-hot rows."""
    return answers.are_classes(labels, outputs)


def scores(labels: Array, outputs: Array) -> NDArray[np.float64]:
    """Of each sample, the mean negative log-likelihood of its positions."""
    right = answers.classes(labels, outputs)
    logits = not answers.are_probabilities(outputs)
    found = np.empty(len(outputs))
    for start in range(0, len(outputs), _BLOCK):
        some = slice(start, start + _BLOCK)
        likelihood = _log_likelihood(right[some], outputs[some], logits)
        found[some] = -likelihood.reshape(len(likelihood), -1).mean(1)
    return found


def value(labels: Array, outputs: Array) -> float:
    """exp of the mean negative log-likelihood of the labelled classes over all positions; 1 is certainty.

    Outputs are probabilities when they lie within 0..1 and sum to 1 (see `answers.are_probabilities`), else logits.
    Probabilities are taken as they are, not scaled to sum to 1; those below 1.2e-7, the smallest step of float32 at 1,
    zeros of int8 files among them, count as 1.2e-7.
    """
    return float(np.exp(np.mean(scores(labels, outputs))))


def _log_likelihood(right: NDArray[np.int64], outputs: Array, logits: bool) -> NDArray[np.float64]:
    values = as_float(outputs)
    theirs = np.take_along_axis(values, right[..., None], -1)[..., 0]
    if logits:
        top = values.max(-1)
        return np.asarray(theirs - top - np.log(np.exp(values - top[..., None]).sum(-1)))
    return np.asarray(np.log(np.clip(theirs, _SMALLEST, 1)))


METRIC = Metric(
    summary="exp of the mean negative log-likelihood; the drop is its relative increase in percent",
    order=None,
    unit="percent",
    higher_is_better=False,
    reason="the labels are class numbers or one-hot rows, and the output has several values",
    suits=suits,
    value=value,
    same=answers.same_class,
    scores=scores,
    of_mean=np.exp,
)
