"""Pictures as PNG, so small that a report can carry them (ISO/IEC 15948; no library is needed for eight bits)."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from compressor.values import Array

# Longer side of a picture in a report, in pixels.
LONGEST = 96
_SMALLEST = 4
_CHANNELS = (1, 3)
_GREY, _RGB = 0, 2


def pictured(shape: tuple[int, ...]) -> bool:
    """Whether a sample of this shape can be shown: rows and columns, and one or three channels last or first."""
    return _channels_at(shape) is not None


def shrunk(sample: Array) -> NDArray[np.float64]:
    """A sample as (rows, columns, channels), of at most `LONGEST` pixels a side: means of what each pixel covers."""
    at = _channels_at(sample.shape)
    picture = sample[..., None] if at == len(sample.shape) else np.moveaxis(sample, at or 0, -1)
    picture = picture.astype(np.float64)
    share = max(1.0, max(picture.shape[:2]) / LONGEST)
    for axis in (0, 1):
        size = picture.shape[axis]
        edges = np.linspace(0, size, max(1, int(size / share)) + 1).astype(int)
        sums = np.add.reduceat(picture, edges[:-1], axis=axis)
        picture = sums / np.diff(edges).reshape([-1 if place == axis else 1 for place in range(3)])
    return picture


def data_address(picture: NDArray[np.uint8]) -> str:
    """A picture (rows, columns, 1 or 3 channels) as `data:image/png;base64,…`; the same pixels give the same bytes."""
    return f"data:image/png;base64,{base64.b64encode(encoded(picture)).decode()}"


def encoded(picture: NDArray[np.uint8]) -> bytes:
    """The bytes of the PNG file."""
    rows, columns, channels = picture.shape
    kind = _GREY if channels == 1 else _RGB
    head = struct.pack(">IIBBBBB", columns, rows, 8, kind, 0, 0, 0)
    body = min((zlib.compress(each, 9) for each in _filtered(picture)), key=len)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _channels_at(shape: tuple[int, ...]) -> int | None:
    """Where the channels are: behind all axes where there are none; None where the shape is no picture's."""
    if len(shape) == 2:
        return 2 if min(shape) >= _SMALLEST else None
    if len(shape) != 3:
        return None
    if shape[2] in _CHANNELS and min(shape[:2]) >= _SMALLEST:
        return 2
    return 0 if shape[0] in _CHANNELS and min(shape[1:]) >= _SMALLEST else None


def _filtered(picture: NDArray[np.uint8]) -> list[bytes]:
    """Pixels as they are, as differences from the pixel to the left, and from the one above: filters 0, 1 and 2."""
    left, above = np.zeros_like(picture), np.zeros_like(picture)
    left[:, 1:], above[1:] = picture[:, :-1], picture[:-1]
    found = []
    for number, values in enumerate((picture, picture - left, picture - above)):
        lines = values.reshape(len(picture), -1)
        found.append(np.insert(lines, 0, number, axis=1).tobytes())
    return found


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
