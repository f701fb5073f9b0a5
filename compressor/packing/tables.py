"""Long lists of bytes under one table of how frequent each is, coded by `constriction` (Bamler 2022, arXiv:2201.01741).

A table costs about a hundred bytes, and whole arrays are coded at once: for lists that bit by bit would take too long.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from compressor.packing.damage import Damaged
from compressor.packing.session import Session
from compressor.values import Array

_BYTES = 256
# Frequencies are told in such parts: exact in floating point, so that every machine has the same table.
_PARTS = 1 << 14
_WORD = np.dtype("<u4")


def coded(session: Session, given: Array | None, count: int) -> Array:
    """Code a list of bytes, or answer it.

    Raises:
        Damaged: what is read is no such list.
    """
    even = session.number(0 if given is None else int(_is_even(given)), 9)
    if even:
        raw = np.frombuffer(session.blob(None if given is None else given.tobytes()), np.uint8)
        if len(raw) != count:
            raise Damaged("a list of another length")
        return raw
    shares = None if given is None else _shares(given)
    told = session.numbers([] if shares is None else shares.tolist(), _BYTES)
    frequent = np.array(told, np.int64)
    if frequent.min() < 0 or frequent.sum() != _PARTS:
        raise Damaged("a table that is none")
    there = np.flatnonzero(frequent)
    if len(there) == 1:
        return np.full(count, there[0], np.uint8)
    if given is not None:
        session.blob(_encoded(np.searchsorted(there, given), frequent[there]))
        return given
    return there[_decoded(session.blob(None), frequent[there], count)].astype(np.uint8)


def _is_even(given: Array) -> bool:
    """Whether a table would save less than it takes."""
    counts = np.bincount(given, minlength=_BYTES)
    there = counts[counts > 0]
    saved = len(given) - float(there @ np.log2(len(given) / there)) / 8
    return saved < len(there) / 2


def _shares(given: Array) -> Array:
    """Frequencies in parts that add up; what is there has one at least."""
    counts = np.bincount(given, minlength=_BYTES)
    shares = np.maximum(counts * _PARTS // len(given), counts > 0)
    shares[np.argmax(shares)] += _PARTS - shares.sum()
    return shares


def _encoded(places: Array, frequent: Array) -> bytes:
    import constriction

    encoder = constriction.stream.queue.RangeEncoder()
    encoder.encode(places.astype(np.int32), _model(frequent))
    return bytes(encoder.get_compressed().astype(_WORD).tobytes())


def _decoded(content: bytes, frequent: Array, count: int) -> Array:
    import constriction

    if len(content) % _WORD.itemsize:
        raise Damaged("half a word")
    decoder = constriction.stream.queue.RangeDecoder(np.frombuffer(content, _WORD).astype(np.uint32))
    try:
        return np.asarray(decoder.decode(_model(frequent), count))
    except (AssertionError, ValueError) as error:
        raise Damaged(str(error)) from None


def _model(frequent: Array) -> Any:
    import constriction

    return constriction.stream.model.Categorical(frequent / _PARTS, perfect=False)
