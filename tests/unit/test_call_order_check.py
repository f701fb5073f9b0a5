"""Networks in the writing of Keras 2: those that can be called in some order, and those that cannot."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from compressor.errors import BadInput
from compressor.file_checks import call_order_check


def layer(name: str, *calls: Any, class_name: str = "Dense", **config: Any) -> dict[str, Any]:
    """A layer and what each of its calls reads: names, names with the number of a call, or anything else."""
    nodes = [[_read(each) for each in (call if isinstance(call, tuple) else (call,))] for call in calls]
    return {"name": name, "class_name": class_name, "config": {"name": name, **config}, "inbound_nodes": nodes}


def _read(what: Any) -> Any:
    if not isinstance(what, str):
        return what
    name, _, number = what.partition("/")
    return [name, int(number or 0), 0, {}]


def network(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Functional", "config": {"name": "m", "layers": list(layers)}}


INPUT = layer("x", class_name="InputLayer")
INNER = {"class_name": "Functional", "layers": [INPUT, layer("d", "x")]}
SOUND = {
    "in order": network(INPUT, layer("a", "x"), layer("b", "a")),
    "in another order": network(layer("b", "a"), layer("a", "x"), INPUT),
    "shared": network(INPUT, layer("a", "x", "b"), layer("b", "a"), layer("c", ("a/0", "a/1"))),
    "joined": network(INPUT, layer("a", "x"), layer("b", "x"), layer("c", ("a", "b"))),
    "a network as a layer": network(INPUT, layer("inner", "x", **INNER), layer("b", "inner/1")),
    "read as a keyword": network(INPUT, layer("a", "x"), layer("b", [["x", 0, 0, {"y": ["a", 0, 0]}]])),
    "a constant": network(INPUT, layer("a", [["_CONSTANT_VALUE", -1, 2.0, {}]])),
    "the layers of Sequential": {"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense"}] * 3}},
}
ENDLESS = {
    "itself": (network(INPUT, layer("a", "a")), "'a'"),
    "a circle": (network(INPUT, layer("a", "b"), layer("b", "c"), layer("c", "a")), "'a'"),
    "a call that is not there": (network(INPUT, layer("a", "x"), layer("b", "a/1")), "'b'"),
    "a call far away": (network(INPUT, layer("inner", "x", **INNER), layer("b", "inner/1000")), "'b'"),
    "a call without a number": (network(INPUT, layer("a", "x"), layer("b", [["a", None, 0, {}]])), "'b'"),
    "a call numbered by a text": (network(INPUT, layer("a", "x"), layer("b", [["a", "0", 0, {}]])), "'b'"),
    "a call of no number": (network(INPUT, layer("a", "x"), layer("b", [["a", float("nan"), 0, {}]])), "'b'"),
    "a call before the first": (network(INPUT, layer("a", "x"), layer("b", [["a", -1, 0, {}]])), "'b'"),
    "half a call": (network(INPUT, layer("a", "x"), layer("b", [["a", 0.5, 0, {}]])), "'b'"),
    "a call of a number without end": (network(INPUT, layer("a", "x"), layer("b", [["a", 10**400, 0, {}]])), "'b'"),
    "a call of a huge number": (network(INPUT, layer("a", "x"), layer("b", [["a", 1e308, 0, {}]])), "'b'"),
    "a later call of itself": (network(INPUT, layer("a", "a/1", "x")), "'a'"),
    "a circle of keywords": (network(INPUT, layer("a", [["x", 0, 0, {"y": ["a", 0, 0]}]])), "'a'"),
    "in a network inside": (network(INPUT, layer("inner", "x", layers=[layer("a", "a")])), "'a'"),
}


@pytest.mark.parametrize("case", SOUND)
def test_a_network_that_can_be_called_passes(case: str) -> None:
    call_order_check.check(Path("m.h5"), SOUND[case])


@pytest.mark.parametrize("case", ENDLESS)
def test_a_network_that_waits_for_ever_is_refused_by_layer(case: str) -> None:
    config, told = ENDLESS[case]
    with pytest.raises(BadInput, match=f"m.h5: the layer {told} waits for a result that no layer makes before it"):
        call_order_check.check(Path("m.h5"), config)


@pytest.mark.parametrize("value", [None, 7, "x", [], {}, {"layers": 3}, {"layers": [None, 7, {}, {"name": []}]}])
def test_what_is_no_network_is_left_to_keras(value: Any) -> None:
    call_order_check.check(Path("m.h5"), {"config": value})
    call_order_check.check(Path("m.h5"), network(INPUT, layer("a", value)))


def test_depth_and_length_are_no_matter() -> None:
    deep = json.loads('{"config": {"layers": [' * 300 + "]}}" * 300)
    call_order_check.check(Path("m.h5"), deep)
    started = time.monotonic()
    call_order_check.check(
        Path("m.h5"), network(INPUT, *(layer(f"l{i}", f"l{i - 1}" if i else "x") for i in range(5000)))
    )
    assert time.monotonic() - started < 5
