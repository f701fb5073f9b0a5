"""TFLite files spoiled as flatbuffers: unpacked into objects, one or more fields changed, packed again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import mutate_bytes
import numpy as np

_INTEGERS = (0, 1, -1, 2, 5, 100, 127, 255, 32767, 2**24, 2**31 - 1, -(2**31))
_MOST_FIELDS = 4000


def mutate(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    """A spoiled `.tflite` file."""
    if rng.random() < 0.3:
        # Tables and offsets stand at the start, weights behind them.
        if rng.random() < 0.5:
            head, told = mutate_bytes.mutate(rng, content[: len(content) // 3])
            return head + content[len(content) // 3 :], f"{told} in the first third"
        return mutate_bytes.mutate(rng, content)
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    told = []
    for _ in range(rng.choice((1, 1, 2, 4))):
        told.append(_change(rng, model))
    try:
        return _packed(model), "; ".join(told)
    except Exception:
        return mutate_bytes.mutate(rng, content)


def _packed(model: Any) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _fields(thing: Any, depth: int = 0) -> Iterator[tuple[Any, str]]:
    """Every field of every table below, values of buffers left out: most of a file is weights."""
    for name, value in vars(thing).items():
        if value is not None:
            yield thing, name
        each = value if isinstance(value, list) else [value]
        for inner in each if depth < 8 else ():
            if hasattr(inner, "__dict__"):
                yield from _fields(inner, depth + 1)


def _change(rng: random.Random, model: Any) -> str:
    fields = [field for field, _ in zip(_fields(model), range(_MOST_FIELDS), strict=False)]
    holder, name = rng.choice(fields)
    value = getattr(holder, name)
    told = f"{type(holder).__name__}.{name}"
    if isinstance(value, (bool, int)):
        setattr(holder, name, rng.choice((value + 1, value - 1, *_INTEGERS)))
    elif isinstance(value, float):
        setattr(holder, name, rng.choice((0.0, -1.0, 1e30, float("nan"))))
    elif isinstance(value, bytes):
        setattr(holder, name, rng.choice((b"", value * 3, b"\xff", b"x" * 5000)))
    elif isinstance(value, (list, np.ndarray)) and len(value):
        setattr(holder, name, _changed_list(rng, list(value)))
    else:
        setattr(holder, name, None)
    return f"{told}: {str(getattr(holder, name))[:40]}"


def _changed_list(rng: random.Random, values: list[Any]) -> Any:
    place = rng.randrange(len(values))
    change = rng.choice(("value", "value", "cut", "double", "swap", "none"))
    if change == "value" and isinstance(values[0], (int, float, np.number)):
        values[place] = rng.choice(_INTEGERS)
    elif change == "cut":
        del values[place]
    elif change == "double":
        values.append(values[place])
    elif change == "swap":
        other = rng.randrange(len(values))
        values[place], values[other] = values[other], values[place]
    elif change == "none":
        return None
    return values
