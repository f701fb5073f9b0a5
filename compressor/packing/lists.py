"""How each list of numbers of a file is coded: as numbers, as places in a list of few values, or byte by byte."""

from __future__ import annotations

import numpy as np

from compressor.packing import codebook, streams, tables
from compressor.packing.codebook import Channels
from compressor.packing.damage import Damaged
from compressor.packing.integers import bits as bits_of
from compressor.packing.session import Session
from compressor.packing.spans import NUMBERS, SCALES, ZERO_POINTS, Span
from compressor.values import Array

_VALUES, _PALETTE, _PLANES, _CODEBOOK = range(4)
# A list whose bits take longer is coded by a table. Sparse ones gain most by what is around, and may take longer.
_MOST_BITS, _MOST_SPARSE_BITS = 120_000, 500_000
_SPARSE = 0.25
_MOST_VALUES = 256
_LONGEST_VALUES = 4096


def order(span: Span) -> tuple[int, int]:
    """Sorts spans so that what a list is predicted by comes before it."""
    kinds = {ZERO_POINTS: 0, SCALES: 2 if span.of is not None else 1, NUMBERS: 3}
    return kinds[span.kind], span.start


def coded(session: Session, span: Span, content: bytearray) -> None:
    """Code the numbers of a span from their place in the file, or to there.

    Args:
        content: the file; when unpacking, with all that comes before in `order`.
    """
    raw = bytes(content[span.start : span.start + span.bytes])
    if span.kind == ZERO_POINTS:
        made: Array = _values(session, np.frombuffer(raw, "<i8"), span)
    elif span.kind == SCALES:
        made = _scales(session, np.frombuffer(raw, "<i4"), span, content)
    else:
        dtype = np.dtype(span.dtype).newbyteorder("<")
        whole = len(raw) // dtype.itemsize * dtype.itemsize
        numbers = _numbers(session, np.frombuffer(raw[:whole], dtype), span, content)
        rest = session.numbers([] if session.reading else list(raw[whole:]), len(raw) - whole)
        content[span.start + whole : span.start + span.bytes] = streams.as_bytes(rest).tobytes()
        made = numbers
    content[span.start : span.start + made.nbytes] = made.tobytes()


def _values(session: Session, values: Array, span: Span) -> Array:
    told = session.numbers(_given(session, values), len(values), span.row, span.step)
    info = np.iinfo(values.dtype)
    if told and (min(told) < info.min or max(told) > info.max):
        raise Damaged("a number out of its range")
    return np.array(told, values.dtype)


def _given(session: Session, values: Array) -> list[int]:
    return [] if session.reading else [int(value) for value in values]


def _scales(session: Session, bits: Array, span: Span, content: bytearray) -> Array:
    """Scales by their bits: of a bias what they differ from input scale × weight scale, of weights as they come."""
    how = session.number(0 if session.reading else _of_scales(session, bits, span), 2)
    if how == _PALETTE:
        return _by_palette(session, bits, span, mixed=True)
    if how == _PLANES:
        return _by_planes(session, bits, span, mixed=False)
    if span.of is None:
        return _values(session, bits, span)
    weights = np.frombuffer(content, "<f4", span.count, span.of)
    with np.errstate(all="ignore"):
        expected = (np.float32(span.times) * weights).view(np.int32).astype(np.int64)
    apart = _values(session, bits.astype(np.int64) - expected, span)
    return (apart + expected).astype("<i4")


def _of_scales(session: Session, bits: Array, span: Span) -> int:
    """How scales are coded: those of a bias as what they differ by, where there is time."""
    if span.of is None and _few(bits):
        return _PALETTE
    return _VALUES if session.affords((1 if span.of is not None else 25) * len(bits)) else _PLANES


def _few(values: Array) -> bool:
    """Whether a list of the values and places in it are shorter."""
    distinct = len(np.unique(values))
    return distinct <= _MOST_VALUES and 2 * distinct <= len(values)


def _numbers(session: Session, values: Array, span: Span, content: bytearray) -> Array:
    bits = values.view(f"<i{values.dtype.itemsize}") if values.dtype.kind == "f" else values
    channels = _channels(span, len(values), content) if values.dtype.kind == "i" else None
    book = None if session.reading or channels is None else codebook.found(values, channels)
    how, mixed = (0, 0) if session.reading else _chosen(session, values, bits, None if book is None else book[1])
    how, mixed = session.number(how, 3, values.dtype.itemsize), session.number(mixed, 4)
    if how == _CODEBOOK and channels is not None:
        made = _by_codebook(session, book, values, span, channels, bool(mixed))
    elif how == _PALETTE:
        made = _by_palette(session, bits, span, bool(mixed))
    elif how == _PLANES:
        made = _by_planes(session, values, span, bool(mixed))
    else:
        made = _values(session, bits, span)
    return made.view(values.dtype)


