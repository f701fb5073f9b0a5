"""Packed files spoiled: the head, or what is coded under a head that says so many bytes."""

from __future__ import annotations

import random

import mutate_bytes

# Magic, version and hash; what follows are a size of one to three bytes, how it is coded, and another size.
_HEAD = 36


def mutate(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    """A spoiled packed file, and what was changed."""
    if rng.random() < 0.2:
        return mutate_bytes.mutate(rng, content)
    head, coded = content[: _HEAD + 6], content[_HEAD + 6 :]
    spoiled, told = mutate_bytes.mutate(rng, coded)
    # As long as before, so that reading goes on.
    return head + (spoiled + bytes(len(coded)))[: len(coded)], f"coded: {told}"
