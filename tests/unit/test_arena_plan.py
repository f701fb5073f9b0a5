"""TFLM's memory plan: by hand on small graphs, and what holds for every plan."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st
from tflite_files import KINDS, TfliteFile, float_lstm_with_int8_weights, relu_chain

from compressor.errors import BadInput
from compressor.tflm import lifetimes, planner
from compressor.tflm.planner import Buffer


def plan(content: bytes) -> dict[str, tuple[int, int, int, int]]:
    """Name → size, first, last, offset."""
    found = lifetimes.buffers(content)
    placed = planner.offsets(found)
    return {each.name: (each.size, each.first, each.last, at) for each, at in zip(found, placed, strict=True)}


def test_chain() -> None:
    """The largest at 0, what lives with it behind, and the rest in the space that became free."""
    content = relu_chain(100, 200, 50, 10)
    assert plan(content) == {"t0": (112, 0, 1, 208), "t1": (208, 1, 2, 0), "t2": (64, 2, 3, 208), "t3": (16, 3, 3, 0)}
    assert planner.head(lifetimes.buffers(content)) == 320


def test_branch_with_add() -> None:
    """Of three equal tensors the last one is placed first, as TFLM does it."""
    made = TfliteFile()
    x = made.tensor("x", 64)
    a, b, total = (made.tensor(name, 256) for name in ("a", "b", "sum"))
    y = made.tensor("y", 32)
    made.operator("RELU", [x], [a])
    made.operator("TANH", [x], [b])
    made.operator("ADD", [a, b], [total])
    made.operator("RELU", [total], [y])
    content = made.content([x], [y])
    assert plan(content) == {
        "x": (64, 0, 2, 0),
        "a": (256, 1, 3, 512),
        "b": (256, 2, 3, 256),
        "sum": (256, 3, 4, 0),
        "y": (32, 4, 4, 256),
    }
    assert planner.head(lifetimes.buffers(content)) == 768


def test_concat() -> None:
    """Both parts and the whole are alive at once."""
    made = TfliteFile()
    x, a, b, both = (made.tensor(name, size) for name, size in (("x", 48), ("a", 96), ("b", 32), ("both", 128)))
    made.operator("RELU", [x], [a])
    made.operator("TANH", [x], [b])
    made.operator("CONCATENATION", [a, b], [both])
    content = made.content([x], [both])
    assert plan(content) == {
        "x": (48, 0, 2, 0),
        "a": (96, 1, 3, 128),
        "b": (32, 2, 3, 224),
        "both": (128, 3, 3, 0),
    }
    assert planner.head(lifetimes.buffers(content)) == 256


def test_an_output_lives_to_the_end_though_nothing_reads_it() -> None:
    made = TfliteFile()
    x, early, between, late = (made.tensor(name, 16) for name in ("x", "early", "between", "late"))
    made.operator("RELU", [x], [early])
    made.operator("RELU", [x], [between])
    made.operator("RELU", [between], [late])
    found = plan(made.content([x], [early, late]))
    assert {name: (first, last) for name, (_, first, last, _) in found.items()} == {
        "x": (0, 2),
        "early": (1, 3),
        "between": (2, 3),
        "late": (3, 3),
    }


def test_constants_are_in_flash_and_variables_in_the_tail() -> None:
    found = {each.name for each in lifetimes.buffers(float_lstm_with_int8_weights()) if "scratch" not in each.name}
    assert found == {"x", "y"}


def test_an_lstm_asks_for_four_buffers_as_large_as_its_cell_state() -> None:
    scratch = [each for each in lifetimes.buffers(float_lstm_with_int8_weights()) if "scratch" in each.name]
    assert [(each.bytes, each.size, each.first, each.last) for each in scratch] == [(8, 16, 1, 1)] * 4


def test_a_mean_of_integers_sums_in_32_bits() -> None:
    made = TfliteFile()
    x, y = made.tensor("x", 1, 7, 7, 10), made.tensor("y", 1, 10)
    axes = made.tensor("axes", 2, kind=KINDS.INT32, values=np.array([1, 2], np.int32))
    made.operator("MEAN", [x, axes], [y])
    found = plan(made.content([x], [y]))
    assert found["scratch of MEAN"] == (48, 1, 1, 496)


def test_a_graph_inside_an_operator_lives_while_the_operator_does() -> None:
    """Times: WHILE 1, its condition 2 and 3, its body 4 and 5; what WHILE reads lives until all of that is over."""
    made = TfliteFile()
    x, y, unread = made.tensor("x", 16), made.tensor("y", 16), made.tensor("unread", 16)
    options = schema.WhileOptionsT()
    options.condSubgraphIndex, options.bodySubgraphIndex = 1, 2
    made.operator("WHILE", [x], [y, unread], options)
    for name in ("condition", "body"):
        inner = TfliteFile()
        asked, told = inner.tensor(f"{name} in", 16), inner.tensor(f"{name} out", 16)
        inner.operator("RELU", [asked], [told])
        inner.content([asked], [told])
        inner.graph.operators[0].opcodeIndex = len(made.model.operatorCodes)
        made.model.operatorCodes += inner.model.operatorCodes
        made.model.subgraphs.append(inner.graph)
    found = {name: (first, last) for name, (_, first, last, _) in plan(made.content([x], [y])).items()}
    assert found == {
        "x": (0, 5),
        "y": (1, 5),
        "unread": (1, 5),
        "condition in": (2, 3),
        "condition out": (3, 3),
        "body in": (4, 5),
        "body out": (5, 5),
    }


def test_numbers_that_no_arena_holds_are_told_by_tensor() -> None:
    made = TfliteFile()
    x, y = made.tensor("words", 4, kind=KINDS.STRING, scales=()), made.tensor("y", 4)
    made.operator("RELU", [x], [y])
    with pytest.raises(BadInput, match="the tensor words is of type 5, which TFLM has no memory for"):
        lifetimes.buffers(made.content([x], [y]))


BUFFERS = st.lists(
    st.builds(
        lambda bytes_, first, length: Buffer("b", bytes_, first, first + length),
        st.sampled_from([1, 16, 40, 64, 100]) | st.integers(1, 2000),
        st.integers(-1, 9),
        st.integers(0, 6),
    ),
    max_size=14,
)


@given(BUFFERS)
def test_no_two_buffers_alive_at_once_overlap(found: list[Buffer]) -> None:
    placed = list(zip(planner.offsets(found), found, strict=True))
    for (start, one), (other_start, other) in combinations(placed, 2):
        apart = start + one.size <= other_start or other_start + other.size <= start
        assert apart or not one.meets(other)


@given(BUFFERS)
def test_the_head_is_never_smaller_than_the_largest_live_set_nor_larger_than_all(found: list[Buffer]) -> None:
    sizes = [each.size for each in found]
    assert planner.largest_live(found) <= planner.head(found) <= sum(sizes)
    assert all(at % planner.ALIGNMENT == 0 for at in planner.offsets(found))


@given(BUFFERS)
def test_what_is_never_alive_with_anything_else_lies_at_the_start(found: list[Buffer]) -> None:
    alone = Buffer("alone", 10, 100, 100)
    assert planner.offsets([*found, alone])[-1] == 0


def test_what_is_planned_keeps_its_place_and_the_rest_goes_around_it() -> None:
    """As Vela writes it: inputs and outputs lie inside of the unit's own memory."""
    found = [Buffer("scratch", 100, 0, 2, place=16), Buffer("input", 50, 0, 1, place=32), Buffer("other", 40, 1, 2)]
    assert planner.offsets(found) == (16, 32, 128)
    assert planner.head(found) == 176
    alone = [Buffer("small", 16, 0, 1), Buffer("scratch", 100, 0, 2, place=16)]
    assert planner.offsets(alone) == (0, 16)


@pytest.mark.parametrize(
    ("numbers", "plan"),
    [([1, 0, 2, -1, 48], {1: 48}), ([1, 0, 3, 0, 16, 32], {}), ([1, 0], {}), ([], {}), ([1, 0, 2, 0, 0], {0: 0, 1: 0})],
)
def test_the_plan_of_a_file_is_read_where_it_speaks_of_all_tensors(numbers: list[int], plan: dict[int, int]) -> None:
    class Two:
        tensors = ("a", "b")

        def metadata(self, name: str) -> bytes:
            assert name == "OfflineMemoryAllocation"
            return np.array(numbers, "<i4").tobytes() + b"\0"

    assert lifetimes.offline_plan(Two()) == plan  # type: ignore[arg-type]