def _channels(span: Span, count: int, content: bytearray) -> Channels | None:
    """The channel of each number, and the scales of channels; nothing where there is one scale."""
    place, size = span.scales
    if not size or place + 4 * size > len(content):
        return None
    return Channels(np.arange(count) // span.stride % size, np.frombuffer(content, "<f4", size, place))


def _chosen(session: Session, values: Array, bits: Array, book: Array | None) -> tuple[int, int]:
    """How a list is coded, and whether number by number."""
    size = values.dtype.itemsize
    if book is not None and _bits(book) + 24 * (int(book.max()) + 1) < _bits(values):
        return _CODEBOOK, _indexed(session, book)
    if size > 1 and _few(bits):
        return _PALETTE, _indexed(session, np.unique(bits, return_inverse=True)[1])
    short = values.dtype.kind != "f" and (size == 1 or len(bits) <= _LONGEST_VALUES)
    if short and _worth(session, bits):
        return _VALUES, 1
    return _PLANES, int(_worth(session, values.view(np.uint8)))


def _bits(values: Array) -> float:
    """What a list takes by the frequencies of its values, a table of them included."""
    counts = np.unique(values, return_counts=True)[1]
    return float(counts @ np.log2(len(values) / counts)) + 8 * len(counts)


def _indexed(session: Session, index: Array) -> int:
    """Whether places in a list of values, most of them the commonest, are worth coding number by number."""
    return int(_worth(session, index - int(np.argmax(np.bincount(index)))))


def _worth(session: Session, values: Array) -> bool:
    """Whether coding number by number takes no longer than it may."""
    most = _MOST_SPARSE_BITS if np.count_nonzero(values) <= _SPARSE * len(values) else _MOST_BITS
    cost = bits_of(values)
    return cost <= most and session.affords(cost)


def _by_palette(session: Session, values: Array, span: Span, mixed: bool) -> Array:
    """The few values of a list, rising, and the place of each."""
    distinct, index = np.zeros(0, values.dtype), np.zeros(0, np.int64)
    if not session.reading:
        distinct, index = np.unique(values, return_inverse=True)
    palette = _rising(session, distinct)
    return palette[_places(session, index, len(values), len(palette), span, mixed)].astype(values.dtype)


def _by_codebook(
    session: Session,
    book: tuple[Array, Array] | None,
    values: Array,
    span: Span,
    channels: Channels,
    mixed: bool,
) -> Array:
    """Real numbers, rising, and the place of each weight's among them."""
    numbers, index = (np.zeros(0, np.float32), np.zeros(0, np.int64)) if book is None else book
    told = _rising(session, numbers.view(np.int32)).astype(np.int32).view(np.float32)
    places = _places(session, index, len(values), len(told), span, mixed)
    return codebook.integers(told, places, channels, values.dtype)


def _rising(session: Session, values: Array) -> Array:
    size = session.number(len(values), 5)
    if not 0 < size <= _MOST_VALUES:
        raise Damaged("a list of values that is none")
    steps = np.diff(values.astype(np.int64), prepend=0)
    return np.cumsum(np.array(session.numbers(_given(session, steps), size), np.int64))


def _places(session: Session, index: Array, count: int, size: int, span: Span, mixed: bool) -> Array:
    """The place of each number in a list of `size`; that of the commonest is told as 0."""
    if mixed:
        common = 0 if session.reading else int(np.argmax(np.bincount(index)))
        common = session.number(common, 6)
        told = session.numbers(_given(session, index - common), count, span.row, span.step)
        found: Array = np.array(told, np.int64) + common
    else:
        found = tables.coded(session, None if session.reading else index.astype(np.uint8), count).astype(np.int64)
    if count and not 0 <= found.min() <= found.max() < size:
        raise Damaged("a value that is not in its list")
    return found


def _by_planes(session: Session, values: Array, span: Span, mixed: bool) -> Array:
    """Bytes by their place in the number: exponents have few values, mantissas any."""
    parts: list[Array] = []
    for plane in streams.planes(values):
        if mixed:
            told = session.numbers(_given(session, plane), len(plane), span.row, span.step)
            parts.append(streams.as_bytes(told))
        else:
            parts.append(tables.coded(session, None if session.reading else plane, len(plane)))
    return streams.joined(parts, values.dtype)
