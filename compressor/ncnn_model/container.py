"""A `.ncnn` file: what NCNN needs of a model, in one file. It is a ZIP archive without compression.

NCNN reads two files, and neither says what its ends are called, how they are shaped, or what became of their axes. Here
`model.param` and `model.bin` are as NCNN takes them, and `ends.json` says the rest. `unzip` lays out what an app needs.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from compressor.errors import BadInput
from compressor.values import TensorSpec

PARAM, BIN, ENDS = "model.param", "model.bin", "ends.json"
_VERSION = 1
# The first moment that ZIP can tell: the same model gives the same bytes at any time.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_DTYPES = ("float32", "int32")


@dataclass(frozen=True, slots=True)
class End:
    """One input or output.

    Attributes:
        blob: its name in the `.param`.
        shape: of one sample as the model has it, the first axis (1) included.
        axes: the model's axes in the order of NCNN's, without the first one: (3, 1, 2) for pictures whose channels come
            last in the model and first in NCNN.
        keeps_first: NCNN's blob has the first axis too; pnnx leaves it out where it knows it as the batch.
    """

    name: str
    blob: str
    shape: tuple[int, ...]
    dtype: str
    axes: tuple[int, ...]
    keeps_first: bool = False

    @property
    def order(self) -> tuple[int, ...]:
        """All axes of the model in the order of NCNN's."""
        return 0, *self.axes

    @property
    def spec(self) -> TensorSpec:
        """As runtimes state it."""
        return TensorSpec(self.name, self.shape, self.dtype)


@dataclass(frozen=True, slots=True)
class NcnnModel:
    """What a `.ncnn` file holds."""

    param: str
    bin: bytes
    inputs: tuple[End, ...]
    outputs: tuple[End, ...]


def write(model: NcnnModel, destination: Path) -> None:
    """Write a `.ncnn` file; the same model gives the same bytes."""
    ends = {
        "version": _VERSION,
        "inputs": [asdict(end) for end in model.inputs],
        "outputs": [asdict(end) for end in model.outputs],
    }
    with zipfile.ZipFile(destination, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, ENDS, (json.dumps(ends, indent=1) + "\n").encode())
        _add(archive, PARAM, model.param.encode())
        _add(archive, BIN, model.bin)


def read(path: Path) -> NcnnModel:
    """Read a `.ncnn` file.

    Raises:
        BadInput: it is none, or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            content = {name: _plain(archive, name) for name in (ENDS, PARAM, BIN)}
        ends = json.loads(content[ENDS])
        if ends["version"] != _VERSION:
            raise ValueError(f"version {ends['version']}")
        inputs, outputs = (tuple(_ends(ends[key])) for key in ("inputs", "outputs"))
        if not inputs or not outputs:
            raise ValueError("no inputs or no outputs")
        return NcnnModel(content[PARAM].decode(), content[BIN], inputs, outputs)
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, OverflowError, RecursionError, OSError) as error:
        raise BadInput(
            f"{path} is no .ncnn file", expected=f"an archive of {PARAM}, {BIN} and {ENDS}", received=str(error)[:200]
        ) from None


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)


def _plain(archive: zipfile.ZipFile, name: str) -> bytes:
    """An entry that is stored as it is: a compressed one could unfold to any size."""
    entry = archive.getinfo(name)
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
        raise ValueError(f"{name} is compressed")
    return archive.read(entry)


def _ends(listed: Any) -> Iterable[End]:
    for each in listed:
        end = End(
            name=_text(each["name"]),
            blob=_text(each["blob"]),
            shape=tuple(map(_size, each["shape"])),
            dtype=_text(each["dtype"]),
            axes=tuple(map(int, each["axes"])),
            keeps_first=each["keeps_first"] is True,
        )
        if sorted(end.axes) != list(range(1, len(end.shape))) or end.dtype not in _DTYPES:
            raise ValueError(f"the end {end.name} is not understood")
        yield end


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a name is missing")
    return value


def _size(value: Any) -> int:
    if not isinstance(value, int) or not 0 < value < 1 << 31:
        raise ValueError(f"the size {value}")
    return value
