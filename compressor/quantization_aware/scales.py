"""Which tensors have one scale: all that a concatenation reads and makes, and what other concatenations tie to them."""

from __future__ import annotations

from compressor.quantization_aware import kinds
from compressor.quantization_aware.calls import Flat, Value


def groups(found: Flat) -> dict[int, int]:
    """The group of each call or input (by identity) that a concatenation ties to others."""
    group: dict[int, int] = {}
    for call in filter(kinds.shares_scale, found.calls):
        members = {id(call), *(id(value.maker or value) for value in map(decides, call.reads))}
        joined = {group.get(member, member) for member in members}
        group |= dict.fromkeys(members, id(call))
        group |= {key: id(call) for key, each in group.items() if each in joined}
    return group


def decides(value: Value) -> Value:
    """The value whose scale this one has, since only moves are between."""
    while value.maker is not None and kinds.keeps_scale(value.maker):
        value = value.maker.reads[0]
    return value
