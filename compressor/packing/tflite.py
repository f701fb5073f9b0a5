"""A TFLite file taken apart: its structure as text, its lists of numbers each as suits it."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from compressor.packing import general, lists, spans
from compressor.packing.damage import Damaged
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
    _structure(session, _without(content, cut))
    _all_lists(session, cut, bytearray(content))
    return session.finished()


def unpacked(content: bytes, size: int) -> bytes:
    """The file of `size` bytes that `packed` took apart.

    Raises:
        Damaged, and others of `spans.UNREADABLE`: it did not.
    """
    session = Session(content, size)
    layout = _layout(session, None)
    structure = _structure(session, None)
    cut, whole = _put_together(layout, structure, size)
    _all_lists(session, cut, whole)
    return bytes(whole)


def _plain(span: Span, content: bytes) -> bool:
    """Whether its length stands before it, and zeros fill it up."""
    told = _LENGTH.unpack_from(content, span.start - _LENGTH.size)[0]
    return told == span.count and not any(content[span.start + span.bytes : span.end])


def _layout(session: Session, cut: Sequence[Span] | None) -> list[tuple[int, int]]:
    """Kind of each span and its distance from the one before."""
    count = session.number(0 if cut is None else len(cut), 7)
    if count > session.most // _LENGTH.size:
        raise Damaged("more lists than bytes")
    told: list[tuple[int, int]] = []
    kinds, gaps, end = [0, 0], [0, 0], 0
    for place in range(count):
        kind = session.number(cut[place].kind if cut else 0, 8 + kinds[-1], kinds[-2] << 8 | gaps[-1])
        gap = session.number(cut[place].start - end if cut else 0, 12 + kind * 3 + kinds[-1], kind << 12 | gaps[-2])
        if kind not in spans.UNIT:
            raise Damaged("a list of no kind")
        kinds, gaps = [kinds[-1], kind], [gaps[-1], gap]
        end = cut[place].end if cut else 0
        told.append((kind, gap))
    return told


def _structure(session: Session, given: bytes | None) -> bytes:
    size = session.number(0 if given is None else len(given), 30)
    if size > session.most:
        raise Damaged("more structure than file")
    if size > _LONGEST_TEXT:
        block = session.blob(None if given is None else general.packed(given))
        return general.unpacked(block, size) if given is None else given
    text, coder = experienced(), session.coder
    return bytes(text.code(coder, given[place] if given else 0) for place in range(size))


def _without(content: bytes, cut: Sequence[Span]) -> bytes:
    ends = [0, *(span.end for span in cut)]
    starts = [*(span.start for span in cut), len(content)]
    return b"".join(content[end:start] for end, start in zip(ends, starts, strict=True))


def _put_together(layout: Sequence[tuple[int, int]], structure: bytes, size: int) -> tuple[list[Span], bytearray]:
    """The file with zeros for its lists, and where they are."""
    whole = bytearray(size)
    cut, place, taken = [], 0, 0
    for kind, gap in layout:
        if gap < _LENGTH.size or taken + gap > len(structure) or place + gap > size:
            raise Damaged("a list that is nowhere")
        whole[place : place + gap] = structure[taken : taken + gap]
        place, taken = place + gap, taken + gap
        span = Span(place, kind, _LENGTH.unpack_from(structure, taken - _LENGTH.size)[0])
        cut.append(span)
        place = span.end
    if len(structure) - taken != size - place:
        raise Damaged("parts that do not fill the file")
    whole[place:] = structure[taken:]
    return cut, whole


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
