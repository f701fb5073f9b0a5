"""Packed files: a model file in fewer bytes, and back to the same ones.

A packed file begins with `CPK` and the version of the format, 1; then come the SHA-256 of what is packed, its size and
how it is coded (see docs/packing.md). Nothing in it is run, and nothing is read that its own size does not allow for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress

from compressor.errors import BadInput
from compressor.packing import general, tflite
from compressor.packing.damage import Damaged
from compressor.packing.spans import UNREADABLE
from compressor.packing.varint import read, written

MAGIC = b"CPK\x01"
SUFFIX = ".cpk"
_HASH = 32
_STORED, _GENERAL, _TFLITE = range(3)
_TFLITE_FILE = b"TFL3"
# Of a larger file that could be taken apart, nothing else is tried.
_LARGE = 1 << 20
# A packed file never stands for more than so many times its bytes, and so much more: unpacking one takes memory that
# its size tells. What could be coded in fewer bytes is filled up.
_RATIO, _FREE = 512, 1 << 16


def pack(content: bytes, proven: bool = True) -> bytes:
    """The packed file of a model file's content, of any kind; the same bytes each time.

    Args:
        proven: it is unpacked and compared; without, it takes half as long.

    Raises:
        MissingTool: the package that codes long lists is not installed.
    """
    for how, coded in sorted(_ways(content), key=lambda way: len(way[1])):
        head = MAGIC + hashlib.sha256(content).digest() + written(len(content)) + bytes((how,))
        whole = head + written(len(coded)) + coded
        whole += bytes(max(0, -(-(len(content) - _FREE) // _RATIO) - len(whole)))
        if how == _STORED or not proven or _comes_back(whole, content):
            return whole
    raise AssertionError("stored bytes come back")


def _ways(content: bytes) -> Iterator[tuple[int, bytes]]:
    yield _STORED, content
    taken_apart = False
    if content[4:8] == _TFLITE_FILE:
        with suppress(*UNREADABLE):
            yield _TFLITE, tflite.packed(content)
            taken_apart = True
    if not taken_apart or len(content) <= _LARGE:
        yield _GENERAL, general.packed(content)


def unpack(packed: bytes, name: str = "the file") -> bytes:
    """The content of the file that was packed.

    Raises:
        BadInput: it is no packed file, or a damaged one.
        MissingTool: the package that codes long lists is not installed.
    """
    expected = "a file that `compressor pack` wrote"
    if packed[: len(MAGIC)] != MAGIC:
        newer = packed[:3] == MAGIC[:3] and len(packed) > 3
        told = f"format {packed[3]}" if newer else f"{len(packed)} other bytes"
        fix = "use the version of compressor that packed it" if newer else None
        raise BadInput(f"{name} is no packed file of format {MAGIC[3]}", expected=expected, received=told, fix=fix)
    try:
        return _unpacked(packed)
    except (*UNREADABLE, MemoryError) as error:
        told = " ".join(str(error).split())[:120] or type(error).__name__
        raise BadInput(f"{name} is a damaged packed file", expected=expected, received=told) from None


def _unpacked(packed: bytes) -> bytes:
    place = len(MAGIC) + _HASH
    hashed = packed[len(MAGIC) : place]
    size, place = read(packed, place)
    if size > _RATIO * len(packed) + _FREE:
        raise Damaged(f"it says to hold {size} bytes, more than {len(packed)} can")
    how = packed[place]
    length, place = read(packed, place + 1)
    coded, rest = packed[place : place + length], packed[place + length :]
    if len(coded) != length or any(rest):
        raise Damaged("it is longer or shorter than it says")
    content = {_STORED: _stored, _GENERAL: general.unpacked, _TFLITE: tflite.unpacked}[how](coded, size)
    if len(content) != size or hashlib.sha256(content).digest() != hashed:
        raise Damaged("what it holds is not what was packed: the SHA-256 differs")
    return content


def _stored(coded: bytes, _: int) -> bytes:
    return coded


def _comes_back(packed: bytes, content: bytes) -> bool:
    try:
        return unpack(packed) == content
    except BadInput:
        return False
