"""A TFLite file taken apart: its structure as text, its lists of numbers each as suits it."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from compressor.packing import general, lists, spans
from compressor.packing.damage import Damaged
from compressor.packing.offsets import Cut
from compressor.packing.session import Session
from compressor.packing.spans import Span
from compressor.packing.text import experienced

# Longer structures take too long byte by byte.
_LONGEST_TEXT = 24_000
_LENGTH = struct.Struct("<I")


def packed(content: bytes) -> bytes:
    """The lists and the structure of a file, coded.

    Raises:
        ValueError and others of `spans.UNREADABLE`: it is no sound TFLite file.
    """
    session = Session(None, len(content))
    cut = [span for span in spans.found(content).values() if _plain(span, content)]
    _layout(session, cut)
    _structure(session, structure(content, cut))
    _all_lists(session, cut, bytearray(content))
    return session.finished()


def unpacked(content: bytes, size: int) -> bytes:
    """The file of `size` bytes that `packed` took apart.

    Raises:
        Damaged, and others of `spans.UNREADABLE`: it did not.
    """
    session = Session(content, size)
    cut = _layout(session, None)
    if cut and cut[-1].end > size:
        raise Damaged("lists that do not fit")
    whole = _put_together(cut, _structure(session, None), size)
    _all_lists(session, cut, whole)
    return bytes(whole)


def structure(content: bytes, cut: Sequence[Span]) -> bytes:
    """A file without its lists, their lengths zero, and offsets as if they had never been there."""
    outline = bytearray(content)
    for span in cut:
        _LENGTH.pack_into(outline, span.start - _LENGTH.size, 0)
    ends = [0, *(span.end for span in cut)]
    starts = [*(span.start for span in cut), len(content)]
    left = b"".join(outline[end:start] for end, start in zip(ends, starts, strict=True))
    return _cut(cut, len(content)).nearer(left)


def _put_together(cut: Sequence[Span], told: bytes, size: int) -> bytearray:
    """The file with zeros for its lists; the way back from `structure`."""
    if len(told) + sum(span.end - span.start for span in cut) != size:
        raise Damaged("parts that do not fill the file")
    left, whole = _cut(cut, size).farther(told), bytearray(size)
    place = taken = 0
    for span in cut:
        gap = span.start - place
        whole[place : span.start] = left[taken : taken + gap]
        _LENGTH.pack_into(whole, span.start - _LENGTH.size, span.count)
        place, taken = span.end, taken + gap
    whole[place:] = left[taken:]
    return whole


def _cut(cut: Sequence[Span], size: int) -> Cut:
    return Cut([(span.start, span.end) for span in cut], size)


def _plain(span: Span, content: bytes) -> bool:
    """Whether its length stands before it, and zeros fill it up."""
    told = _LENGTH.unpack_from(content, span.start - _LENGTH.size)[0]
    return bool(told == span.count) and not any(content[span.start + span.bytes : span.end])


def _layout(session: Session, cut: Sequence[Span] | None) -> list[Span]:
    """Kind, distance from the one before, and length of each list."""
    count = session.number(0 if cut is None else len(cut), 7)
    if count > session.most // _LENGTH.size:
        raise Damaged("more lists than bytes")
    told: list[Span] = []
    kinds, gaps, length, end = (0, 0), (0, 0), 0, 0
    for place in range(count):
        span = cut[place] if cut else Span(0, 0, 0)
        kind = session.number(span.kind, 8 + kinds[1], kinds[0] << 8 | gaps[1])
        if kind not in spans.UNIT:
            raise Damaged("a list of no kind")
        gap = session.number(span.start - end, 12 + kind * 3 + kinds[1], kind << 12 | gaps[0])
        more = session.number(_folded(span.count - length), 22 + kind * 3 + kinds[1], kind << 4 | length % 4)
        length += (more >> 1) ^ -(more & 1)
        if length < 0 or gap < _LENGTH.size:
            raise Damaged("a list that is nowhere")
        told.append(Span(end + gap, kind, length))
        kinds, gaps, end = (kinds[1], kind), (gaps[1], gap), told[-1].end
    return told


def _folded(number: int) -> int:
    """Numbers of both signs as those of 0 and more."""
    return 2 * number if number >= 0 else -2 * number - 1


def _structure(session: Session, given: bytes | None) -> bytes:
    size = session.number(0 if given is None else len(given), 32)
    if size > session.most:
        raise Damaged("more structure than file")
    if size > _LONGEST_TEXT:
        block = session.blob(None if given is None else general.packed(given))
        return general.unpacked(block, size) if given is None else given
    text, coder = experienced(), session.coder
    return bytes(text.code(coder, given[place] if given else 0) for place in range(size))


def _all_lists(session: Session, cut: Sequence[Span], content: bytearray) -> None:
    outline = bytearray(content)
    for span in cut:
        outline[span.start : span.end] = bytes(span.end - span.start)
    known = spans.found(bytes(outline))
    for span in sorted((_known(span, known) for span in cut), key=lists.order):
        lists.coded(session, span, content)


def _known(span: Span, known: dict[int, Span]) -> Span:
    """What the file with zeros in place of numbers tells of a list."""
    told = known.get(span.start)
    return told if told is not None and (told.kind, told.count) == (span.kind, span.count) else span
