"""Top-1 accuracy: the share of positions whose largest output is the labelled class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compressor.metrics import Metric
from compressor.values import Array


def suits(labels: Array | None, outputs: Array) -> bool:
    """Several outputs per position, and labels that are class numbers or one-hot rows."""
    if outputs.ndim < 2 or outputs.shape[-1] < 2:
        return False
    if labels is None:
        return outputs.ndim == 2 and bool(np.allclose(outputs.sum(-1), 1, atol=0.1))
    return _numbered(labels, outputs) or _one_hot(labels, outputs)


def value(labels: Array, outputs: Array) -> float:
    """Share of right answers, 0 to 1."""
    classes = labels.argmax(-1) if _one_hot(labels, outputs) else labels.reshape(outputs.shape[:-1])
    return float(np.mean(outputs.argmax(-1) == classes))


def same(outputs: Array, reference: Array) -> NDArray[np.bool_]:
    """Positions with the same largest output."""
    return np.asarray(outputs.argmax(-1) == reference.argmax(-1))


def _numbered(labels: Array, outputs: Array) -> bool:
    fits = labels.shape in (outputs.shape[:-1], (*outputs.shape[:-1], 1))
    return fits and bool(np.all(labels == np.round(labels)) and labels.min() >= 0 and labels.max() < outputs.shape[-1])


def _one_hot(labels: Array, outputs: Array) -> bool:
    return labels.shape == outputs.shape and set(np.unique(labels)) <= {0, 1} and bool(np.all(labels.sum(-1) == 1))


METRIC = Metric(
    summary="share of samples with the labelled class on top",
    order=10,
    relative=False,
    higher_is_better=True,
    suits=suits,
    value=value,
    same=same,
)
