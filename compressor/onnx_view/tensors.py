"""Constants of an ONNX file as arrays: onnx.proto's TensorProto, its number formats and its external data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path, PurePosixPath

import numpy as np

from compressor.errors import BadInput
from compressor.protobuf import Damaged, Message
from compressor.values import Array

# TensorProto.DataType in order of its numbers.
TYPES = (
    *("undefined", "float", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16"),
    *("double", "uint32", "uint64", "complex64", "complex128", "bfloat16", "float8e4m3fn", "float8e4m3fnuz"),
    *("float8e5m2", "float8e5m2fnuz", "uint4", "int4", "float4e2m1", "float8e8m0", "uint2", "int2"),
    *("float6e2m3", "float6e3m2"),
)
_NUMPY = {"float": "float32", "double": "float64"}
_FLOAT8 = {"float8e4m3fn": (3, 7), "float8e4m3fnuz": (3, 8), "float8e5m2": (2, 15), "float8e5m2fnuz": (2, 16)}
_NIBBLES = ("uint4", "int4", "float4e2m1")
_FLOAT4 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], np.float32)
_UNREAD = ("undefined", "float8e8m0", "uint2", "int2", "float6e2m3", "float6e3m2")
_EXTERNAL = 1


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A constant; `value` is None for number formats that are not read (two and six bits, float8e8m0)."""

    name: str
    type: str
    shape: tuple[int, ...]
    value: Array | None


def type_name(number: int) -> str:
    """The name of a number format, in lower case."""
    return TYPES[number] if 0 <= number < len(TYPES) else f"type {number}"


def constant(proto: Message, folder: Path) -> Constant:
    """What a TensorProto says.

    Args:
        folder: where external data lie.

    Raises:
        Damaged: its bytes do not fill its shape.
        BadInput: its external data are not there, or outside of that folder.
    """
    kind, shape = type_name(proto.number(2)), tuple(proto.numbers(1))
    if any(size < 0 for size in shape):
        raise Damaged(f"a constant of shape {list(shape)}")
    name, count = proto.text(8), prod(shape)
    if kind == "string":
        value: Array | None = np.array(proto.texts(6), np.str_)
    else:
        value = _values(proto, kind, count, folder)
    if value is None:
        return Constant(name, kind, shape, None)
    if value.size != count:
        raise Damaged(f"the constant {name} has {value.size} values for the shape {list(shape)}")
    return Constant(name, kind, shape, value.reshape(shape))


def _values(proto: Message, kind: str, count: int, folder: Path) -> Array | None:
    stored = _bits(kind)
    if stored is None:
        return None
    packed = (count + 1) // 2 if kind in _NIBBLES else count
    if proto.number(14) == _EXTERNAL:
        bits = _external(proto, stored, packed, folder)
    elif 9 in proto:
        raw = proto.blob(9)
        if len(raw) != packed * stored.itemsize:
            raise Damaged(f"the constant {proto.text(8)} has {len(raw)} bytes for {count} values")
        bits = np.frombuffer(raw, stored)
    else:
        bits = _typed(proto, kind, stored)
    return _decoded(bits, kind, count)


def _bits(kind: str) -> np.dtype[np.generic] | None:
    """How the values are stored in little endian bytes."""
    if kind in _FLOAT8 or kind in _NIBBLES:
        return np.dtype("u1")
    if kind == "bfloat16":
        return np.dtype("<u2")
    if kind in _UNREAD or kind not in TYPES:
        return None
    return np.dtype(_NUMPY.get(kind, kind)).newbyteorder("<")


def _typed(proto: Message, kind: str, stored: np.dtype[np.generic]) -> Array:
    """The values of a constant that are no raw bytes, in the field for its number format."""
    if kind in ("float", "complex64"):
        return proto.floats(4).view(stored)
    if kind in ("double", "complex128"):
        return np.concatenate([np.frombuffer(each, "<f8") for each in proto.blobs(10)] or [np.zeros(0)]).view(stored)
    if kind == "int64":
        return np.array(proto.numbers(7), np.int64)
    if kind in ("uint32", "uint64"):
        return np.array(proto.numbers(11), np.int64).astype(stored)
    numbers = np.array(proto.numbers(5), np.int64)
    # Half precision is stored as its bits.
    return numbers.astype(np.uint16).view(np.float16) if kind == "float16" else numbers.astype(stored)


def _decoded(bits: Array, kind: str, count: int) -> Array:
    if kind == "bfloat16":
        return np.asarray(np.left_shift(bits.astype(np.uint32), 16).view(np.float32))
    if kind in _FLOAT8:
        return np.asarray(_float8(kind)[bits])
    if kind not in _NIBBLES:
        return np.asarray(bits)
    nibbles = np.stack([bits & 15, bits >> 4], -1).ravel()[:count]
    if kind == "float4e2m1":
        return np.asarray(np.where(nibbles & 8, -_FLOAT4[nibbles & 7], _FLOAT4[nibbles & 7]))
    return np.asarray(np.where((nibbles > 7) & (kind == "int4"), nibbles.astype(np.int8) - 16, nibbles)).astype(np.int8)


@cache
def _float8(kind: str) -> Array:
    """The 256 values of a format (its infinities and NaN as the numbers that follow the pattern)."""
    digits, bias = _FLOAT8[kind]
    codes = np.arange(256)
    exponent, fraction = codes >> digits & (0x7F >> digits), (codes & ((1 << digits) - 1)) / (1 << digits)
    size = np.where(exponent, (1 + fraction) * 2.0 ** (exponent - bias), fraction * 2.0 ** (1 - bias))
    return np.where(codes & 0x80, -size, size).astype(np.float32)


def external_place(proto: Message, folder: Path) -> PurePosixPath | None:
    """Where the external data of a TensorProto lie below the folder of its file; None where it has none.

    Raises:
        BadInput: they are not there, or outside of that folder.
    """
    if proto.number(14) != _EXTERNAL:
        return None
    place = PurePosixPath(_entries(proto).get("location", ""))
    path = folder / place
    inside = not place.is_absolute() and ".." not in place.parts and path.resolve().is_relative_to(folder.resolve())
    if not inside or "\0" in str(place) or not path.is_file():
        raise BadInput(
            f"the weights of the ONNX file are not beside it: {str(place)[:100]!r}",
            expected="external data in the folder of the model",
        )
    return place


def _external(proto: Message, stored: np.dtype[np.generic], count: int, folder: Path) -> Array:
    place, offset = external_place(proto, folder), _entries(proto).get("offset", "0")
    if place is None or not offset.isdecimal():
        raise Damaged(f"external data at {offset[:20]!r}")
    return np.fromfile(folder / place, stored, count, offset=int(offset))


def _entries(proto: Message) -> dict[str, str]:
    return {entry.text(1): entry.text(2) for entry in proto.messages(13)}
