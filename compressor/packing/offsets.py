"""Offsets in a file, told as if its lists of numbers took no room.

Words of a flatbuffer say how far away other parts are. With lists of numbers cut out, the distance within what is left
is smaller, and alike in files of other sizes. Any word may be an offset or not: every word is exchanged for another one
that no other is exchanged for, so that all come back.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compressor.values import Array

_WORD = np.dtype("<i4")


class Cut:
    """A file of `size` bytes without some stretches, given as (start, end) in order."""

    def __init__(self, stretches: Sequence[tuple[int, int]], size: int) -> None:
        self._starts = np.array([start for start, _ in stretches], np.int64)
        lengths = np.array([end - start for start, end in stretches], np.int64)
        self._before = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        self._places = self._starts - self._before[:-1]
        self._size = size

    def nearer(self, structure: bytes) -> bytes:
        """What is left of the file, its offsets exchanged."""
        return self._exchanged(structure, self._shortened)

    def farther(self, structure: bytes) -> bytes:
        """The way back."""
        return self._exchanged(structure, self._lengthened)

    def _exchanged(self, structure: bytes, exchange: object) -> bytes:
        assert callable(exchange)
        whole = len(structure) // _WORD.itemsize * _WORD.itemsize
        words = np.frombuffer(structure[:whole], _WORD).astype(np.int64)
        here = np.arange(len(words), dtype=np.int64) * _WORD.itemsize
        there = self._original(here)
        far = np.abs(words)
        inside = far < self._size - there
        changed = exchange(np.where(inside, far, 0), here, there)
        made = np.where(inside, np.sign(words) * changed, words)
        return bytes(made.astype(_WORD).tobytes() + structure[whole:])

    def _original(self, place: Array) -> Array:
        """Where places of what is left are in the file."""
        found: Array = place + self._before[np.searchsorted(self._places, place, "right")]
        return found

    def _shortened(self, far: Array, here: Array, there: Array) -> Array:
        target = there + far
        passed = np.searchsorted(self._starts, target, "right")
        last = np.maximum(passed - 1, 0)
        skipped = self._before[np.searchsorted(self._places, here, "right")]
        if not len(self._starts):
            return far
        into = target - self._starts[last]
        cut = (passed > 0) & (into < self._before[last + 1] - self._before[last])
        # Targets inside of what was cut out come after all others.
        left = self._size - self._before[-1] - here
        behind = left + self._before[last] + into - skipped
        found: Array = np.where(cut, behind, target - self._before[passed] - here)
        return found

    def _lengthened(self, far: Array, here: Array, there: Array) -> Array:
        if not len(self._starts):
            return far
        left = self._size - self._before[-1] - here
        cut = far >= left
        skipped = self._before[np.searchsorted(self._places, here, "right")]
        into = np.where(cut, far - left, 0) + skipped
        last = np.minimum(np.searchsorted(self._before, into, "right") - 1, len(self._starts) - 1)
        behind = self._starts[last] + into - self._before[last] - there
        found: Array = np.where(cut, behind, self._original(here + np.where(cut, 0, far)) - there)
        return found
