"""Protobuf messages read field by field, without a schema: https://protobuf.dev/programming-guides/encoding/

The measuring side looks at ONNX files and lacks the `onnx` package. Nothing is copied: bytes are views of the file.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from compressor.values import Array

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_LONGEST_VARINT = 10


class Damaged(ValueError):
    """The bytes are no protobuf message."""


class Message:
    """The fields of one message by number; a number that is not there is empty, zero or nothing."""

    def __init__(self, content: memoryview) -> None:
        self._fields: dict[int, list[int | memoryview]] = {}
        for number, value in _fields(content):
            self._fields.setdefault(number, []).append(value)

    def __contains__(self, number: int) -> bool:
        return number in self._fields

    def number(self, field: int, default: int = 0) -> int:
        """A whole number, signed; the last one where there are several."""
        values = self.numbers(field)
        return values[-1] if values else default

    def numbers(self, field: int) -> list[int]:
        """Whole numbers, packed or not."""
        found: list[int] = []
        for value in self._fields.get(field, ()):
            found += [value] if isinstance(value, int) else _packed(value)
        return [value - (1 << 64) if value >> 63 else value for value in found]

    def blob(self, field: int) -> memoryview:
        """Bytes; the last ones where there are several."""
        return self.blobs(field)[-1] if field in self._fields else memoryview(b"")

    def blobs(self, field: int) -> list[memoryview]:
        """Every bytes value of a field; numbers of four and eight bytes are such too."""
        values = self._fields.get(field, ())
        if not all(isinstance(value, memoryview) for value in values):
            raise Damaged(f"field {field} is a number")
        return [value for value in values if isinstance(value, memoryview)]

    def text(self, field: int) -> str:
        """A string."""
        return bytes(self.blob(field)).decode(errors="replace")

    def texts(self, field: int) -> list[str]:
        """Every string of a field."""
        return [bytes(value).decode(errors="replace") for value in self.blobs(field)]

    def floats(self, field: int) -> Array:
        """Numbers of four bytes, packed or not."""
        return np.concatenate([np.frombuffer(value, "<f4") for value in self.blobs(field)] or [np.zeros(0, "<f4")])

    def message(self, field: int) -> Message:
        """A message; an empty one where there is none."""
        return Message(self.blob(field))

    def messages(self, field: int) -> Iterator[Message]:
        """Every message of a field."""
        return map(Message, self.blobs(field))


def _fields(content: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    place = 0
    while place < len(content):
        key, place = _varint(content, place)
        kind, value = key & 7, 0
        if kind == _VARINT:
            value, place = _varint(content, place)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            size, place = _varint(content, place)
        elif kind in (_EIGHT, _FOUR):
            size = 8 if kind == _EIGHT else 4
        else:
            raise Damaged(f"wire type {kind}")
        if place + size > len(content):
            raise Damaged("it ends in the middle of a value")
        yield key >> 3, content[place : place + size]
        place += size


def _packed(content: memoryview) -> list[int]:
    found, place = [], 0
    while place < len(content):
        value, place = _varint(content, place)
        found.append(value)
    return found


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for count, byte in enumerate(content[place : place + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value & ((1 << 64) - 1), place + count + 1
    raise Damaged("a number without an end")
