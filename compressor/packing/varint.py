"""Whole numbers in as many bytes as they need, seven bits in each: the encoding of protobuf."""

from __future__ import annotations

from compressor.packing.damage import Damaged

_LONGEST = 6


def written(value: int) -> bytes:
    """The bytes of a number of 0 and more."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def read(content: bytes, place: int) -> tuple[int, int]:
    """A number, and where it ends.

    Raises:
        Damaged: it has no end.
    """
    value = 0
    for count, byte in enumerate(content[place : place + _LONGEST]):
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value, place + count + 1
    raise Damaged("a number without an end")
