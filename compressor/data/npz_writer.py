"""Writing an `.npz` while its samples come in blocks: constant memory, and the same bytes each time."""

from __future__ import annotations

import math
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import numpy as np

from compressor.errors import BadInput
from compressor.values import Array

# Deflating takes a second for every 50 MB: worth it for a file that is sent to a device, not for a large set.
_FASTEST = 1
_DEFLATED_BELOW = 256 << 20
_IN_MEMORY, _CHUNK = 16 << 20, 1 << 20


class NpzWriter:
    """An `.npz` that is being written; a context that closes it."""

    def __init__(self, path: Path) -> None:
        self._folder = path.parent
        self._archive = zipfile.ZipFile(path, "w", compresslevel=_FASTEST)

    def __enter__(self) -> NpzWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def write(self, arrays: Mapping[str, Array]) -> None:
        """Add arrays that are in memory."""
        for name, array in arrays.items():
            with self._member(name) as stream:
                np.lib.format.write_array(stream, np.asanyarray(array), allow_pickle=False)

    def write_blocks(self, count: int, blocks: Iterator[Mapping[str, Array]]) -> None:
        """Add arrays that come side by side in blocks, all of `count` rows. Their size decides if the file is deflated.

        Raises:
            BadInput: blocks of other shapes or dtypes than the first, or other than `count` rows in all.
        """
        first = next(blocks, None)
        if first is None:
            raise BadInput("the evaluation set is empty", expected="at least one sample")
        rows = {name: array[:0].copy() for name, array in first.items()}
        sizes = {name: count * array.dtype.itemsize * math.prod(array.shape[1:]) for name, array in rows.items()}
        deflated = sum(sizes.values()) < _DEFLATED_BELOW
        self._archive.compression = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
        # An archive takes one member at a time: the largest is written at once, the others wait beside it.
        main, *others = sorted(rows, key=lambda name: -sizes[name])
        with ExitStack() as waiting:
            spools = {
                name: waiting.enter_context(SpooledTemporaryFile(_IN_MEMORY, dir=str(self._folder))) for name in others
            }
            with self._member(main) as stream:
                _write_header(stream, rows[main], count)
                written = sum(_append(block, rows, {main: stream, **spools}) for block in chain([first], blocks))
            if written != count:
                raise BadInput("the evaluation set changed while it was read", received=f"{written} of {count} samples")
            for name, spool in spools.items():
                spool.seek(0)
                with self._member(name) as stream:
                    _write_header(stream, rows[name], count)
                    shutil.copyfileobj(spool, stream, _CHUNK)

    def _member(self, name: str) -> IO[bytes]:
        return self._archive.open(f"{name}.npy", "w", force_zip64=True)


def _append(block: Mapping[str, Array], rows: Mapping[str, Array], streams: Mapping[str, Any]) -> int:
    for name, like in rows.items():
        array = block[name]
        if array.dtype != like.dtype or array.shape[1:] != like.shape[1:]:
            raise BadInput(
                f"samples of the evaluation set differ from one another ({name})",
                expected=f"{like.shape[1:]} {like.dtype}, as the first one",
                received=f"{array.shape[1:]} {array.dtype}",
            )
        streams[name].write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return len(array)


def _write_header(stream: IO[bytes], like: Array, count: int) -> None:
    header = {
        "descr": np.lib.format.dtype_to_descr(like.dtype),
        "fortran_order": False,
        "shape": (count, *like.shape[1:]),
    }
    np.lib.format.write_array_header_1_0(stream, header)
