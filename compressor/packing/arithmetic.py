"""A binary arithmetic coder in whole numbers: the same bits on every machine.

The carryless range coder of 32 bits that Matt Mahoney's lpaq has made common (http://mattmahoney.net/dc/dce.html,
4.1). `constriction` codes whole arrays under one table; here every bit has its own probability, from what came before.
"""

from __future__ import annotations

from compressor.packing.damage import Damaged

_MASK = 0xFFFFFFFF
_TOP = 0xFF000000
# What a decoder may read behind the end: its window of four bytes.
_BEHIND = 4


class Encoder:
    """Writes bits, each under the probability that it is one, in 65536ths."""

    decoding = False

    def __init__(self) -> None:
        self._low, self._high, self._out = 0, _MASK, bytearray()

    def code(self, bit: int, probability: int) -> int:
        """Write `bit`, and answer it."""
        middle = self._low + ((self._high - self._low) * probability >> 16)
        if bit:
            self._high = middle
        else:
            self._low = middle + 1
        while not (self._low ^ self._high) & _TOP:
            self._out.append(self._low >> 24)
            self._low, self._high = self._low << 8 & _MASK, self._high << 8 & _MASK | 0xFF
        return bit

    def finish(self) -> bytes:
        """All that was written; the fewest bytes that end inside the last interval, zeros behind them understood."""
        for kept in range(_BEHIND + 1):
            unit = 1 << 8 * (_BEHIND - kept)
            value = (self._low + unit - 1) // unit * unit
            if value <= self._high:
                return bytes(self._out + value.to_bytes(_BEHIND + 1, "big")[1 : kept + 1])
        raise AssertionError("an interval without a number")


class Decoder:
    """Reads what an `Encoder` wrote, asked the same probabilities in the same order."""

    decoding = True

    def __init__(self, content: bytes) -> None:
        self._low, self._high, self._place, self._content = 0, _MASK, 0, content
        self._value = 0
        for _ in range(_BEHIND):
            self._value = self._value << 8 | self._next()

    def code(self, _: int, probability: int) -> int:
        """The next bit."""
        middle = self._low + ((self._high - self._low) * probability >> 16)
        bit = int(self._value <= middle)
        if bit:
            self._high = middle
        else:
            self._low = middle + 1
        while not (self._low ^ self._high) & _TOP:
            self._low, self._high = self._low << 8 & _MASK, self._high << 8 & _MASK | 0xFF
            self._value = self._value << 8 & _MASK | self._next()
        return bit

    def _next(self) -> int:
        place = self._place
        self._place += 1
        if place < len(self._content):
            return self._content[place]
        if place > len(self._content) + 2 * _BEHIND:
            raise Damaged("it ends too early")
        return 0


Coder = Encoder | Decoder
