"""What labels and outputs say: classes, probabilities, and when two outputs give the same answer."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from compressor.data.columns import rows_per_block
from compressor.values import Array, as_float

# Two values are the same answer when they differ by less than this share of the reference's spread.
_SAME = 0.01
_FLOAT64 = 8
# Float rounding of a sum, and what rounding each probability to one of 256 levels changes at most.
_SUM_ERROR, _LEVEL_ERROR = 0.01, 1 / 500


def numbered(labels: Array, outputs: Array) -> bool:
    """Labels are the class number of each position; outputs have the classes on their last axis."""
    fits = labels.shape in (outputs.shape[:-1], (*outputs.shape[:-1], 1))
    return fits and bool(np.all(labels == np.round(labels)) and labels.min() >= 0 and labels.max() < outputs.shape[-1])


def one_hot(labels: Array, outputs: Array) -> bool:
    """Labels are rows of zeros with a single one."""
    return labels.shape == outputs.shape and set(np.unique(labels)) <= {0, 1} and bool(np.all(labels.sum(-1) == 1))


def are_classes(labels: Array | None, outputs: Array, least: int = 2) -> bool:
    """Several outputs per position, `least` or more, and labels that are class numbers or one-hot rows."""
    if labels is None or outputs.ndim < 2 or outputs.shape[-1] < least:
        return False
    return numbered(labels, outputs) or one_hot(labels, outputs)


def classes(labels: Array, outputs: Array) -> NDArray[np.int64]:
    """The class number of each position, of the shape of the outputs without their last axis.

    Raises:
        ValueError: the labels are neither class numbers nor one-hot rows.
    """
    numbers = labels.argmax(-1) if one_hot(labels, outputs) else labels.reshape(outputs.shape[:-1])
    return np.asarray(numbers.astype(np.int64))


def are_probabilities(outputs: Array) -> bool:
    """No value outside 0..1, and each position's sum is 1 but for what rounding to int8 can change."""
    if outputs.min() < 0 or outputs.max() > 1 + _SUM_ERROR:
        return False
    allowed = _SUM_ERROR + _LEVEL_ERROR * outputs.shape[-1]
    return bool(np.all(np.abs(outputs.sum(-1, dtype=np.float64) - 1) <= allowed))


def same_class(outputs: Array, reference: Array) -> NDArray[np.bool_]:
    """Positions with the same largest output."""
    return np.asarray(outputs.argmax(-1) == reference.argmax(-1))


def threshold(outputs: Array) -> float:
    """Between no and yes: 0.5 for probabilities, 0 for logits."""
    return 0.5 if outputs.min() >= 0 and outputs.max() <= 1 else 0.0


def same_side(outputs: Array, reference: Array) -> NDArray[np.bool_]:
    """Values on the same side of the threshold."""
    # One of the two may be rounded: both are cut where the reference is.
    cut = threshold(reference)
    return np.asarray((outputs.reshape(-1) > cut) == (reference.reshape(-1) > cut))


def as_many(labels: Array | None, outputs: Array) -> bool:
    """Labels are values, one per output value."""
    return labels is not None and labels.size == outputs.size


def same_values(outputs: Array, reference: Array) -> NDArray[np.bool_]:
    """Samples whose every value lies within 1 % of the reference's spread."""
    if not reference.size:
        return np.ones(len(reference), np.bool_)
    allowed = _SAME * (float(reference.max()) - float(reference.min()))
    size = rows_per_block(_FLOAT64 * math.prod(reference.shape[1:]), len(reference))
    starts = range(0, len(reference), size)
    return np.concatenate([_close(outputs[at : at + size], reference[at : at + size], allowed) for at in starts])


def _close(outputs: Array, reference: Array, allowed: float) -> NDArray[np.bool_]:
    close = np.abs(as_float(outputs) - as_float(reference)) <= allowed
    return np.asarray(close.reshape(len(close), -1).all(axis=1))


def shares(right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Of each sample, the share of its answers that are right."""
    return np.asarray(right.reshape(len(right), -1).mean(1, dtype=np.float64))
