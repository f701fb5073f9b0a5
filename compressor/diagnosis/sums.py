"""What is kept of a tensor over all samples: sums, so that memory does not grow with them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from compressor.diagnosis.opened import Grid
from compressor.measurement.parity import SQNR_CEILING_DB
from compressor.values import Array

# Of a step: what is nearer to an end of the integers lies on it.
_NEAR = 0.25
_LEAST = 8


@dataclass(slots=True)
class Difference:
    """One set of numbers against another."""

    count: int = 0
    noise: float = 0.0
    signal: float = 0.0
    largest: float = 0.0

    def add(self, got: NDArray[np.float64], reference: NDArray[np.float64]) -> None:
        """Those of one more sample."""
        apart = got - reference
        self.count += reference.size
        self.noise += float(np.square(apart).sum())
        self.signal += float(np.square(reference).sum())
        self.largest = max(self.largest, float(np.abs(apart).max(initial=0.0)))

    @property
    def relative(self) -> float:
        """Root mean square of the difference over that of the reference."""
        if self.noise == 0:
            return 0.0
        # Where there should be nothing at all, everything is wrong.
        return math.sqrt(self.noise / self.signal) if self.signal else 1.0

    @property
    def rms(self) -> float:
        """Root mean square of the difference."""
        return math.sqrt(self.noise / self.count) if self.count else 0.0

    @property
    def sqnr_db(self) -> float:
        """10·log10 of signal over noise, within what parity tells."""
        if self.noise == 0:
            return SQNR_CEILING_DB
        ratio = 10 * math.log10(self.signal / self.noise) if self.signal else -SQNR_CEILING_DB
        return max(-SQNR_CEILING_DB, min(SQNR_CEILING_DB, ratio))


@dataclass(slots=True)
class Slope:
    """Least squares of one set of numbers over another, with an intercept.

    The standard error is that of clusters (Liang and Zeger 1986): values of one sample are no independent ones.
    """

    samples: list[tuple[float, ...]] = field(default_factory=list)

    def add(self, got: NDArray[np.float64], reference: NDArray[np.float64]) -> None:
        """Those of one more sample."""
        sums = (reference.sum(), got.sum(), np.square(reference).sum(), (reference * got).sum())
        self.samples.append((float(reference.size), *map(float, sums)))

    def fitted(self) -> tuple[float, float] | None:
        """The slope and its standard error; None where the reference does not vary."""
        if not self.samples:
            return None
        each = np.array(self.samples)
        count, x, y, xx, xy = each.sum(0)
        spread = xx - x * x / max(count, 1.0)
        if count < _LEAST or spread <= 1e-12 * xx or not xx:
            return None
        mean = x / count
        slope = (xy - mean * y) / spread
        intercept = y / count - slope * mean
        scores = (each[:, 4] - mean * each[:, 2]) - intercept * (each[:, 1] - mean * each[:, 0])
        scores -= slope * (each[:, 3] - mean * each[:, 1])
        few = len(each) / max(len(each) - 1, 1)
        return float(slope), float(math.sqrt(few * np.square(scores).sum()) / spread)


@dataclass(slots=True)
class Channels:
    """Differences channel by channel: is each of them off by a constant?"""

    count: Array | None = None
    total: Array | None = None
    squares: Array | None = None

    def add(self, apart: NDArray[np.float64], kept: NDArray[np.bool_], axis: int) -> None:
        """Those of one more sample; only `kept` ones count."""
        rows = np.moveaxis(apart, axis, -1).reshape(-1, apart.shape[axis])
        which = np.moveaxis(kept, axis, -1).reshape(rows.shape)
        sums = np.stack([which.sum(0), (rows * which).sum(0), (np.square(rows) * which).sum(0)])
        if self.count is None or self.total is None or self.squares is None:
            self.count, self.total, self.squares = sums
        elif self.count.shape == sums[0].shape:
            self.count, self.total, self.squares = self.count + sums[0], self.total + sums[1], self.squares + sums[2]

    def explained(self) -> float:
        """Share of the squared difference that a constant per channel explains."""
        if self.count is None or self.total is None or self.squares is None or not self.squares.sum():
            return 0.0
        seen = self.count > 1
        constant = np.square(self.total[seen]) / self.count[seen]
        return float(constant.sum() / self.squares.sum())


@dataclass(slots=True)
class Range:
    """How the samples fill the integers of a tensor."""

    grid: Grid
    low: float = math.inf
    high: float = -math.inf
    count: int = 0
    beyond: int = 0
    samples: int = 0
    samples_beyond: int = 0

    def add(self, got: NDArray[np.float64], reference: NDArray[np.float64]) -> None:
        """Those of one more sample: what the integers were, and what they should have told."""
        self.low, self.high = min(self.low, float(got.min())), max(self.high, float(got.max()))
        self.count += reference.size
        step = self.grid.scale
        beyond = int(((reference > self.grid.high + step) | (reference < self.grid.low - step)).sum())
        self.beyond += beyond
        self.samples += 1
        self.samples_beyond += beyond > 0

    @property
    def steps(self) -> float:
        """How many integers lie between the smallest and the largest."""
        return round((self.high - self.low) / self.grid.scale) + 1 if self.count else 0.0

    @property
    def use(self) -> float:
        """Share of the integers' range that is filled."""
        return min(1.0, self.steps / (self.grid.last - self.grid.first + 1))

    @property
    def cut_off(self) -> float:
        """Share of values that lie beyond the integers' range by more than a step."""
        return self.beyond / self.count if self.count else 0.0


class Sums:
    """All that is kept of one tensor; `axis` is that of its channels."""

    def __init__(self, grid: Grid | None, axis: int) -> None:
        self._grid, self._axis = grid, axis
        self.whole, self.alone, self.before = Difference(), Difference(), Difference()
        self.gain, self.own_gain = Slope(), Slope()
        self.channels = Channels()
        self.range = None if grid is None else Range(grid)
        self.peak = 0.0

    def add(self, reference: Array, got: Array, alone: Array | None) -> None:
        """The tensor for one more sample: of the reference, of the file, and of its operator run alone."""
        ours = got.astype(np.float64)
        theirs = reference.astype(np.float64).reshape(ours.shape)
        self.peak = max(self.peak, float(np.abs(theirs).max(initial=0.0)))
        self.whole.add(ours, theirs)
        kept = self._inside(ours) & (theirs != 0)
        self.gain.add(ours[kept], theirs[kept])
        if self.range is not None:
            self.range.add(ours, theirs)
        if alone is not None:
            own = alone.astype(np.float64).reshape(ours.shape)
            self.alone.add(own, theirs)
            self.before.add(ours, own)
            kept = self._inside(own) & (theirs != 0)
            self.own_gain.add(own[kept], theirs[kept])
            if own.ndim:
                self.channels.add(own - theirs, kept, self._axis % own.ndim)

    def _inside(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """What does not lie on an end of the integers, where it may have been cut off."""
        if self._grid is None:
            return np.ones(values.shape, np.bool_)
        near = self._grid.scale * _NEAR
        return (values > self._grid.low + near) & (values < self._grid.high - near)
