"""Packing and unpacking files on disk."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from compressor.errors import BadInput, MissingTool
from compressor.files import whole_file
from compressor.packing import SUFFIX, pack, unpack

# Packing holds several copies of a file in memory, and larger ones take minutes.
LARGEST = 512 << 20


@dataclass(frozen=True, slots=True)
class Packed:
    """What became of a file; `bytes` are those of `source`, `written` those of `path`."""

    source: Path
    path: Path
    bytes: int
    written: int

    def as_dict(self) -> dict[str, str | int | float]:
        """For JSON."""
        return {
            "source": str(self.source),
            "path": str(self.path),
            "bytes": self.bytes,
            "bytes_written": self.written,
        }


def pack_file(source: Path, out: Path | None = None) -> Packed:
    """Write the packed file of a model file beside it, or to `out`.

    Raises:
        BadInput: there is no such file, it is too large, the default place is taken, or `out` is the file itself.
        MissingTool: the package that codes long lists is not installed.
    """
    content = _read(source)
    if len(content) > LARGEST:
        raise BadInput(f"{source} is too large to be packed", expected=f"at most {LARGEST:,} bytes")
    return _written(source, _place(source, source.with_name(source.name + SUFFIX), out), content, _tried(content))


def unpack_file(source: Path, out: Path | None = None) -> Packed:
    """Write the file that was packed beside the packed one, or to `out`.

    Raises:
        BadInput: there is no such file, it is no packed one or a damaged one, the default place is taken, or `out`
            is the file itself.
        MissingTool: the package that codes long lists is not installed.
    """
    content = _read(source)
    try:
        unpacked = unpack(content, str(source))
    except ModuleNotFoundError as error:
        raise _without(error) from None
    if out is None and source.suffix != SUFFIX:
        raise BadInput(f"{source} does not end in {SUFFIX}", fix="say where to unpack it with --out")
    return _written(source, _place(source, source.with_suffix(""), out), content, unpacked)


def packed_size(path: Path) -> int | None:
    """Bytes of a file once packed; None of one that is too large to be packed in passing, or without the package."""
    if path.stat().st_size > LARGEST_IN_PASSING:
        return None
    try:
        return len(pack(path.read_bytes(), proven=False))
    except ModuleNotFoundError:
        return None


# A run packs all its files: what takes longer than some seconds is left to `compressor pack`.
LARGEST_IN_PASSING = 16 << 20


def _tried(content: bytes) -> bytes:
    try:
        return pack(content)
    except ModuleNotFoundError as error:
        raise _without(error) from None


def _without(error: ModuleNotFoundError) -> MissingTool:
    return MissingTool(
        f"long lists of weights are coded by {error.name}, and {error.name} is not installed here",
        fix="pip install 'compressor[pack]'",
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from None


def _place(source: Path, beside: Path, out: Path | None) -> Path:
    # Of a place where nothing is yet.
    with suppress(OSError):
        if out is not None and source.samefile(out):
            raise BadInput(f"{out} is the file that is read, which would be lost", fix="name another place with --out")
    if out is None and beside.exists():
        raise BadInput(f"{beside} is already there", fix="name a place with --out; a file that is there is replaced")
    return beside if out is None else out


def _written(source: Path, place: Path, before: bytes, after: bytes) -> Packed:
    with whole_file(place) as temporary:
        temporary.write_bytes(after)
    return Packed(source, place, len(before), len(after))
