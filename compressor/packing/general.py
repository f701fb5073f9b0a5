"""Bytes of any kind, by LZMA2: of the general compressors the best that Python brings, and no package is needed."""

from __future__ import annotations

import lzma

from compressor.packing.damage import Damaged

_PRESET = 9 | lzma.PRESET_EXTREME
# Files up to a size are coded in every way, and larger ones fast, a second for some MB.
_SMALL, _LARGE, _FAST = 1 << 20, 8 << 20, 1
_SMALLEST_DICTIONARY, _LARGEST_DICTIONARY = 1 << 12, 1 << 26
_LC_LP_PB = ((0, 2, 2), (3, 0, 0), (0, 0, 0))


def packed(content: bytes) -> bytes:
    """The bytes coded; the first says how. Words of four bytes and text are tried, where there are few bytes."""
    settings = range(len(_LC_LP_PB)) if len(content) <= _SMALL else range(1)
    tried = (
        bytes((number,)) + lzma.compress(content, lzma.FORMAT_RAW, filters=_filters(number, len(content)))
        for number in settings
    )
    return min(tried, key=len)


def unpacked(content: bytes, size: int) -> bytes:
    """The `size` bytes that were coded.

    Raises:
        Damaged: they were not.
    """
    if not content or content[0] >= len(_LC_LP_PB):
        raise Damaged("an unknown way of coding")
    try:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_filters(content[0], size))
        found = decoder.decompress(content[1:], size + 1) if size else b""
    except lzma.LZMAError as error:
        raise Damaged(str(error)) from None
    if len(found) != size:
        raise Damaged("it holds fewer or more bytes than it says")
    return found


def _filters(number: int, size: int) -> list[dict[str, int]]:
    preset = _FAST if size > _LARGE else _PRESET
    dictionary = min(max(1 << max(size - 1, 1).bit_length(), _SMALLEST_DICTIONARY), _LARGEST_DICTIONARY)
    lc, lp, pb = _LC_LP_PB[number]
    return [{"id": lzma.FILTER_LZMA2, "preset": preset, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}]
