"""NCNN files spoiled: the archive itself, or one of its members inside a sound archive."""

from __future__ import annotations

import io
import random
import zipfile

import mutate_bytes


def mutate(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    """A spoiled `.ncnn` file, and what was changed."""
    if rng.random() < 0.2:
        return mutate_bytes.mutate(rng, content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    chosen = rng.choice(sorted(members))
    if rng.random() < 0.3 and chosen != "model.bin":
        members[chosen], told = _other_number(rng, members[chosen])
    else:
        members[chosen], told = mutate_bytes.mutate(rng, members[chosen])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, held in members.items():
            archive.writestr(name, held)
    return packed.getvalue(), f"{chosen}: {told}"


def _other_number(rng: random.Random, text: bytes) -> tuple[bytes, str]:
    """A number of the text becomes an extreme one."""
    words = text.split(b" ")
    at = rng.randrange(len(words))
    value = rng.choice(mutate_bytes.EXTREMES)
    before, sign, _ = words[at].rpartition(b"=")
    words[at] = before + sign + str(value).encode()
    return b" ".join(words), f"word {at} is {value}"
