"""Mean squared error: the metric of everything that is not a classification."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compressor.metrics import Metric
from compressor.values import Array, as_float

# Two values are the same answer when they differ by less than this share of the reference's spread.
_SAME = 0.01


def suits(labels: Array | None, outputs: Array) -> bool:
    """Always: tried last."""
    return True


def value(labels: Array, outputs: Array) -> float:
    """Mean over all values of the squared difference."""
    return float(np.mean(np.square(as_float(outputs) - as_float(labels).reshape(outputs.shape))))


def same(outputs: Array, reference: Array) -> NDArray[np.bool_]:
    """Samples whose every value lies within 1 % of the reference's spread."""
    spread = float(np.ptp(as_float(reference)))
    close = np.abs(as_float(outputs) - as_float(reference)) <= _SAME * spread
    return np.asarray(close.reshape(len(close), -1).all(axis=1))


METRIC = Metric(
    summary="mean squared error; the drop is its relative increase in percent",
    order=100,
    relative=True,
    higher_is_better=False,
    suits=suits,
    value=value,
    same=same,
)
