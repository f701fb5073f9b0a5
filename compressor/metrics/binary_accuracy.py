"""Accuracy of a yes/no output: right when it lies on the label's side of the threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compressor.metrics import Metric
from compressor.values import Array


def suits(labels: Array | None, outputs: Array) -> bool:
    """One output per sample, and labels that are only 0 and 1."""
    if labels is None or outputs.size != outputs.shape[0] or labels.size != outputs.size:
        return False
    return set(np.unique(labels)) <= {0, 1}


def value(labels: Array, outputs: Array) -> float:
    """Share of right answers, 0 to 1."""
    return float(np.mean(_yes(outputs) == (labels.reshape(-1) == 1)))


def same(outputs: Array, reference: Array) -> NDArray[np.bool_]:
    """Samples on the same side of the threshold."""
    # One of the two may be rounded: both are cut where the reference is.
    cut = _threshold(reference)
    return np.asarray((outputs.reshape(-1) > cut) == (reference.reshape(-1) > cut))


def _yes(outputs: Array) -> NDArray[np.bool_]:
    return np.asarray(outputs.reshape(-1) > _threshold(outputs))


def _threshold(outputs: Array) -> float:
    """0.5 for probabilities, 0 for logits."""
    return 0.5 if outputs.min() >= 0 and outputs.max() <= 1 else 0.0


METRIC = Metric(
    summary="share of samples on the right side of the threshold",
    order=20,
    relative=False,
    higher_is_better=True,
    suits=suits,
    value=value,
    same=same,
)
