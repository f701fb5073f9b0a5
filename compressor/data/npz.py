"""Arrays in `.npz` files, read without pickle and in blocks of rows: memory does not grow with the samples."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from compressor.data import preparation
from compressor.data.columns import Column, check_dtypes, picked_in_passing, rows_per_block
from compressor.data.preparation import Preparation
from compressor.errors import BadInput
from compressor.values import Array

# The member that says what is still to be done to the samples of a run's `data.npz`.
PREPARATION = "compressor_preparation"
_LONGEST_PREPARATION = 1 << 20
_EXPECTED = "an .npz with x_evaluation, y_evaluation, x_calibration; or with x, y, which are split here"
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, KeyError, NotImplementedError, RuntimeError),
    # A spoiled header is parsed as Python, and may ask for any size.
    *(SyntaxError, TypeError, MemoryError, OverflowError, tokenize.TokenError),
)


@dataclass(frozen=True, slots=True)
class Header:
    """Shape and dtype of one stored array, read without reading its values."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    by_column: bool = False


class NpzFile:
    """The arrays of one file.

    Raises:
        BadInput: no such file, not an `.npz`, or an array of Python objects.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.headers = _headers(path)

    def columns(self) -> dict[str, Column]:
        """All arrays by name, none of them read yet."""
        return {
            name: NpzColumn(self.path, name, header) for name, header in self.headers.items() if name != PREPARATION
        }

    def preparation(self) -> Preparation | None:
        """What is still to be done to the samples, where the file says so.

        Raises:
            BadInput: it says so in a way that cannot be read.
        """
        header = self.headers.get(PREPARATION)
        if header is None:
            return None
        try:
            if header.dtype.kind != "U" or header.shape != () or header.dtype.itemsize > _LONGEST_PREPARATION:
                raise ValueError(f"{PREPARATION} is no text")
            return preparation.from_json(str(_whole(self.path, PREPARATION)[()]))
        except ValueError as error:
            raise BadInput(f"{self.path} is corrupted: {error}") from None


@dataclass(frozen=True, slots=True)
class NpzColumn:
    """One array of a file."""

    path: Path
    name: str
    header: Header

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole array."""
        return self.header.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """As it is stored."""
        return self.header.dtype

    def blocks(self, size: int) -> Iterator[Array]:
        """The samples in order, `size` at a time.

        Raises:
            BadInput: the file is cut off or corrupted.
        """
        return _blocks(self.path, self.name, self.header, size)

    def pick(self, rows: NDArray[np.intp]) -> Array:
        """The samples of these ascending numbers; all are read, and the others dropped.

        Raises:
            BadInput: the file is cut off or corrupted.
        """
        return picked_in_passing(self, rows, rows_per_block(self.dtype.itemsize * math.prod(self.shape[1:])))


def _headers(path: Path) -> dict[str, Header]:
    headers = {}
    try:
        if not path.is_file():
            raise BadInput(f"there is no data file {path}", expected=_EXPECTED)
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.filename.endswith(".npy"):
                    with archive.open(member) as stream:
                        headers[member.filename.removesuffix(".npy")] = _header(stream, member.file_size)
    except _UNREADABLE as error:
        raise BadInput(
            f"{path} cannot be read as .npz: {' '.join(str(error).split())[:200]}",
            expected=_EXPECTED,
            fix="write it with numpy.savez",
        ) from None
    check_dtypes(str(path), {name: header.dtype for name, header in headers.items()})
    return headers


def _header(stream: IO[bytes], size: int) -> Header:
    """Read the header; what it tells has to fill the member's `size` bytes exactly."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    if any(type(length) is not int or length < 0 for length in shape):
        raise ValueError(f"an array of shape {shape}")
    if not dtype.hasobject and stream.tell() + dtype.itemsize * math.prod(shape) != size:
        raise ValueError(f"the header tells of {shape} {dtype}, which does not fill its {size} bytes")
    return Header(shape, dtype, by_column=fortran and len(shape) > 1)


def _whole(path: Path, name: str) -> Array:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as stream:
            array: Array = np.lib.format.read_array(stream, allow_pickle=False)
            # At its end, and only there, the archive compares the checksum.
            stream.read(1)
            return array
    except _UNREADABLE as error:
        raise BadInput(f"{path} is corrupted: {name}: {error}") from None


def _blocks(path: Path, name: str, header: Header, block: int) -> Iterator[Array]:
    if header.by_column:
        # Rows of a column-major array are scattered over the whole file: it cannot be streamed.
        whole = _whole(path, name)
        yield from (whole[start : start + block] for start in range(0, len(whole), block))
        return
    count, *row_shape = header.shape
    row_bytes = header.dtype.itemsize * math.prod(row_shape)
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as stream:
        _header(stream, archive.getinfo(f"{name}.npy").file_size)
        for start in range(0, count, block):
            rows = min(block, count - start)
            data = _read_exactly(path, stream, rows * row_bytes, last=start + rows == count)
            yield np.frombuffer(data, header.dtype).reshape(rows, *row_shape)


def _read_exactly(path: Path, stream: IO[bytes], size: int, last: bool) -> bytes:
    try:
        data = stream.read(size)
        if last:
            # At its end, and only there, the archive compares the checksum.
            stream.read(1)
    except _UNREADABLE as error:
        raise BadInput(f"{path} is corrupted: {error}") from None
    if len(data) != size:
        raise BadInput(f"{path} is cut off")
    return data
