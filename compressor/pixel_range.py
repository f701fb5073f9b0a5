"""The range of pixel values, which image metrics measure errors against."""

from __future__ import annotations

from compressor.values import Array

_USUAL = ((0, 1), (-1, 1), (0, 255))


def peak(labels: Array) -> float:
    """Largest minus smallest possible pixel: 1, 2 or 255 for images in 0..1, -1..1 or 0..255.

    A usual range is taken when the labels lie within it and span at least half of it; of other labels it is the
    largest minus the smallest value.
    """
    low, high = float(labels.min()), float(labels.max())
    for least, most in _USUAL:
        if least <= low and high <= most and high - low >= (most - least) / 2:
            return float(most - least)
    return high - low


def are_images(labels: Array | None, outputs: Array) -> bool:
    """Outputs (N, height, width) or (N, height, width, channels), labels the same, and not all pixels equal."""
    if labels is None or outputs.ndim not in (3, 4) or labels.size != outputs.size:
        return False
    return labels.shape[:3] == outputs.shape[:3] and peak(labels) > 0
