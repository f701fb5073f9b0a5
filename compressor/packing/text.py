"""The bytes of a model file's structure: names, shapes, options, offsets.

Contexts are those of flatbuffers and protobuf: the last bytes, the same place of the words before, and the longest
stretch that was there already. It begins with what a typical file has (`typical.bin`), as both sides know that.
"""

from __future__ import annotations

from copy import copy
from functools import cache
from importlib.resources import files

from compressor.packing.arithmetic import Coder, Encoder
from compressor.packing.mixture import Mixture

_CONTEXTS = 12
_REMEMBERED = 5
_LONGEST_MATCH = 31
_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


class Text:
    """A model of bytes that learns as it goes."""

    def __init__(self) -> None:
        self._mixture = Mixture(_CONTEXTS, 8, first=12000, rate=10)
        self._known = bytearray(8)
        self._places: dict[bytes, int] = {}
        self._match, self._length, self._word, self._column = 0, 0, 0, 0
        # Where the tables of a flatbuffer have their kind (its vtable), the last two; where parts begin.
        self._kinds = [0, 0]
        self._parts: set[int] = set()
        self._part = 0

    def code(self, coder: Coder, byte: int) -> int:
        """Code one byte, and answer it."""
        contexts, guesses = self._contexts(), self._guesses()
        sure = min(self._length, _LONGEST_MATCH)
        node = 1
        for place in range(7, -1, -1):
            keys = [context << 8 | node for context in contexts]
            chosen = 0
            for who, (guess, how) in enumerate(guesses):
                if guess >> place + 1 == node:
                    keys.append(who << 20 | how << 1 | guess >> place & 1)
                    chosen |= 1 << who
                else:
                    keys.append((who + 4) << 20 | node)
            chosen = 4 + (sure >= 8) + (sure >= 24) if chosen & 1 else chosen >> 1
            node = node << 1 | self._mixture.code(coder, byte >> place & 1, keys, chosen)
        self._remember(node & 0xFF)
        return node & 0xFF

    def copy(self) -> Text:
        """The same, to learn on by itself."""
        made = copy(self)
        made._mixture = self._mixture.copy()
        made._known, made._places = bytearray(self._known), dict(self._places)
        made._kinds, made._parts = list(self._kinds), set(self._parts)
        return made

    def restart(self) -> None:
        """Another file begins: places count from here."""
        self._column, self._word, self._part = 0, 0, 0
        self._kinds = [0, 0]
        self._parts.clear()

    def _contexts(self) -> list[int]:
        known, column = self._known, self._column & 3
        one, two, three, four = known[-1], known[-2], known[-3], known[-4]
        pair = one | two << 8
        last = pair | three << 16 | four << 24
        within = min(self._column - self._part, 255)
        return [
            8 << 50 | (self._kinds[1] & 0xFFFFFF) << 16 | within << 8 | one,
            1 << 16 | column,
            2 << 16 | one << 2 | column,
            3 << 16 | pair,
            1 << 32 | last & 0xFFFFFF,
            1 << 40 | last,
            1 << 60 | last << 16 | known[-5] << 8 | known[-6],
            1 << 44 | four << 10 | known[-8] << 2 | column,
            1 << 50 | self._word << 8 | one,
        ]

    def _guesses(self) -> list[tuple[int, int]]:
        """The next byte, with a bit before it, as three see it, and how sure they are; 0 of one that sees nothing."""
        known, column = self._known, self._column & 3
        match = self._known[self._match] | 256 if self._match else 0
        told = [(match, min(self._length, _LONGEST_MATCH))]
        so_far = int.from_bytes(known[len(known) - column :], "little") if column else 0
        for kind in self._kinds:
            word = (self._column - column - kind) & 0xFFFFFFFF
            agrees = word & (1 << 8 * column) - 1 == so_far
            told.append((word >> 8 * column & 0xFF | 256 if agrees else 0, column))
        return told

    def _note(self, word: int) -> None:
        """A whole word was read: it may say where a part begins, or what kind of table this is."""
        place = self._column - 4
        if word & 0x80000000:
            if not word & 1 and 0xFF000000 < word < 0xFFFFFF80:
                self._kinds = [self._kinds[1], place - (word - (1 << 32))]
        elif 4 <= word < 1 << 24:
            self._parts.add(place + word)

    def _remember(self, byte: int) -> None:
        known = self._known
        self._column += 1
        self._word = (self._word * 773 + byte + 1) & 0xFFFFFF if byte in _WORD else 0
        if self._match and known[self._match] == byte:
            self._match, self._length = self._match + 1, self._length + 1
        else:
            self._match = self._length = 0
        known.append(byte)
        if not self._column & 3:
            self._note(int.from_bytes(known[-4:], "little"))
            if self._column in self._parts:
                self._part = self._column
        recent = bytes(known[-_REMEMBERED:])
        if not self._match:
            self._match = self._places.get(recent, 0)
        self._places[recent] = len(known)


def experienced() -> Text:
    """A model that has read the typical file."""
    return _experienced().copy()


@cache
def _experienced() -> Text:
    text, unheard = Text(), Encoder()
    for byte in typical():
        text.code(unheard, byte)
    text.restart()
    return text


@cache
def typical() -> bytes:
    """The structure of files that the product writes; a part of the packed format, never to be changed."""
    return (files(__package__) / "typical.bin").read_bytes()
