"""Whether the layers of a network can be called in some order: tf_keras tries for ever where they cannot."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from compressor.errors import BadInput


def check(path: Path, config: Any) -> None:
    """Look at every network in a configuration of Keras 2's writing.

    Raises:
        BadInput: a layer waits for its own result, or for a call that is not there.
    """
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
            if isinstance(value.get("layers"), list):
                _check_network(path, [each for each in value["layers"] if isinstance(each, dict)])
        elif isinstance(value, list):
            waiting += value


def _check_network(path: Path, layers: list[dict[str, Any]]) -> None:
    calls = {str(each.get("name")): _listed(each.get("inbound_nodes")) for each in layers}
    # A network that is a layer counts from 1: its first call was the making of it.
    first = {str(each.get("name")): int(_is_network(each)) for each in layers}
    made = {str(each.get("name")): 10**9 if each.get("class_name") == "InputLayer" else 0 for each in layers}
    progress = True
    while progress:
        progress = False
        for name, nodes in calls.items():
            while nodes and all(made[other] > index - first[other] for other, index in _read(nodes[0], calls)):
                nodes.pop(0)
                made[name] += 1
                progress = True
    stuck = [name for name, nodes in calls.items() if nodes]
    if stuck:
        raise BadInput(
            f"{path}: the layer '{stuck[0]}' waits for a result that no layer makes before it",
            expected="layers that can be called one after the other",
            fix="save the model again",
        )


def _read(value: Any, calls: dict[str, list[Any]]) -> Iterator[tuple[str, float]]:
    """Results that a call reads, as layer and number of its call: `[layer, call, output, …]` at any depth."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            if len(each) > 2 and isinstance(each[0], str) and each[0] in calls and isinstance(each[2], int):
                yield each[0], each[1] if _counts(each[1]) else math.inf
            waiting += each
        elif isinstance(each, dict):
            waiting += each.values()


def _counts(number: Any) -> bool:
    """Whether it can be the number of a call; tf_keras waits for others as well."""
    return isinstance(number, int | float) and number >= 0 and (isinstance(number, int) or number.is_integer())


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else []


def _is_network(layer: dict[str, Any]) -> bool:
    inner = layer.get("config")
    return isinstance(inner, dict) and "layers" in inner
