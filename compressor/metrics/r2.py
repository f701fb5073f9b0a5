"""R²: the share of the labels' variance that the outputs explain."""

from __future__ import annotations

import numpy as np

from compressor import answers
from compressor.errors import BadInput
from compressor.metrics import Metric
from compressor.values import Array, as_float


def suits(labels: Array | None, outputs: Array) -> bool:
    """As many label values as output values, which are not the same for all samples."""
    return labels is not None and answers.as_many(labels, outputs) and bool(np.any(labels != labels[:1]))


def value(labels: Array, outputs: Array) -> float:
    """1 - Σ (label - output)² / Σ (label - mean label)² of each output value, and the mean of these; at most 1.

    Output values whose labels are all the same explain nothing and are left out.

    Raises:
        BadInput: the labels are the same for all samples.
    """
    true = as_float(labels).reshape(len(outputs), -1)
    missed = np.square(true - as_float(outputs).reshape(true.shape)).sum(0)
    spread = np.square(true - true.mean(0)).sum(0)
    varies = np.any(true != true[:1], axis=0)
    if not varies.any():
        raise BadInput("r2 is not defined: the labels are the same for all samples", received=f"{len(true)} samples")
    return float(np.mean(1 - missed[varies] / spread[varies]))


METRIC = Metric(
    summary="coefficient of determination (R²), the share of the labels' variance that is explained",
    order=None,
    unit="points",
    higher_is_better=True,
    reason="the labels are values, as many as the outputs, and differ from sample to sample",
    suits=suits,
    value=value,
    same=answers.same_values,
)
