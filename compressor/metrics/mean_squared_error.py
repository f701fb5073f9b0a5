"""Mean squared error: the metric of everything that is not a classification."""

from __future__ import annotations

import numpy as np

from compressor import answers
from compressor.metrics import Metric
from compressor.values import Array, as_float


def suits(labels: Array | None, outputs: Array) -> bool:
    """As many label values as output values; also without labels: tried last."""
    return labels is None or answers.as_many(labels, outputs)


def value(labels: Array, outputs: Array) -> float:
    """Mean over all values of the squared difference."""
    return float(np.mean(np.square(as_float(outputs) - as_float(labels).reshape(outputs.shape))))


METRIC = Metric(
    summary="mean squared error; the drop is its relative increase in percent",
    order=100,
    unit="percent",
    higher_is_better=False,
    reason="the labels are values, as many as the outputs",
    suits=suits,
    value=value,
    same=answers.same_values,
    losses=("mean_squared_error", "mse"),
)
