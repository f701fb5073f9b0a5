"""One file being packed or unpacked: the bits that are mixed, and beside them blocks that others coded.

Everything that is coded goes through here in both directions, so that what is written and what is read cannot differ.
"""

from __future__ import annotations

from collections.abc import Sequence

from compressor.packing import streams
from compressor.packing.arithmetic import Decoder, Encoder
from compressor.packing.damage import Damaged
from compressor.packing.integers import Integers
from compressor.packing.varint import read, written

# How large a single number in a packed file may be: no file has so many bytes.
_LARGEST = 1 << 40
# Bits that the lists of one file may take together, some seconds; beyond them, lists are coded by tables.
_AFFORDED = 600_000


class Session:
    """Coding in one direction.

    Args:
        packed: what is read; None where it is to be written.
        most: bytes that the whole file may have.
    """

    def __init__(self, packed: bytes | None, most: int) -> None:
        self.most = most
        self._blocks: list[bytes] = []
        self._rest = b""
        self._lists = 0
        self._left = _AFFORDED
        self._plain = Integers(3)
        self._model = Integers(streams.CONTEXTS)
        self.coder: Encoder | Decoder
        if packed is None:
            self.coder = Encoder()
            return
        size, place = read(packed, 0)
        self.coder = Decoder(packed[place : place + size])
        self._rest = packed[place + size :]

    @property
    def reading(self) -> bool:
        """Whether a file is unpacked."""
        return self.coder.decoding

    def number(self, value: int, *around: int) -> int:
        """A number of nothing else's kind, of 0 and more; by at most two numbers that tell what to expect.

        Raises:
            Damaged: what is read is negative, or larger than any file.
        """
        first, second = (*around, 0, 0)[:2]
        contexts = (1 << 40 | first, 2 << 40 | second, 3 << 60 | (first & 0xFFFF) << 40 | second & 0xFFFF)
        found = self._plain.code(self.coder, value, contexts)
        if not 0 <= found <= _LARGEST:
            raise Damaged("a number out of its range")
        return found

    def numbers(self, given: Sequence[int], count: int, row: int | None = None, step: int = 1) -> list[int]:
        """A list of numbers, in rows.

        Raises:
            Damaged: it is longer than the file.
        """
        if count > self.most:
            raise Damaged("more numbers than bytes")
        self._lists = min(self._lists + 1, 255)
        return streams.coded(self.coder, self._model, given, count, row or max(count, 1), step, self._lists)

    def affords(self, bits: int) -> bool:
        """Whether there is time for so many bits; then it is taken."""
        if bits > self._left:
            return False
        self._left -= bits
        return True

    def blob(self, given: bytes | None) -> bytes:
        """A block that was coded by others."""
        size = self.number(0 if given is None else len(given), 1)
        if given is not None:
            self._blocks.append(given)
            return given
        if size > len(self._rest):
            raise Damaged("it ends too early")
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    def finished(self) -> bytes:
        """What was written."""
        assert isinstance(self.coder, Encoder)
        mixed = self.coder.finish()
        return b"".join((written(len(mixed)), mixed, *self._blocks))
