"""Data files and recipes spoiled: headers of arrays, members of the archive; YAML of every unpleasant kind."""

from __future__ import annotations

import io
import random
import struct
import zipfile

import mutate_bytes

_SHAPES = (
    *("()", "(0,)", "(-1, 4)", "(20, 8, 8, 2)", "(99999999999, 8, 8, 1)", "(2**70,)", "(20, 64)", "(20.0, 8, 8, 1)"),
    *("[20, 8, 8, 1]", "(True, 8, 8, 1)", "('20', 8)", "(20, 8, 8, 1", "((20,), 8)", "(" * 300 + ")" * 300, "None"),
)
_DTYPES = (
    *("'<f4'", "'<f2'", "'>f8'", "'|O'", "'<U8'", "'|S4'", "'|V4'", "'<M8[s]'", "'<c8'", "'|b1'", "'<i8'", "'x'", "''"),
    *("[('a', '<f4'), ('b', '|O')]", "('<f4', (2,))", "('<f4', (99999999, 99999999))", "__import__('os')", "None"),
)


def npz(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    """A spoiled `.npz` file."""
    if rng.random() < 0.3:
        return mutate_bytes.mutate(rng, content)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    name = rng.choice(list(members))
    part = rng.random()
    if part < 0.6:
        members[name], told = _header(rng, members[name])
    elif part < 0.8:
        members[name], told = mutate_bytes.mutate(rng, members[name])
    else:
        new = rng.choice(("x_evaluation.npy", "x_evaluation_image.npy", "../x.npy", "y_evaluation", ".npy", "x.npy"))
        members[new] = members.pop(name)
        told = f"{name} is called {new}"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as file:
        for each, value in members.items():
            file.writestr(each, value)
    if rng.random() < 0.2:
        return mutate_bytes.mutate(rng, packed.getvalue())
    return packed.getvalue(), told


def _header(rng: random.Random, member: bytes) -> tuple[bytes, str]:
    (size,) = struct.unpack("<H", member[8:10])
    text = rng.choice(
        (
            f"{{'descr': {rng.choice(_DTYPES)}, 'fortran_order': False, 'shape': (20, 8, 8, 1), }}",
            f"{{'descr': '<f4', 'fortran_order': {rng.choice((True, 'False', 7, None))}, 'shape': (20, 8, 8, 1), }}",
            f"{{'descr': '<f4', 'fortran_order': False, 'shape': {rng.choice(_SHAPES)}, }}",
            f"{{'descr': {rng.choice(_DTYPES)}, 'shape': {rng.choice(_SHAPES)}, }}",
            rng.choice(("", "{}", "[]", "{'descr': " * 90, "-" * 5000, "\0", "{" + "'a': 1, " * 900 + "}")),
        )
    )
    header = text.encode("latin1", "replace").ljust(117) + b"\n"
    version = rng.choice((b"\x01\x00", b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x00"))
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", rng.choice((len(header), len(header), 0, 65535)))
    return b"\x93NUMPY" + version + length + header + member[10 + size :], text[:60]


_TOKENS = (
    *("!!python/object/apply:os.system ['touch fuzz-ran']", "!!python/name:os.system", "!!binary AA==", "!!set {a, b}"),
    *(
        "&a [*a]",
        "*nowhere",
        "&a {x: *a}",
        "<<: *a",
        "<<: {a: 1}",
        "? [a]",
        "? {a: b}",
        "\0",
        "\ufeff",
        "\t",
        "%YAML 9.9",
    ),
    *("9" * 5000, "1e999", "-.inf", ".nan", "0x" + "f" * 3000, "0o9", "1_000", "2001-99-99", "2001-01-01", "~", "''"),
    *(
        "[" * 2000,
        "{" * 800,
        "- " * 3000,
        "[]",
        "{}",
        "- prune",
        "prune: {sparsity: 1e400}",
        "|",
        ">9",
        "@",
        "`",
        "\u2028",
    ),
    *(
        "steps: []",
        "steps: {}",
        "steps: [[[]]]",
        "summary: [1]",
        "precision: 5",
        "limits: []",
        "? ",
        ": ",
        "---",
        "...",
    ),
)
_BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(ord('a') + i)}: &{chr(ord('a') + i)} [{', '.join(['*' + chr(ord('a') + i - 1)] * 9)}]\n"
    for i in range(1, 12)
)


def recipe(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    """A spoiled recipe."""
    part = rng.random()
    if part < 0.25:
        return mutate_bytes.mutate(rng, content)
    if part < 0.35:
        where = rng.choice(("steps: *l", "summary: *l", "limits: *l", "precision: *l", "<<: *l", "? *l\n: x"))
        return f"{_BOMB}{where}\n".encode(), f"laughs at {where}"
    lines = content.decode().splitlines()
    told = []
    for _ in range(rng.choice((1, 1, 2, 5))):
        place, token = rng.randrange(len(lines)), rng.choice(_TOKENS)
        key = lines[place].partition(":")[0]
        lines[place] = rng.choice((f"{key}: {token}", token, f"{lines[place]}\n  {token}", f"{token}: {lines[place]}"))
        told.append(token[:20])
    coding = rng.choice(("utf-8", "utf-8", "utf-8", "utf-16", "latin1"))
    return "\n".join(lines).encode(coding, "replace"), f"{told} in {coding}"
