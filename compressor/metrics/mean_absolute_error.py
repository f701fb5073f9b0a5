"""Mean absolute error: chosen where the model was trained to keep it small."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compressor import answers
from compressor.metrics import Metric
from compressor.values import Array, as_float


def scores(labels: Array, outputs: Array) -> NDArray[np.float64]:
    """Of each sample, the mean of the absolute differences."""
    errors = np.abs(as_float(outputs) - as_float(labels).reshape(outputs.shape))
    return np.asarray(errors.reshape(len(outputs), -1).mean(1))


def value(labels: Array, outputs: Array) -> float:
    """Mean over all values of the absolute difference."""
    return float(np.mean(scores(labels, outputs)))


METRIC = Metric(
    summary="mean absolute error; the drop is its relative increase in percent",
    order=None,
    unit="percent",
    higher_is_better=False,
    reason="the labels are values, as many as the outputs",
    suits=answers.as_many,
    value=value,
    same=answers.same_values,
    scores=scores,
    losses=("mean_absolute_error", "mae"),
)
