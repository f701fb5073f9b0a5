"""Mean squared error: the metric of everything that is not a classification."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compressor import answers
from compressor.metrics import Metric
from compressor.values import Array, as_float


def suits(labels: Array | None, outputs: Array) -> bool:
    """As many label values as output values; also without labels: tried last."""
    return labels is None or answers.as_many(labels, outputs)


def scores(labels: Array, outputs: Array) -> NDArray[np.float64]:
    """Of each sample, the mean of the squared differences."""
    errors = np.square(as_float(outputs) - as_float(labels).reshape(outputs.shape))
    return np.asarray(errors.reshape(len(outputs), -1).mean(1))


def value(labels: Array, outputs: Array) -> float:
    """Mean over all values of the squared difference."""
    return float(np.mean(scores(labels, outputs)))


METRIC = Metric(
    summary="mean squared error; the drop is its relative increase in percent",
    order=100,
    unit="percent",
    higher_is_better=False,
    reason="the labels are values, as many as the outputs",
    suits=suits,
    value=value,
    same=answers.same_values,
    scores=scores,
    losses=("mean_squared_error", "mse"),
)
