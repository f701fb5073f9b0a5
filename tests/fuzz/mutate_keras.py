"""Keras files spoiled inside: a valid archive or HDF5 file around a configuration and weights that are not."""

from __future__ import annotations

import io
import json
import random
import warnings
import zipfile
from typing import Any

import h5py
import mutate_bytes
import mutate_json
import numpy as np

OUTSIDE = "/tmp/compressor-fuzz-outside"
_DTYPES = ("f2", "f8", "i4", "u1", "S4", "c8", "?")


def archive(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    """A spoiled `.keras` file."""
    if rng.random() < 0.2:
        return mutate_bytes.mutate(rng, content)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    part = rng.random()
    if part < 0.65:
        config, told = mutate_json.mutate(rng, json.loads(members["config.json"]))
        members["config.json"] = json.dumps(config).encode(errors="replace")
    elif part < 0.85:
        members["model.weights.h5"], told = _values(rng, members["model.weights.h5"])
    elif part < 0.95:
        name = rng.choice(list(members))
        members[name], told = mutate_bytes.mutate(rng, members[name])
    else:
        told = _members(rng, members)
    return _packed(rng, members), told


def hdf5(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    """A spoiled `.h5` file."""
    part = rng.random()
    if part < 0.2:
        return mutate_bytes.mutate(rng, content)
    if part < 0.35:
        return _values(rng, content)
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        if part < 0.85:
            config, told = mutate_json.mutate(rng, json.loads(file.attrs["model_config"]))
            file.attrs["model_config"] = json.dumps(config).encode(errors="replace")
        else:
            told = _attribute(rng, file)
    return buffer.getvalue(), told


def _packed(rng: random.Random, members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(packed, "w", method) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, content in members.items():
            file.writestr(name, content)
            if rng.random() < 0.01:
                file.writestr(name, content[:7])
    return packed.getvalue()


def _members(rng: random.Random, members: dict[str, bytes]) -> str:
    name = rng.choice(list(members))
    new = rng.choice(("/", "..", "../x", OUTSIDE, "a/../../x", "C:\\x", "x" * 70_000, "assets/x", "x\0y", "ü"))
    if rng.random() < 0.5:
        members[new[:60_000]] = members.pop(name)
        return f"{name} is called {new[:20]!r}"
    members[new[:60_000]] = rng.choice((b"", bytes(3_000_000), b"x"))
    return f"there is {new[:20]!r}"


def _values(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    """Data sets of other shapes, dtypes and values, or gone; groups moved."""
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        places: list[str] = []
        file.visit(places.append)
        place = rng.choice([each for each in places if isinstance(file[each], h5py.Dataset)] or places)
        change = rng.choice(("gone", "shape", "dtype", "value", "moved", "group"))
        told = f"{place}: {change}"
        if change == "moved":
            other = rng.choice(places)
            if other != place and not place.startswith(other):
                spare = f"{rng.choice(('spare', place + '_2', other + '_2'))}"
                file.move(place, spare)
        else:
            _replace(rng, file, place, change)
    return buffer.getvalue(), told


def _replace(rng: random.Random, file: Any, place: str, change: str) -> None:
    old = file[place][()] if isinstance(file[place], h5py.Dataset) else np.zeros(3, np.float32)
    attributes = dict(file[place].attrs)
    del file[place]
    if change == "gone":
        return
    if change == "group":
        file.create_group(place)
        return
    if change == "shape":
        shape = rng.choice(((), (0,), (1,), (*old.shape, 1), old.shape[::-1], (2, 3, 5, 7), (0, 5), old.shape[1:]))
        old = np.resize(old, shape)
    elif change == "dtype":
        old = old.astype(rng.choice(_DTYPES))
    else:
        old = np.full_like(old, rng.choice((0, 1e30, -1e30, np.nan, np.inf)) if old.dtype.kind == "f" else 1)
    file[place] = old
    file[place].attrs.update(attributes)


def _attribute(rng: random.Random, file: Any) -> str:
    """Attributes tell version, backend, and the order of layers and weights."""
    holders = [file]
    file.visititems(lambda _, each: holders.append(each) if len(each.attrs) else None)
    holder = rng.choice(holders)
    names = [*holder.attrs, "weight_names", "layer_names", "keras_version", "model_config"]
    name = rng.choice(names)
    value: Any = rng.choice((b"", b"3.0.0", b"2.0", "4", 7, -1.5, b"\xff", [1, 2], ["a"] * 3, b"x" * 60_000, None))
    if value is None:
        if name in holder.attrs:
            del holder.attrs[name]
    else:
        holder.attrs[name] = value
    return f"{holder.name} {name}: {value!r}"[:80]
