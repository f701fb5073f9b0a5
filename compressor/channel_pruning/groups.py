"""Groups of channels made by the same layers: what can be chosen among, and what cannot shrink and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compressor.channel_pruning.channels import Labels
from compressor.channel_pruning.flow import NOT_FOLLOWED, Flow


@dataclass(frozen=True, slots=True)
class Group:
    """Sets of channels that the same layers make, any of which may fall.

    Attributes:
        makers: paths of these layers, in the order they run in.
    """

    makers: tuple[str, ...]
    sets: Labels


def groups(flow: Flow) -> tuple[Group, ...]:
    """All groups, in the order in which their first layer runs."""
    made_by: dict[int, list[str]] = {}
    for traced, _ in flow.makers():
        labels = traced.outputs[0]
        for number in np.unique(flow.channels.sets(labels[flow.channels.free(labels)])).tolist():
            made_by.setdefault(number, []).append(traced.path)
    by_makers: dict[tuple[str, ...], list[int]] = {}
    for number, makers in made_by.items():
        by_makers.setdefault(tuple(makers), []).append(number)
    return tuple(Group(makers, np.array(sorted(sets), np.int64)) for makers, sets in by_makers.items())


def staying(flow: Flow) -> dict[str, str]:
    """Paths of layers that make channels of which none may fall, or is followed, and why, as part of a sentence."""
    told: dict[str, str] = {}
    for traced, _ in flow.makers():
        labels = traced.outputs[0]
        if len(labels) and not flow.channels.free(labels).any():
            told[traced.path] = flow.channels.reason(int(labels[0])) or ""
    return told | {each.path: NOT_FOLLOWED for each in flow.not_followed()}


def names(found: Sequence[Group]) -> tuple[str, ...]:
    """Every layer that can shrink, once."""
    return tuple(dict.fromkeys(name for group in found for name in group.makers))
