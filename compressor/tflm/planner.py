"""Where buffers lie in TFLM's arena: greedy by size, exactly as its `GreedyMemoryPlanner` places them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# MicroArenaBufferAlignment() of tflite-micro.
ALIGNMENT = 16


@dataclass(frozen=True, slots=True)
class Buffer:
    """Memory that is needed for some time.

    Attributes:
        bytes: as needed, before alignment.
        first, last: the operators during which it is alive, both inclusive; times are TFLM's, see `lifetimes`.
        place: from the start of the arena, where whoever made the file has planned it.
    """

    name: str
    bytes: int
    first: int
    last: int
    place: int | None = None

    @property
    def size(self) -> int:
        """Bytes that it occupies."""
        return aligned(self.bytes)

    def meets(self, other: Buffer) -> bool:
        """True when both are alive at some time."""
        return self.first <= other.last and other.first <= self.last


def aligned(size: int) -> int:
    """The next multiple of 16 bytes."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def offsets(buffers: Sequence[Buffer]) -> tuple[int, ...]:
    """The place of every buffer from the start of the arena, in bytes.

    Large ones first; of equal ones the one that was added last, because TFLM fills its list from the end before it
    sorts. Each goes into the first gap that is wide enough between buffers alive at the same time. What has its place
    already comes before all others, and may share it.

    Source: `CalculateOffsetsIfNeeded` in tensorflow/lite/micro/memory_planner/greedy_memory_planner.cc.
    """
    fixed = [(each.place, each) for each in buffers if each.place is not None]
    placed: list[tuple[int, Buffer]] = sorted(fixed, key=lambda each: each[0])
    found = [each.place or 0 for each in buffers]
    for number in sorted(range(len(buffers)), key=lambda each: (-buffers[each].size, -each)):
        wanted = buffers[number]
        if wanted.place is not None:
            continue
        found[number] = _gap(wanted, placed)
        # Sorted by offset alone: of equal offsets the earlier one stays in front, as in TFLM's list.
        placed = sorted([*placed, (found[number], wanted)], key=lambda each: each[0])
    return tuple(found)


def head(buffers: Sequence[Buffer]) -> int:
    """Bytes of the arena that the plan takes."""
    return max((start + each.size for start, each in zip(offsets(buffers), buffers, strict=True)), default=0)


def largest_live(buffers: Sequence[Buffer]) -> int:
    """Bytes that are alive at once when most are: no plan can do with less, where none is made already."""
    starts = {each.first for each in buffers}
    return max((sum(each.size for each in buffers if each.first <= time <= each.last) for time in starts), default=0)


def _gap(wanted: Buffer, placed: Sequence[tuple[int, Buffer]]) -> int:
    candidate = 0
    for start, other in placed:
        if not other.meets(wanted):
            continue
        if start - candidate >= wanted.size:
            break
        candidate = max(candidate, start + other.size)
    return candidate
