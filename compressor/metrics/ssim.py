"""SSIM: structural similarity of images.

Wang, Bovik, Sheikh, Simoncelli: Image quality assessment: from error visibility to structural similarity, IEEE
Transactions on Image Processing 13 (4), 2004.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compressor import answers, pixel_range
from compressor.metrics import Metric
from compressor.values import Array, as_float

# The paper's: an 11 × 11 Gaussian window of sigma 1.5, and the two constants that steady small denominators.
_SIDE, _SIGMA, _K1, _K2 = 11, 1.5, 0.01, 0.03
_BLOCK = 16

_Float = NDArray[np.float64]


def scores(labels: Array, outputs: Array) -> _Float:
    """Of each image, the mean over channels and windows."""
    peak = pixel_range.peak(labels)
    shape = outputs.shape if outputs.ndim == 4 else (*outputs.shape, 1)
    ours, theirs = outputs.reshape(shape), labels.reshape(shape)
    return np.concatenate(
        [
            _similarity(as_float(ours[start : start + _BLOCK]), as_float(theirs[start : start + _BLOCK]), peak)
            for start in range(0, len(ours), _BLOCK)
        ]
    )


def value(labels: Array, outputs: Array) -> float:
    """Mean over all images, channels and windows that lie inside the image, -1 to 1.

    The peak is the range of the labels' pixels (see `pixel_range.peak`). Images smaller than 11 pixels take the
    largest odd window that fits.
    """
    return float(np.mean(scores(labels, outputs)))


def _similarity(x: _Float, y: _Float, peak: float) -> _Float:
    """Of each image, the mean similarity."""
    window = _window(min(_SIDE, *(side - (side % 2 == 0) for side in x.shape[1:3])))
    small, smaller = (_K1 * peak) ** 2, (_K2 * peak) ** 2
    mean_x, mean_y = _blurred(x, window), _blurred(y, window)
    variances = _blurred(x * x + y * y, window) - mean_x**2 - mean_y**2
    covariance = _blurred(x * y, window) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + small) / (mean_x**2 + mean_y**2 + small)
    structure = (2 * covariance + smaller) / (variances + smaller)
    return np.asarray((luminance * structure).mean(axis=(1, 2, 3)))


def _window(side: int) -> _Float:
    weights = np.exp(-np.square(np.arange(side) - side // 2) / (2 * _SIGMA**2))
    return np.asarray(weights / weights.sum())


def _blurred(images: _Float, window: _Float) -> _Float:
    """Weighted means over all windows inside the image: first along the height, then along the width."""
    height, width = (side - len(window) + 1 for side in images.shape[1:3])
    rows = sum(weight * images[:, place : place + height] for place, weight in enumerate(window))
    return np.asarray(sum(weight * rows[:, :, place : place + width] for place, weight in enumerate(window)))


METRIC = Metric(
    summary="structural similarity of images",
    order=None,
    unit="points",
    higher_is_better=True,
    reason="labels and outputs are images of one shape, and the labels' pixels are not all equal",
    suits=pixel_range.are_images,
    value=value,
    same=answers.same_values,
    scores=scores,
)
