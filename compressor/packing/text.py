"""The bytes of a model file's structure: names, shapes, options, offsets.

Contexts are those of flatbuffers and protobuf: the last bytes, the same place of the words before, and the longest
stretch that was there already. It begins with what a typical file has (`typical.bin`), as both sides know that.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from compressor.packing.arithmetic import Coder, Encoder
from compressor.packing.mixture import Mixture

_CONTEXTS = 9
_REMEMBERED = 5
_LONGEST_MATCH = 31
_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


class Text:
    """A model of bytes that learns as it goes."""

    def __init__(self) -> None:
        self._mixture = Mixture(_CONTEXTS, 4, first=22000, rate=10)
        self._known = bytearray(8)
        self._places: dict[bytes, int] = {}
        self._match, self._length, self._word, self._column = 0, 0, 0, 0

    def code(self, coder: Coder, byte: int) -> int:
        """Code one byte, and answer it."""
        contexts = self._contexts()
        guess = self._known[self._match] | 256 if self._match else 0
        sure = min(self._length, _LONGEST_MATCH)
        chosen = 0 if not guess else 1 if sure < 8 else 2 if sure < 24 else 3
        node = 1
        for place in range(7, -1, -1):
            keys = [context << 8 | node for context in contexts]
            if guess and guess >> place + 1 == node:
                keys.append(1 << 20 | sure << 1 | guess >> place & 1)
                bit = self._mixture.code(coder, byte >> place & 1, keys, chosen)
            else:
                keys.append(contexts[1] << 8 | node)
                bit = self._mixture.code(coder, byte >> place & 1, keys)
            node = node << 1 | bit
        self._remember(node & 0xFF)
        return node & 0xFF

    def restart(self) -> None:
        """Another file begins: places count from here."""
        self._column, self._word = 0, 0

    def _contexts(self) -> list[int]:
        known, column = self._known, self._column & 3
        one, two, three, four = known[-1], known[-2], known[-3], known[-4]
        pair = one | two << 8
        last = pair | three << 16 | four << 24
        return [
            1 << 16 | column,
            2 << 16 | one << 2 | column,
            3 << 16 | pair,
            1 << 32 | last & 0xFFFFFF,
            1 << 40 | last,
            1 << 60 | last << 16 | known[-5] << 8 | known[-6],
            1 << 44 | four << 10 | known[-8] << 2 | column,
            1 << 50 | self._word << 8 | one,
        ]

    def _remember(self, byte: int) -> None:
        known = self._known
        self._column += 1
        self._word = (self._word * 773 + byte + 1) & 0xFFFFFF if byte in _WORD else 0
        if self._match and known[self._match] == byte:
            self._match, self._length = self._match + 1, self._length + 1
        else:
            self._match = self._length = 0
        known.append(byte)
        recent = bytes(known[-_REMEMBERED:])
        if not self._match:
            self._match = self._places.get(recent, 0)
        self._places[recent] = len(known)


def experienced() -> Text:
    """A model that has read the typical file."""
    text, unheard = Text(), Encoder()
    for byte in typical():
        text.code(unheard, byte)
    text.restart()
    return text


@cache
def typical() -> bytes:
    """The structure of files that the product writes; a part of the packed format, never to be changed."""
    return (files(__package__) / "typical.bin").read_bytes()
