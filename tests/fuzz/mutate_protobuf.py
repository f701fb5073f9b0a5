"""Protobuf messages of any kind: one field of one message, at any depth, becomes another value."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

INTEGERS = (0, 1, -1, 2, 3, 11, 1000, 2**31 - 1, 2**31, -(2**31), 2**40, 2**63 - 1, -(2**63))


def _messages(message: Any) -> Iterator[Any]:
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for each in value.values() if _is_map(field) else value if field.is_repeated else [value]:
                if hasattr(each, "ListFields"):
                    yield from _messages(each)


def _is_map(field: Any) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def any_field(rng: random.Random, model: Any) -> str:
    """Change, clear, grow or cut one field; tells which."""
    message = rng.choice(list(_messages(model)))
    fields = [field for field in message.DESCRIPTOR.fields if not _is_map(field)]
    if not fields:
        return "a message without fields"
    field = rng.choice(fields)
    told = f"{message.DESCRIPTOR.name}.{field.name}"
    if rng.random() < 0.2:
        message.ClearField(field.name)
        return f"{told} cleared"
    if field.message_type is not None:
        held = getattr(message, field.name)
        if not field.is_repeated:
            held.SetInParent()
        elif held and rng.random() < 0.5:
            del held[rng.randrange(len(held))]
        else:
            held.add()
        return f"{told} grown or cut"
    value = _value(rng, field, getattr(message, field.name) if not field.is_repeated else None)
    if field.is_repeated:
        held = getattr(message, field.name)
        if held and rng.random() < 0.7:
            held[rng.randrange(len(held))] = value
        else:
            held.append(value)
    else:
        setattr(message, field.name, value)
    return f"{told}: {str(value)[:30]}"


def _value(rng: random.Random, field: Any, old: Any) -> Any:
    if field.enum_type is not None:
        return rng.choice([each.number for each in field.enum_type.values])
    if field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_UINT32):
        return rng.choice((0, 1, 2, 7, 11, 16, 23, 2**31 - 1))
    if field.cpp_type == field.CPPTYPE_UINT64:
        return rng.choice((0, 1, 2**40, 2**64 - 1))
    if field.cpp_type == field.CPPTYPE_INT64:
        return rng.choice(INTEGERS)
    if field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return rng.choice((0.0, -1.0, 1e30, float("nan"), float("inf")))
    if field.cpp_type == field.CPPTYPE_BOOL:
        return rng.choice((True, False))
    if field.type == field.TYPE_BYTES:
        return rng.choice((b"", b"\xff" * 7, bytes(4000), (old or b"")[:-3], (old or b"") * 2))
    return rng.choice(("", "x", "y" * 3000, "ai.onnx.ml", "com.microsoft", "\0"))
