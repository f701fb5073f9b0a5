"""Handwritten digits on crops of photographs: generated pictures, out of real parts that scikit-learn carries.

Data: the photographs of scikit-learn `load_sample_images` (china.jpg by danielbuechele, flower.jpg by vultilion; CC BY
2.0) and its digits (UCI "Optical Recognition of Handwritten Digits", Alpaydin and Kaynak, CC BY 4.0 at UCI; the package
restates no licence). The left part of each photograph and the first digits train; the rest of both is for the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SOURCE = "generated: scikit-learn's digits on crops of its two photographs"
_TRAIN_WIDTH, _TRAIN_DIGITS = 420, 1200
# Of the way from black to white: a digit is that much lighter or darker than the place where it is drawn.
_CONTRAST = 0.6
_SEED = 0


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures (N, size, size, 3) float32 in 0..1, the digit of each (0 to 9), and whether it is drawn (0 or 1)."""

    images: NDArray[np.float32]
    digits: NDArray[np.int64]
    drawn: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Parts:
    masks: NDArray[np.float64]
    digits: NDArray[np.int64]
    photographs: Sequence[NDArray[np.uint8]]


def pictures(size: int, zoom: int, train: int, others: int, drawn: float = 1.0) -> tuple[Pictures, Pictures]:
    """Pictures to train on, and others that share no digit and no part of a photograph with them.

    Args:
        size: of the pictures, in pixels.
        zoom: how often each pixel of an 8×8 digit is repeated in both directions.
        drawn: share of the pictures that show their digit.
    """
    from sklearn.datasets import load_digits, load_sample_images

    carried, photographs = load_digits(), load_sample_images().images
    order = np.random.default_rng(_SEED).permutation(len(carried.target))
    masks, digits = carried.images[order] / 16, carried.target[order].astype(np.int64)
    first = _Parts(masks[:_TRAIN_DIGITS], digits[:_TRAIN_DIGITS], [each[:, :_TRAIN_WIDTH] for each in photographs])
    rest = _Parts(masks[_TRAIN_DIGITS:], digits[_TRAIN_DIGITS:], [each[:, _TRAIN_WIDTH:] for each in photographs])
    rng = np.random.default_rng(_SEED)
    return _made(rng, first, train, size, zoom, drawn), _made(rng, rest, others, size, zoom, drawn)


def crops(size: int, count: int) -> NDArray[np.float32]:
    """Crops of both photographs, each as bright as chance will have it: (count, size, size, 3) in 0..1."""
    from sklearn.datasets import load_sample_images

    rng, photographs = np.random.default_rng(_SEED), load_sample_images().images
    return np.stack([_crop(rng, photographs, size) for _ in range(count)])


def _made(rng: np.random.Generator, parts: _Parts, count: int, size: int, zoom: int, share: float) -> Pictures:
    which = rng.integers(len(parts.masks), size=count)
    drawn = rng.random(count) < share
    images = np.stack([_crop(rng, parts.photographs, size) for _ in range(count)])
    for place in np.flatnonzero(drawn):
        _draw(rng, images[place], np.kron(parts.masks[which[place]], np.ones((zoom, zoom))))
    return Pictures(images, parts.digits[which], drawn.astype(np.int64))


def _crop(rng: np.random.Generator, photographs: Sequence[NDArray[np.uint8]], size: int) -> NDArray[np.float32]:
    photograph = photographs[int(rng.integers(len(photographs)))]
    top, left = (int(rng.integers(length - size + 1)) for length in photograph.shape[:2])
    # Two crops of one place are no equal samples.
    brightness = np.float32(rng.uniform(0.7, 1))
    crop: NDArray[np.float32] = photograph[top : top + size, left : left + size] * (brightness / np.float32(255))
    return crop


def _draw(rng: np.random.Generator, image: NDArray[np.float32], mask: NDArray[np.float64]) -> None:
    """Blend one colour into the image where the mask says so, at any place."""
    top, left = (int(rng.integers(length - len(mask) + 1)) for length in image.shape[:2])
    place = image[top : top + len(mask), left : left + len(mask)]
    ground = place.mean()
    ink = ground + (_CONTRAST if ground < 0.5 else -_CONTRAST) + rng.uniform(-0.1, 0.1, 3)
    place += (mask[..., None] * (ink.clip(0, 1) - place)).astype(np.float32)
