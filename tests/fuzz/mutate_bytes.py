"""Bytes spoiled as damage and malice spoil them: flips, runs, cuts, insertions, moved blocks, extreme integers."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

EXTREMES = (0, 1, -1, 2**7, 2**15 - 1, 2**16, 2**31 - 1, -(2**31), 2**32 - 1, 2**40, 2**63 - 1, -(2**63))


def mutate(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    """One to four changes, and what they were."""
    told = []
    for _ in range(rng.choice((1, 1, 2, 4))):
        change = rng.choice(_CHANGES)
        content = change(rng, content) if content else rng.randbytes(8)
        told.append(change.__name__.strip("_"))
    return content, ", ".join(told)


def _flip_bits(rng: random.Random, content: bytes) -> bytes:
    spoiled = bytearray(content)
    for _ in range(rng.choice((1, 3, 16))):
        spoiled[rng.randrange(len(spoiled))] ^= 1 << rng.randrange(8)
    return bytes(spoiled)


def _overwrite(rng: random.Random, content: bytes) -> bytes:
    start, size = rng.randrange(len(content)), rng.choice((1, 4, 32, 256))
    run = rng.choice((b"\0", b"\xff", b"A")) * size if rng.random() < 0.5 else rng.randbytes(size)
    return (content[:start] + run + content[start + size :])[: max(len(content), start + size)]


def _cut_off(rng: random.Random, content: bytes) -> bytes:
    return content[: rng.randrange(len(content))]


def _cut_out(rng: random.Random, content: bytes) -> bytes:
    start = rng.randrange(len(content))
    return content[:start] + content[start + rng.choice((1, 8, 100)) :]


def _insert(rng: random.Random, content: bytes) -> bytes:
    start = rng.randrange(len(content) + 1)
    return content[:start] + rng.randbytes(rng.choice((1, 4, 64))) + content[start:]


def _swap(rng: random.Random, content: bytes) -> bytes:
    size = min(rng.choice((4, 16, 128)), len(content) // 2)
    first, second = sorted(rng.randrange(len(content) - size + 1) for _ in range(2))
    if second < first + size:
        return content
    one, two = content[first : first + size], content[second : second + size]
    return content[:first] + two + content[first + size : second] + one + content[second + size :]


def _extreme(rng: random.Random, content: bytes) -> bytes:
    value, size = rng.choice(EXTREMES), rng.choice((2, 4, 8))
    packed = struct.pack("<q" if value < 0 else "<Q", value)[:size]
    start = rng.randrange(len(content))
    if rng.random() < 0.7:
        start -= start % 4
    return content[:start] + packed + content[start + size :]


_CHANGES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    *(_flip_bits, _overwrite, _cut_off, _cut_out, _insert, _swap, _extreme, _extreme),
)
