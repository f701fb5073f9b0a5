"""Arrays of a data set side by side, wherever they lie: read in blocks of samples, or by chosen rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from compressor.errors import BadInput
from compressor.values import Array, Split, Stream

# Large enough to keep a disk busy, small enough to be copied a few times over.
BLOCK_BYTES = 32 << 20
_ROWS = 256
_FLOAT = 4


class Column(Protocol):
    """One array, first axis = samples."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole array."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """As it is stored."""

    def blocks(self, size: int) -> Iterator[Array]:
        """The samples in order, `size` at a time."""

    def pick(self, rows: NDArray[np.intp]) -> Array:
        """The samples of these numbers, which ascend."""


@dataclass(frozen=True, slots=True)
class ArrayColumn:
    """Anything that has a shape and a dtype and can be sliced: an array in memory, a memory map, a dataset of h5py."""

    array: Any
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def blocks(self, size: int) -> Iterator[Array]:
        """The samples in order, `size` at a time."""
        for start in range(0, self.shape[0], size):
            yield np.asarray(self.array[start : start + size])

    def pick(self, rows: NDArray[np.intp]) -> Array:
        """The samples of these numbers; no others are read."""
        if isinstance(self.array, np.ndarray):
            return np.asarray(self.array[rows])
        picked = np.empty((len(rows), *self.shape[1:]), self.dtype)
        for place, row in enumerate(rows):
            picked[place] = np.asarray(self.array[row : row + 1])[0]
        return picked


def column_of(value: Any) -> ArrayColumn:
    """The column of an array-like; what cannot be sliced as numpy slices is copied into memory.

    Raises:
        ValueError, TypeError: it is no array at all.
    """
    try:
        shape, dtype = tuple(int(size) for size in value.shape), np.dtype(value.dtype)
    except (AttributeError, TypeError, ValueError):
        value = np.asarray(value)
        shape, dtype = value.shape, value.dtype
    return ArrayColumn(value, shape, dtype)


def check_dtypes(told: str, dtypes: Mapping[str, np.dtype[Any]]) -> None:
    """Refuse arrays of Python objects.

    Args:
        told: what holds the arrays, for the message.

    Raises:
        BadInput: names the first such array.
    """
    for name, dtype in dtypes.items():
        if dtype.hasobject:
            raise BadInput(
                f"{told}: the array {name} holds Python objects",
                expected="numbers",
                fix="convert it to one numeric dtype",
            )


def picked_in_passing(column: Column, rows: NDArray[np.intp], size: int) -> Array:
    """The samples of these ascending numbers, from one pass over all."""
    picked = np.empty((len(rows), *column.shape[1:]), column.dtype)
    start = 0
    for block in column.blocks(size):
        first, last = np.searchsorted(rows, (start, start + len(block)))
        picked[first:last] = block[rows[first:last] - start]
        start += len(block)
    return picked


def rows_per_block(row_bytes: int, most: int = _ROWS) -> int:
    """How many samples of that size are read at a time: at most `most`, at least one."""
    return max(1, min(most, BLOCK_BYTES // max(row_bytes, 1)))


def sample_bytes(split: Split) -> int:
    """Bytes of one sample's inputs."""
    return sum(array.nbytes for array in split.inputs.values()) // max(split.count, 1)


@dataclass(frozen=True, slots=True)
class Part:
    """The columns of one set: inputs by name, and labels when there are any, all of `count` samples.

    Attributes:
        prepare: applied to all samples that are read.
    """

    inputs: Mapping[str, Column]
    labels: Column | None
    count: int
    prepare: Callable[[Split], Split] | None = None

    def blocks(self, size: int = _ROWS) -> Iterator[Split]:
        """The samples in order, `size` at a time or fewer when they are large."""
        size = self._rows(size)
        columns = [*self.inputs.values(), *([] if self.labels is None else [self.labels])]
        for arrays in zip(*(column.blocks(size) for column in columns), strict=True):
            yield self._split(list(arrays))

    def pick(self, rows: NDArray[np.intp]) -> Split:
        """The samples of these ascending numbers, in memory."""
        columns = [*self.inputs.values(), *([] if self.labels is None else [self.labels])]
        return self._split([column.pick(rows) for column in columns])

    def whole(self) -> Split:
        """All samples in memory."""
        return self.pick(np.arange(self.count))

    def stream(self, chosen: NDArray[np.bool_] | None = None) -> Stream:
        """All samples, or those that are chosen, read block by block."""
        if chosen is None:
            return Stream(self.count, self.blocks)
        return Stream(int(chosen.sum()), lambda size: self._chosen_blocks(chosen, size))

    def _chosen_blocks(self, chosen: NDArray[np.bool_], size: int) -> Iterator[Split]:
        start = 0
        for block in self.blocks(size):
            mask = chosen[start : start + block.count]
            start += block.count
            if mask.any():
                yield block.rows(mask)

    def _split(self, arrays: list[Array]) -> Split:
        inputs = dict(zip(self.inputs, arrays, strict=False))
        split = Split(inputs, None if self.labels is None else arrays[-1])
        return split if self.prepare is None else self.prepare(split)

    def _rows(self, size: int) -> int:
        columns = [*self.inputs.values(), *([] if self.labels is None else [self.labels])]
        # Whatever is stored in a byte becomes a float32 sooner or later.
        widths = [max(column.dtype.itemsize, _FLOAT) * math.prod(column.shape[1:]) for column in columns]
        return rows_per_block(sum(widths), size)
