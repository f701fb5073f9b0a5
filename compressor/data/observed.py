"""What is seen of a set while it passes by, block after block: ranges, classes and samples without content."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from compressor.values import Array, Split

# Fewer values than these are equal by chance, as in a table of yes and no.
_VALUES_OF_AN_IMAGE = 16


@dataclass(slots=True)
class Range:
    """Values of one input.

    Attributes:
        squares: sum of their squares.
    """

    count: int = 0
    squares: float = 0.0
    least: float = float("inf")
    largest: float = float("-inf")

    @property
    def rms(self) -> float:
        """Root mean square."""
        return float(np.sqrt(self.squares / max(self.count, 1)))

    def add(self, array: Array) -> None:
        """Count a block of samples in."""
        self.count += array.size
        self.squares += float(np.sum(np.square(array, dtype=np.float64)))
        self.least = min(self.least, array.min().item())
        self.largest = max(self.largest, array.max().item())


@dataclass(slots=True)
class Observed:
    """One set, as far as it has passed by.

    Attributes:
        ranges: of each input that takes real numbers.
        constant: samples all of whose values are equal.
        classes: samples per class number; empty when labels are no class numbers.
    """

    count: int = 0
    ranges: dict[str, Range] = field(default_factory=dict)
    constant: int = 0
    classes: Counter[int] = field(default_factory=Counter)

    def add(self, block: Split, numbered: bool) -> None:
        """Count a block of samples in.

        Args:
            numbered: the labels are class numbers.
        """
        self.count += block.count
        for name, array in block.inputs.items():
            if array.dtype.kind == "f":
                self.ranges.setdefault(name, Range()).add(array)
        flat = [array.reshape(block.count, -1) for array in block.inputs.values()]
        if sum(array.shape[1] for array in flat) >= _VALUES_OF_AN_IMAGE:
            same = [(array == array[:, :1]).all(axis=1) for array in flat]
            self.constant += int(np.logical_and.reduce(same).sum())
        if numbered and block.labels is not None:
            numbers, counts = np.unique(block.labels, return_counts=True)
            self.classes.update({int(number): int(count) for number, count in zip(numbers, counts, strict=True)})
