"""What an HDF5 file may hold: numbers of its own, no ways into other files, nothing that unpacks to any size.

HDF5 can store a link to another file, or a data set whose bytes lie in any file of the machine; whoever loads such a
model, and passes it on, would pass those on too (CVE-2026-1669).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.errors import BadInput

if TYPE_CHECKING:
    import h5py

# Keras stores weights as they are; a bomb unpacks to thousands of times its size.
_LARGEST_RATIO, _SMALL = 200, 1 << 20


def check(path: Path, file: h5py.File) -> None:
    """Look at every link and every data set, without reading values.

    Raises:
        BadInput: a link that is none of the file's own objects, values that lie elsewhere, Python objects or text
            among the weights, or sizes that the file cannot hold.
        OSError, RuntimeError, KeyError, ValueError: the file is corrupted.
    """
    import h5py

    waiting, seen = [file["/"]], set()
    while waiting:
        group = waiting.pop()
        for name in group:
            place = f"{group.name.rstrip('/')}/{name}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise BadInput(
                    f"{path}: '{place}' is a link to another place or file", expected="the values themselves"
                )
            found = group[name]
            address = h5py.h5o.get_info(found.id).addr
            if address in seen:
                continue
            seen.add(address)
            if isinstance(found, h5py.Group):
                waiting.append(found)
            elif isinstance(found, h5py.Dataset):
                _check_values(path, place, found)


def _check_values(path: Path, place: str, found: Any) -> None:
    if found.is_virtual or found.external:
        raise BadInput(f"{path}: the values of '{place}' lie in other files", expected="the values themselves")
    if found.dtype.hasobject:
        raise BadInput(f"{path}: '{place}' holds text or objects", expected="numbers", received=str(found.dtype))
    stored = found.id.get_storage_size()
    for shape in (found.shape, found.chunks):
        size = math.prod(shape or ()) * found.dtype.itemsize
        if size > _SMALL and size > _LARGEST_RATIO * stored:
            raise BadInput(
                f"{path}: '{place}' unpacks to {size} bytes", expected="weights", received=f"{stored} bytes stored"
            )
