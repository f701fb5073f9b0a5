"""Arrays of an `.npz` as maps of its file: what is read of them is in memory, and nothing else."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from compressor.values import Array

# Of a local file header: its size, and where the lengths of name and extra field stand in it.
# Source: APPNOTE.TXT 6.3.10 of PKWARE, 4.3.7.
_HEADER, _LENGTHS = 30, (26, 28)


def arrays(path: Path) -> dict[str, Array]:
    """Everything in an `.npz` that this package wrote; arrays that cannot be mapped are read."""
    with np.load(path, allow_pickle=False) as loaded, zipfile.ZipFile(path) as archive:
        plain = {each.filename: each for each in archive.infolist() if each.compress_type == zipfile.ZIP_STORED}
        found: dict[str, Array] = {}
        for name in loaded.files:
            member = plain.get(f"{name}.npy")
            mapped = None if member is None else _map(path, member)
            found[name] = loaded[name] if mapped is None else mapped
        return found


def _map(path: Path, member: zipfile.ZipInfo) -> Array | None:
    with path.open("rb") as file:
        file.seek(member.header_offset)
        header = file.read(_HEADER)
        name, extra = (int.from_bytes(header[place : place + 2], "little") for place in _LENGTHS)
        file.seek(member.header_offset + _HEADER + name + extra)
        version: Any = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_column, dtype = read(file)
        # An empty file part cannot be mapped.
        if by_column or dtype.hasobject or not math.prod(shape) or not shape:
            return None
        return np.memmap(path, dtype, "r", file.tell(), shape)
