"""Archives whose bytes follow from what they hold: no times, no owners, names in order."""

from __future__ import annotations

import gzip
import tarfile
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np

from compressor.files import whole_file
from compressor.values import Array

# The first moment that ZIP can tell.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def npz(arrays: Mapping[str, Array]) -> bytes:
    """An `.npz` of arrays by name."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            content = BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content.getvalue())
    return packed.getvalue()


def tar_gz(folder: Path) -> None:
    """`FOLDER.tar.gz` beside a folder of files; scripts can be run once unpacked."""
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(folder.iterdir()):
            entry = tarfile.TarInfo(f"{folder.name}/{path.name}")
            entry.size, entry.mode = path.stat().st_size, 0o755 if path.suffix == ".sh" else 0o644
            with path.open("rb") as file:
                archive.addfile(entry, file)
    with whole_file(folder.parent / f"{folder.name}.tar.gz") as temporary:
        temporary.write_bytes(gzip.compress(packed.getvalue(), mtime=0))
