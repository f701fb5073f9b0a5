"""Lists of numbers, coded one by one in what is around them; long ones by a table of how frequent each is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from compressor.packing.arithmetic import Coder
from compressor.packing.damage import Damaged
from compressor.packing.integers import Integers
from compressor.values import Array

CONTEXTS = 7
_SEEN_AT_MOST = 7


def coded(coder: Coder, model: Integers, given: Sequence[int], count: int, row: int, step: int, who: int) -> list[int]:
    """Code a list in rows: each number beside the ones before, those above and what its row and column hold.

    Args:
        given: the numbers; of none when decoding.
        row: entries of one row.
        step: how far the neighbour in space is.
        who: tells lists apart; up to 255.
    """
    found: list[int] = []
    filled = [0] * row
    in_row = 0
    apart = who << 16
    for place in range(count):
        column = place % row
        if not column:
            in_row = 0
        contexts = _contexts(found, place, row, step, apart)
        above = min(filled[column], _SEEN_AT_MOST)
        share = 8 * in_row // (column + 4)
        contexts.append(5 << 56 | apart | above << 8 | share)
        contexts.append(6 << 56 | apart | _size(found, place - row) << 12 | above << 8 | _size(found, place - 1))
        value = model.code(coder, given[place] if given else 0, contexts)
        found.append(value)
        if value:
            filled[column] += 1
            in_row += 1
    return found


def _contexts(found: Sequence[int], place: int, row: int, step: int, apart: int) -> list[int]:
    before = found[place - 1] if place else 0
    return [
        0,
        1 << 56 | apart,
        2 << 56 | apart | _size(found, place - 1) << 8 | _size(found, place - 2),
        3 << 56 | apart | _size(found, place - row) << 8 | _size(found, place - step),
        4 << 56 | apart << 8 | before & 0xFFFF,
    ]


def _size(found: Sequence[int], place: int) -> int:
    """How long a number is; of none, as of zero."""
    return found[place].bit_length() if place >= 0 else 0


def planes(values: Array) -> Iterator[Array]:
    """The bytes of numbers by their place, the highest first."""
    size = values.dtype.itemsize
    each = np.ascontiguousarray(values).view(np.uint8).reshape(-1, size)
    yield from (each[:, place] for place in range(size - 1, -1, -1))


def joined(parts: Sequence[Array], dtype: np.dtype[np.generic]) -> Array:
    """Numbers of their bytes by place; the way back from `planes`."""
    return np.ascontiguousarray(np.stack(parts[::-1], axis=1)).reshape(-1).view(dtype)


def as_bytes(found: Sequence[int]) -> Array:
    """Bytes that were coded as numbers.

    Raises:
        Damaged: one is none.
    """
    if found and (min(found) < 0 or max(found) > 255):
        raise Damaged("a byte that is none")
    return np.array(found, np.uint8)
