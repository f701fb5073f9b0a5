"""PSNR: peak signal-to-noise ratio of images, in decibels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compressor import answers, pixel_range
from compressor.metrics import Metric
from compressor.values import Array, as_float

# An image without error has an infinite ratio, which no mean and no JSON can carry.
_CEILING_DB = 100.0


def scores(labels: Array, outputs: Array) -> NDArray[np.float64]:
    """Of each image, 10·log10(peak² / mean squared error), at most 100 dB."""
    errors = np.square(as_float(outputs) - as_float(labels).reshape(outputs.shape)).reshape(len(outputs), -1).mean(1)
    peak = pixel_range.peak(labels)
    least = peak**2 * 10 ** (-_CEILING_DB / 10)
    return np.asarray(10 * np.log10(peak**2 / np.maximum(errors, least)))


def value(labels: Array, outputs: Array) -> float:
    """Mean over the images of 10·log10(peak² / mean squared error), at most 100 dB each.

    The peak is the range of the labels' pixels (see `pixel_range.peak`).
    """
    return float(np.mean(scores(labels, outputs)))


METRIC = Metric(
    summary="peak signal-to-noise ratio of images in dB",
    order=None,
    unit="dB",
    higher_is_better=True,
    reason="labels and outputs are images of one shape, and the labels' pixels are not all equal",
    suits=pixel_range.are_images,
    value=value,
    same=answers.same_values,
    scores=scores,
)
