"""Sums over the values of two arrays, block by block: what every figure of parity is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from compressor.data.columns import rows_per_block
from compressor.values import Array, as_float

# A block is turned into float64 a few times over.
_FLOAT64 = 8


@dataclass(frozen=True, slots=True)
class Sums:
    """Of outputs and reference outputs.

    Attributes:
        differing: how many of `values` are not equal.
        largest, absolute, squared: of the difference: its largest size, the sum of its sizes and that of its squares.
        outputs, reference, product: sums of squares of each, and of their products.
        reach: the size of the largest reference value.
        finite: every value of both is a number.
    """

    values: int = 0
    differing: int = 0
    largest: float = 0.0
    absolute: float = 0.0
    squared: float = 0.0
    outputs: float = 0.0
    reference: float = 0.0
    product: float = 0.0
    reach: float = 0.0
    finite: bool = True

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.values + other.values,
            self.differing + other.differing,
            max(self.largest, other.largest),
            self.absolute + other.absolute,
            self.squared + other.squared,
            self.outputs + other.outputs,
            self.reference + other.reference,
            self.product + other.product,
            max(self.reach, other.reach),
            self.finite and other.finite,
        )


def sums(outputs: Array, reference: Array) -> Sums:
    """The sums of two arrays of one shape; memory does not grow with their rows."""
    if not outputs.ndim:
        return _of_block(outputs, reference)
    size = rows_per_block(_FLOAT64 * math.prod(outputs.shape[1:]), len(outputs) or 1)
    found = Sums()
    for start in range(0, len(outputs), size):
        found += _of_block(outputs[start : start + size], reference[start : start + size])
    return found


def _of_block(outputs: Array, reference: Array) -> Sums:
    ours, theirs = as_float(outputs), as_float(reference)
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        return Sums(ours.size, finite=False)
    difference = ours - theirs
    sizes = np.abs(difference)
    return Sums(
        values=ours.size,
        differing=int(np.count_nonzero(difference)),
        largest=float(sizes.max(initial=0.0)),
        absolute=float(sizes.sum()),
        squared=float(np.square(difference).sum()),
        outputs=float(np.square(ours).sum()),
        reference=float(np.square(theirs).sum()),
        product=float((ours * theirs).sum()),
        reach=float(np.abs(theirs).max(initial=0.0)),
    )
