"""Kernels: the weights of a file's layers, read from the file alone, and the real numbers that they stand for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compressor.values import Array


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """One tensor of weights of two or more dimensions.

    Attributes:
        layer: the Keras layer, "" where no name tells.
        tensor: its name in the file, without what a quantizer added.
        role: which of a layer's kernels it is: the operator, and the place among what that reads.
        stored: the numbers as they are stored.
        scales: what one step of the integers is worth, in a shape that meets `stored`; None where real numbers are
            stored.
        zeros: the integers that stand for 0, in the same shape.
    """

    layer: str
    tensor: str
    role: str
    stored: Array
    scales: Array | None = None
    zeros: Array | None = None

    @property
    def real(self) -> NDArray[np.float32]:
        """The real numbers, in the shape they are stored in."""
        if self.scales is None:
            return self.stored.astype(np.float32)
        steps = self.stored.astype(np.float32)
        if self.zeros is not None and self.zeros.any():
            steps -= self.zeros.astype(np.float32)
        return np.asarray(steps * self.scales.astype(np.float32))

    @property
    def bits(self) -> int:
        """Of one stored number."""
        return 8 * self.stored.dtype.itemsize

    @property
    def sparsity(self) -> float:
        """The share of weights that are 0."""
        zero: Array | float = 0 if self.zeros is None else self.zeros
        return float(np.mean(self.stored == zero)) if self.stored.size else 0.0

    @property
    def distinct(self) -> int:
        """How many different numbers are stored."""
        return len(np.unique(self.stored))

    @property
    def distinct_per_scale(self) -> int | None:
        """The most different integers under one scale; None where there is one scale or none.

        Equal weights of two channels are other integers, each by its channel's scale: weights that share few values
        (clustering) are few integers within a channel only.
        """
        if self.scales is None or self.scales.size < 2:
            return None
        return most_distinct(self.stored, int(np.argmax(self.scales.shape)))


def most_distinct(values: Array, axis: int) -> int:
    """The most different numbers that one place along an axis has."""
    channels = np.sort(np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1), axis=1)
    return int(np.max(np.count_nonzero(np.diff(channels), axis=1))) + 1


def along(values: Array, axis: int, dimensions: int) -> Array:
    """Numbers in a shape that meets an array of so many dimensions along one of them; a single one meets all."""
    if values.size == 1:
        return values.reshape([1] * dimensions)
    shape = [1] * dimensions
    shape[axis] = values.size
    return values.reshape(shape)
