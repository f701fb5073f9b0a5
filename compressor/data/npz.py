"""Data sets in `.npz` files: `x_calibration, y_calibration, x_evaluation, y_evaluation` and `x_train, y_train`.

A model with several inputs takes `x_<split>_<input name>` each. Arrays are read without pickle and, for
measuring, in blocks of rows, so that memory does not grow with the number of samples.
"""

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

from compressor.errors import BadInput
from compressor.files import whole_file
from compressor.values import Array, Dataset, Split

_LAYOUT = (
    "an .npz with x_calibration, y_calibration, x_evaluation, y_evaluation and, for training steps, x_train, y_train"
)
_BLOCK_ROWS = 256
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
    """One data set on disk.

    Raises:
        BadInput: no such file, not an `.npz`, an array of Python objects, or x and y of different lengths.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.headers = _headers(path)

    def has(self, split: str) -> bool:
        """True when there are inputs for that split ("train", "calibration", "evaluation")."""
        return bool(self._members(split))

    def count(self, split: str) -> int:
        """Number of samples of a split.

        Raises:
            BadInput: the split is not there, is empty, or its arrays differ in length.
        """
        members = self._members(split)
        if not members:
            raise BadInput(
                f"{self.path} has no x_{split}", expected=_LAYOUT, received=", ".join(self.headers) or "no arrays"
            )
        labels = [f"y_{split}"] if f"y_{split}" in self.headers else []
        lengths = {name: self.headers[name].shape[:1] for name in (*members.values(), *labels)}
        if len(set(lengths.values())) > 1 or () in lengths.values():
            told = ", ".join(
                f"{name}: {length[0] if length else 'a single number'}" for name, length in lengths.items()
            )
            raise BadInput(f"the arrays of the {split} set in {self.path} differ in length", received=told)
        count = next(iter(lengths.values()))[0]
        if count == 0:
            raise BadInput(f"the {split} set in {self.path} is empty", expected="at least one sample")
        return int(count)

    def input_names(self, split: str) -> tuple[str, ...]:
        """Names of the inputs; the single unnamed input is called ''."""
        return tuple(self._members(split))

    def rows(self, split: str, block: int = _BLOCK_ROWS) -> Iterator[tuple[dict[str, Array], Array | None]]:
        """Blocks of inputs by name and labels, in file order."""
        members = self._members(split)
        labels = f"y_{split}" if f"y_{split}" in self.headers else None
        wanted = (*members.values(), *filter(None, [labels]))
        streams = [_blocks(self.path, member, self.headers[member], block) for member in wanted]
        for arrays in zip(*streams, strict=True):
            inputs = dict(zip(members, arrays[: len(members)], strict=True))
            yield inputs, arrays[-1] if labels else None

    def split(self, name: str) -> Split:
        """A whole split in memory."""
        self.count(name)
        inputs = {key: _whole(self.path, member) for key, member in self._members(name).items()}
        return Split(inputs, _whole(self.path, f"y_{name}") if f"y_{name}" in self.headers else None)

    def _members(self, split: str) -> dict[str, str]:
        single = f"x_{split}"
        if single in self.headers:
            return {"": single}
        return {name.removeprefix(single + "_"): name for name in self.headers if name.startswith(single + "_")}


def load(path: Path) -> Dataset:
    """Read a whole data set.

    Raises:
        BadInput: see `NpzFile`; also when calibration or evaluation samples are missing.
    """
    file = NpzFile(path)
    train = file.split("train") if file.has("train") else None
    return Dataset(path.stem, str(path), file.split("calibration"), file.split("evaluation"), train)


def save(dataset: Dataset, path: Path) -> None:
    """Write the calibration and evaluation sets, so that any stage can be run again alone."""
    arrays: dict[str, Array] = {}
    for name, split in (("calibration", dataset.calibration), ("evaluation", dataset.evaluation)):
        single = len(split.inputs) == 1
        for key, array in split.inputs.items():
            arrays[f"x_{name}" if single else f"x_{name}_{key}"] = array
        if split.labels is not None:
            arrays[f"y_{name}"] = split.labels
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def _headers(path: Path) -> dict[str, Header]:
    headers = {}
    try:
        if not path.is_file():
            raise BadInput(f"there is no data file {path}", expected=_LAYOUT)
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.filename.endswith(".npy"):
                    with archive.open(member) as stream:
                        headers[member.filename.removesuffix(".npy")] = _header(stream, member.file_size)
    except _UNREADABLE as error:
        raise BadInput(
            f"{path} cannot be read as .npz: {' '.join(str(error).split())[:200]}",
            expected=_LAYOUT,
            fix="write it with numpy.savez",
        ) from None
    for name, header in headers.items():
        if header.dtype.hasobject:
            raise BadInput(
                f"{path}: the array {name} holds Python objects",
                expected="numbers",
                fix="convert it to one numeric dtype",
            )
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
